//! The operator's command line, run as an operator would, and what came of it.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Compose, Installation, SOON, agent_with_failpoints, coordinator_binary};
use crate::hosts::eventually;

/// The moments before and after each of these actions: where [`Installation::deploy_while_the_agent_dies`] has the agent die.
pub fn places(actions: &[&str]) -> Vec<String> {
    actions.iter().flat_map(|action| [format!("before:{action}"), format!("after:{action}")]).collect()
}

/// A command that has ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Ended {
    /// Runs it to its end.
    pub fn of(mut command: Command) -> Result<Self> {
        let output = command.stdin(Stdio::null()).output().with_context(|| format!("can't run {command:?}"))?;
        Ok(Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Its output as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("the output is not JSON: {self}"))
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.out, self.err)
    }
}

impl Installation {
    /// A verb of `evenkeel`, as the first operator.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Command> {
        let mut command = Command::new(coordinator_binary()?);
        command.args(arguments).env("EVENKEEL_CONTEXT", self.data_dir().join("admin.toml"));
        Ok(command)
    }

    /// Runs a verb to its end.
    pub fn verb<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Ended> {
        Ended::of(self.command(arguments)?)
    }

    /// Makes another operator, and returns its context file.
    pub fn add_operator(&self, name: &str, role: &str) -> Result<PathBuf> {
        let file = self.fleet().directory().join(format!("{name}.toml"));
        let mut command = self.command(["operator", "add", name, "--role", role, "--out"])?;
        command.arg(&file);
        let added = Ended::of(command)?;
        ensure!(added.code == 0, "the operator was not added: {added}");
        Ok(file)
    }

    /// Runs a verb to its end, as the operator with this context file.
    pub fn verb_as<S: AsRef<OsStr>>(&self, context: &Path, arguments: impl IntoIterator<Item = S>) -> Result<Ended> {
        let mut command = self.command(arguments)?;
        command.env("EVENKEEL_CONTEXT", context);
        Ended::of(command)
    }

    /// `evenkeel deploy` of this file, waiting for its end.
    pub fn deploy(&self, compose: &Compose) -> Result<Ended> {
        Ended::of(self.deploy_command(compose, &[])?)
    }

    /// `evenkeel deploy --detach`: ends when the rollout was begun.
    pub fn deploy_detached(&self, compose: &Compose) -> Result<Ended> {
        Ended::of(self.deploy_command(compose, &["--detach"])?)
    }

    fn deploy_command(&self, compose: &Compose, more: &[&str]) -> Result<Command> {
        let file = self.fleet().directory().join("compose.yaml");
        std::fs::write(&file, compose.text(&self.fleet().registry().address().to_string()))?;
        let mut command = self.command(["deploy", "-f"])?;
        command.arg(file).args(more);
        Ok(command)
    }

    /// Waits for the newest rollout's end.
    pub fn watch(&self) -> Result<Ended> {
        self.verb(["rollout", "watch"])
    }

    /// Replaces the agent of a host by one that dies at a place, begins a rollout, waits for the death, starts a whole agent, and waits for
    /// the end: its exit code.
    pub fn deploy_while_the_agent_dies(&self, host: usize, place: &str, compose: &Compose) -> Result<i32> {
        // Where it has to be built first, that takes longer than a rollout waits.
        agent_with_failpoints()?;
        self.kill_agent(host);
        let begun = self.deploy_detached(compose)?;
        ensure!(begun.code == 0, "the rollout did not begin: {begun}");
        self.start_agent_that_dies(host, place)?;
        eventually(&format!("the agent dies {place}"), SOON, || !self.agent_runs(host));
        self.start_agent(host)?;
        Ok(self.watch()?.code)
    }

    /// The newest rollout.
    pub fn rollout(&self) -> Result<Value> {
        self.verb(["rollout", "show", "--output", "json"])?.json()
    }
}
