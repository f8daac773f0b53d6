//! Agents in a process of their own, told over a socket how many of them shall have a stream. Not here: the agents (`integration-tests/crowd`).

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::DEADLINE;
use crate::bench::until;
use crate::hosts::{Place, Process};
use crate::installation::crowd_binary;

/// For an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Some agents.
#[derive(Debug)]
pub(super) struct Crowd {
    process: Process,
    asked: BufReader<UnixStream>,
}

/// Which agents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Which<'a> {
    /// Of the process and its socket.
    pub(super) name: &'a str,
    pub(super) coordinator: SocketAddr,
    pub(super) credentials: &'a Path,
    pub(super) first: usize,
    pub(super) count: usize,
}

/// How they are.
#[derive(Debug, Clone)]
pub(super) struct Status {
    /// Streams that are open.
    pub(super) live: u64,
    /// Streams that were, open or not.
    pub(super) opened: u64,
    /// Assignments that were withdrawn.
    pub(super) withdrawn: u64,
    /// All that they have to say.
    pub(super) said: Value,
}

impl Crowd {
    /// Starts them; none has a stream yet.
    pub(super) fn start(place: &Place, which: Which<'_>) -> Result<Self> {
        let socket = place.directory().join(format!("{}.sock", which.name));
        // Of one before, which is gone.
        let _ = std::fs::remove_file(&socket);
        let mut command = Command::new(crowd_binary()?);
        command.arg("agents").arg(which.coordinator.to_string()).arg(which.credentials);
        command.args([which.first.to_string(), which.count.to_string()]).arg(&socket);
        let process = place.spawn(which.name, command)?;
        let mut stream = None;
        until("the agents are ready", DEADLINE, || {
            ensure!(process.is_running(), "the agents ended: {}", process.log());
            stream = UnixStream::connect(&socket).ok();
            Ok(stream.is_some())
        })?;
        let stream = stream.context("it was there just now")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { process, asked: BufReader::new(stream) })
    }

    /// From now on so many of them shall have a stream.
    pub(super) fn want(&mut self, agents: usize) -> Result<()> {
        self.ask(&format!("want {agents}")).map(drop)
    }

    pub(super) fn status(&mut self) -> Result<Status> {
        let said = self.ask("status")?;
        let number = |name: &str| said[name].as_u64().with_context(|| format!("no {name} in {said}"));
        Ok(Status { live: number("live")?, opened: number("opened")?, withdrawn: number("withdrawn")?, said })
    }

    /// Waits until so many have a stream, each of them one that was opened after `opened` had been.
    pub(super) fn until_live(&mut self, agents: usize, opened: u64) -> Result<()> {
        let mut last = Value::Null;
        let waited = until("every agent has a stream", DEADLINE, || {
            let status = self.status()?;
            let is_there = status.live == agents as u64 && status.opened >= opened + agents as u64;
            last = status.said;
            Ok(is_there)
        });
        waited.with_context(|| format!("the agents said last: {last}"))
    }

    /// Ends them with SIGKILL: the kernel closes their connections.
    pub(super) fn kill(&self) {
        self.process.kill9();
    }

    /// Stops them in the middle of whatever they do; their connections stay open.
    pub(super) fn freeze(&self) {
        self.process.freeze();
    }

    fn ask(&mut self, line: &str) -> Result<Value> {
        self.asked.get_mut().write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        self.asked.read_line(&mut answer).with_context(|| format!("no answer to `{line}`"))?;
        let answer: Value = serde_json::from_str(&answer).with_context(|| format!("`{line}`: {answer}"))?;
        ensure!(answer["problem"].is_null(), "{}", answer["problem"]);
        Ok(answer)
    }
}
