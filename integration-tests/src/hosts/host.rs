//! One host: its namespace, its engine, its files, and what can be done to it.
//!
//! Deliberately not here: the agent. A test starts it as it starts any program on the host.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::command;
use super::dismantle::{end_processes, unmount_below};
use super::engine::Engine;
use super::http::{self, Answer};
use super::network::Port;
use super::process::Process;

/// A host. Its addresses, directory and disk stay the same through cuts and reboots.
#[derive(Debug)]
pub struct Host {
    name: String,
    port: Port,
    directory: PathBuf,
    engine: Engine,
}

impl Host {
    /// Starts the engine of a host that is plugged in already. `directory` becomes the host's own.
    pub(super) fn start(name: String, port: Port, directory: PathBuf, registry: &str) -> Result<Self> {
        let engine = Engine::open(directory.join("engine"), &port, registry)?;
        Ok(Self { name, port, directory, engine })
    }

    /// `h1`, `h2`…: its place in the fleet, counted from one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address on the fleet's network.
    pub fn address(&self) -> Ipv4Addr {
        self.port.address()
    }

    /// A socket address on this host.
    pub fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::from((self.address(), port))
    }

    /// Its place on the network, for [`super::Network::cut`].
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Where its files are, those of processes started with [`Host::spawn`] included. Removed with the fleet.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its container engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A command that will run on this host: in its network, with `DOCKER_HOST` naming its engine.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = command::inside(&self.port.namespace(), program);
        command.env("DOCKER_HOST", self.engine.address());
        command
    }

    /// Runs a program on this host to its end and returns its standard output. The error carries what it complained of.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        command::output(self.command(program).args(arguments))
    }

    /// Starts a [`Host::command`] that stays, with its output in `NAME.out` and `NAME.err` in the host's directory.
    pub fn spawn(&self, name: &str, command: Command) -> Result<Process> {
        Process::spawn(command, name, &self.directory)
    }

    /// `GET path` on a port of this host, asked from outside it. Any status is an answer.
    pub fn http_get(&self, port: u16, path: &str) -> Result<Answer> {
        http::get(self.at(port), path)
    }

    /// Pulls the plug: every process on the host ends at once, containers, engine and whatever a test has started there.
    /// What is not on disk is gone: mounts, interfaces, firewall rules.
    pub fn power_off(&self) -> Result<()> {
        end_processes(std::slice::from_ref(&self.port.mark), &[])?;
        unmount_below(&self.directory)?;
        self.engine.forget_running()?;
        self.port.replug()
    }

    /// Starts the engine of a host after [`Host::power_off`]; what a test ran there, the test starts again.
    pub fn power_on(&self) -> Result<()> {
        self.engine.start()
    }

    /// [`Host::power_off`] and [`Host::power_on`].
    pub fn reboot(&self) -> Result<()> {
        self.power_off()?;
        self.power_on()
    }
}
