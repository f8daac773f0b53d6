//! `HAProxy` before two places, told of a swap through its runtime interface: the new server gets ready, the old one drains.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::Candidate;
use super::slots::Slots;
use crate::bench::{answers, until};
use crate::hosts::{Fleet, Host, Process, Published};

/// For the old server's last requests.
const DRAIN: Duration = Duration::from_secs(10);
/// For one command.
const COMMAND: Duration = Duration::from_secs(5);
/// The servers' names, by place.
const SERVERS: [&str; 2] = ["a", "b"];

#[derive(Debug)]
pub(super) struct Haproxy<'a> {
    host: &'a Host,
    slots: Slots<'a>,
    port: u16,
    socket: PathBuf,
    process: Option<Process>,
}

impl<'a> Haproxy<'a> {
    pub(super) fn new(fleet: &Fleet, host: &'a Host, port: u16) -> Result<Self> {
        let socket = host.directory().join(format!("haproxy-{port}.sock"));
        Ok(Self { host, slots: Slots::new(fleet, host, port)?, port, socket, process: None })
    }

    fn configuration(&self) -> String {
        format!(
            "global\n  maxconn 4000\n  stats socket {socket} mode 600 level admin\n\
             defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
             frontend in\n  bind *:{port}\n  default_backend app\n\
             backend app\n  server a {a}\n  server b {b} disabled\n",
            socket = self.socket.display(),
            port = self.port,
            a = self.slots.address(0),
            b = self.slots.address(1),
        )
    }

    /// A command of the runtime interface, and its answer.
    fn tell(&self, command: &str) -> Result<String> {
        let mut stream = UnixStream::connect(&self.socket).context("cannot reach HAProxy's socket")?;
        stream.set_read_timeout(Some(COMMAND))?;
        stream.write_all(format!("{command}\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn set(&self, place: usize, state: &str) -> Result<()> {
        let answer = self.tell(&format!("set server app/{} state {state}", SERVERS[place]))?;
        ensure!(answer.trim().is_empty(), "HAProxy says: {answer}");
        Ok(())
    }

    /// How many requests a server has under way: the fifth column of its line.
    fn under_way(&self, place: usize) -> Result<u32> {
        let stat = self.tell("show stat")?;
        let begin = format!("app,{},", SERVERS[place]);
        let line = stat.lines().find(|line| line.starts_with(&begin)).context("HAProxy does not know the server")?;
        line.split(',').nth(4).and_then(|field| field.parse().ok()).context("HAProxy's figures can't be read")
    }
}

impl Candidate for Haproxy<'_> {
    fn begin(&mut self, release: &Published) -> Result<()> {
        self.slots.begin(release)?;
        let file = self.host.directory().join(format!("haproxy-{}.cfg", self.port));
        fs::write(&file, self.configuration())?;
        let mut command = self.host.command("haproxy");
        command.arg("-db").arg("-f").arg(&file);
        self.process = Some(self.host.spawn(&format!("haproxy-{}", self.port), command)?);
        answers(self.host, self.port)
    }

    fn swap(&mut self, release: &Published) -> Result<()> {
        let (old, new) = (self.slots.current, self.slots.other());
        self.slots.start(new, release)?;
        self.set(new, "ready")?;
        self.set(old, "drain")?;
        until("the old server has nothing under way", DRAIN, || Ok(self.under_way(old)? == 0))?;
        self.set(old, "maint")?;
        self.slots.current = new;
        self.slots.stop(old)
    }
}
