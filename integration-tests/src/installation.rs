//! Evenkeel installed on real hosts: the real coordinator and real agents as processes, and the operator's command line.
//!
//! Deliberately not here: the hosts themselves (`crate::hosts`), what is tested on them (`tests/hosts_*.rs`).

#![allow(clippy::disallowed_types, reason = "real hosts live in real time; no simulated clock reaches them")]

mod binaries;
mod compose;
mod footprint;
mod proxies;
mod verbs;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::hosts::{Fleet, Process, eventually};

pub use binaries::{
    agent_binary, agent_with_failpoints, coordinator_binary, crowd_binary, optimised_agent, optimised_coordinator,
};
pub use compose::{Compose, Published};
pub use footprint::Footprint;
pub use verbs::{Ended, places};

/// For anything that a process does by itself.
pub const SOON: Duration = Duration::from_mins(1);
/// The coordinator's port.
const PORT: u16 = 7400;

/// A coordinator, and an agent and a proxy on each host.
#[derive(Debug)]
pub struct Installation {
    coordinator: Mutex<Option<Process>>,
    agents: Vec<Mutex<Option<Process>>>,
    proxies: Vec<Mutex<Option<Process>>>,
    /// Of each host; none: it has none.
    zones: Vec<Option<String>>,
    fleet: Fleet,
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that panicked with it has failed already.
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Installation {
    /// So many hosts, joined as `h1`, `h2`, … with the label `role=web`, all connected.
    pub fn start(hosts: u8) -> Result<Self> {
        Self::start_labelled(vec![None; hosts.into()])
    }

    /// A host in each of these zones, by the label `zone`; the rest as with [`Installation::start`].
    pub fn start_in_zones(zones: &[&str]) -> Result<Self> {
        Self::start_labelled(zones.iter().map(|zone| Some((*zone).to_owned())).collect())
    }

    fn start_labelled(zones: Vec<Option<String>>) -> Result<Self> {
        let fleet = Fleet::start(u8::try_from(zones.len())?)?;
        let none = || zones.iter().map(|_| Mutex::new(None)).collect();
        let (agents, proxies) = (none(), none());
        let installation = Self { coordinator: Mutex::new(None), agents, proxies, zones, fleet };
        installation.start_coordinator()?;
        for host in 0..installation.zones.len() {
            installation.start_proxy(host)?;
            installation.join(host)?;
            installation.start_agent(host)?;
        }
        installation.until_connected()?;
        Ok(installation)
    }

    /// The hosts, their engines and the registry.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Where the coordinator is reached.
    pub fn address(&self) -> String {
        format!("{}:{PORT}", self.fleet.network().gateway())
    }

    /// The coordinator's folder.
    pub fn data_dir(&self) -> PathBuf {
        self.fleet.directory().join("coordinator")
    }

    /// Starts the coordinator, and waits until it answers.
    pub fn start_coordinator(&self) -> Result<()> {
        let mut command = Command::new(coordinator_binary()?);
        command.arg("serve").arg("--config").arg(self.empty_file()?);
        command.args(["--fleet", "test", "--listen", &self.address()]);
        command.args(["--http-listen", "127.0.0.1:0", "--data-dir"]).arg(self.data_dir());
        command.args(["--insecure-registries", &self.fleet.registry().address().to_string()]);
        *held(&self.coordinator) = Some(self.fleet.spawn("coordinator", command)?);
        eventually("the coordinator answers", SOON, || self.verb(["hosts"]).is_ok_and(|ended| ended.code == 0));
        Ok(())
    }

    /// Ends the coordinator with SIGKILL.
    pub fn kill_coordinator(&self) {
        if let Some(process) = held(&self.coordinator).take() {
            process.kill9();
        }
    }

    /// Gets a token for this host, and joins by it.
    pub fn join(&self, host: usize) -> Result<()> {
        let zone = self.zones[host].as_ref().map(|zone| format!("zone={zone}"));
        let labels = ["role=web"].into_iter().chain(zone.as_deref());
        let token = self.token(&labels.flat_map(|label| ["--label", label]).collect::<Vec<_>>())?;
        let joined = self.join_with(host, &token)?;
        ensure!(joined.code == 0, "the host did not join: {joined}");
        Ok(())
    }

    /// A join token.
    pub fn token(&self, arguments: &[&str]) -> Result<String> {
        let mut verb = vec!["token", "create", "--output", "json"];
        verb.extend(arguments);
        let made = self.verb(&verb)?;
        ensure!(made.code == 0, "no token was made: {made}");
        Ok(made.json()?["token"].as_str().context("the answer has no token")?.to_owned())
    }

    /// Joins by this token.
    pub fn join_with(&self, host: usize, token: &str) -> Result<Ended> {
        let name = self.fleet.host(host).name().to_owned();
        let mut command = self.agent(host, &agent_binary()?)?;
        command.args(["join", "--host", &name]).env("EVENKEEL_TOKEN", token);
        Ended::of(command)
    }

    /// Starts the agent of a host.
    pub fn start_agent(&self, host: usize) -> Result<()> {
        let mut command = self.agent(host, &agent_binary()?)?;
        command.arg("run");
        *held(&self.agents[host]) = Some(self.fleet.host(host).spawn("agent", command)?);
        Ok(())
    }

    /// Starts the agent of a host as operators have it.
    pub fn start_optimised_agent(&self, host: usize) -> Result<()> {
        let mut command = self.agent(host, &optimised_agent()?)?;
        command.arg("run");
        *held(&self.agents[host]) = Some(self.fleet.host(host).spawn("agent", command)?);
        Ok(())
    }

    /// Starts an agent that ends itself with SIGKILL at this place.
    pub fn start_agent_that_dies(&self, host: usize, place: &str) -> Result<()> {
        let mut command = self.agent(host, &agent_with_failpoints()?)?;
        command.arg("run").env("EVENKEEL_FAILPOINT", place);
        *held(&self.agents[host]) = Some(self.fleet.host(host).spawn("agent", command)?);
        Ok(())
    }

    /// Ends the agent of a host with SIGKILL; its containers go on.
    pub fn kill_agent(&self, host: usize) {
        if let Some(process) = held(&self.agents[host]).take() {
            process.kill9();
        }
    }

    /// Whether the agent of a host runs.
    pub fn agent_runs(&self, host: usize) -> bool {
        held(&self.agents[host]).as_ref().is_some_and(Process::is_running)
    }

    /// The process id of a host's agent.
    pub fn agent_pid(&self, host: usize) -> Option<u32> {
        held(&self.agents[host]).as_ref().map(Process::pid)
    }

    /// What a host's agent wrote.
    pub fn agent_log(&self, host: usize) -> String {
        held(&self.agents[host]).as_ref().map(Process::log).unwrap_or_default()
    }

    /// The agent's program on a host, with its configuration in the environment.
    fn agent(&self, host: usize, binary: &Path) -> Result<Command> {
        let host = self.fleet.host(host);
        let mut command = host.command(binary);
        command.arg("--config").arg(self.empty_file()?);
        command.env("EVENKEEL_COORDINATORS", self.address());
        command.env("EVENKEEL_DATA_DIR", host.directory().join("agent"));
        command.env("EVENKEEL_DOCKER_SOCKET", host.engine().socket());
        command.env("EVENKEEL_PROXY__SOCKET", host.directory().join("proxy.sock"));
        command.env("EVENKEEL_PROXY__STATE_DIR", host.directory().join("proxy"));
        command.env("EVENKEEL_LOG_FILTER", "info,evenkeel_agent=debug");
        Ok(command)
    }

    /// A configuration that says nothing: the machine's own must not count.
    fn empty_file(&self) -> Result<PathBuf> {
        let path = self.fleet.directory().join("empty.toml");
        std::fs::write(&path, "")?;
        Ok(path)
    }

    /// Waits until every host is heard.
    pub fn until_connected(&self) -> Result<()> {
        eventually("every host is heard", SOON, || {
            self.verb(["hosts", "--output", "json"]).and_then(|ended| ended.json()).is_ok_and(|answer| {
                let hosts = answer["hosts"].as_array().cloned().unwrap_or_default();
                hosts.len() == self.agents.len() && hosts.iter().all(|host| host["contact"] == "live")
            })
        });
        Ok(())
    }
}
