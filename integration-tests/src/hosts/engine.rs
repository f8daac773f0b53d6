//! A host's container engine: a `dockerd` of its own, with its own containerd, images, containers and socket.
//!
//! Deliberately not here: what the engine is asked to do (`engine/api.rs`), and an end that leaves nothing behind
//! (`dismantle.rs`).

mod api;

pub(super) use api::progress;

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::command;
use super::eventually;
use super::identity::Identity;
use super::network::Port;
use super::process::Process;

/// An engine is up in two or three seconds; ten at once on two busy cores need far more.
const START_DEADLINE: Duration = Duration::from_mins(2);
/// An engine stops its containers first, each with its own ten seconds.
const STOP_DEADLINE: Duration = Duration::from_mins(1);
/// How long containerd may outlive a killed engine: it dies with it, but not in the same instant.
const CONTAINERD_DEADLINE: Duration = Duration::from_secs(5);

/// An engine, running or not. Its images and containers are on disk and survive every kind of end.
#[derive(Debug)]
pub struct Engine {
    directory: PathBuf,
    namespace: PathBuf,
    mark: String,
    process: Mutex<Option<Process>>,
}

impl Engine {
    /// Starts an engine in the namespace of `port`, with its files in `directory`, that trusts `registry` (`HOST:PORT`)
    /// without TLS; returns when it answers.
    pub(super) fn open(directory: PathBuf, port: &Port, registry: &str) -> Result<Self> {
        fs::create_dir_all(&directory)?;
        let engine =
            Self { directory, namespace: port.namespace(), mark: port.mark.clone(), process: Mutex::default() };
        engine.configure("insecure-registries", json!([registry]))?;
        engine.start()?;
        Ok(engine)
    }

    /// The engine's unix socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join("docker.sock")
    }

    /// The address of the socket as clients want it in `DOCKER_HOST`.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Sets a key of the engine's configuration file (`live-restore`, `registry-mirrors`), from its next start on.
    pub fn configure(&self, key: &str, value: Value) -> Result<()> {
        let path = self.directory.join("daemon.json");
        let mut keys: Map<String, Value> =
            if path.exists() { serde_json::from_slice(&fs::read(&path)?)? } else { Map::new() };
        keys.insert(key.to_owned(), value);
        fs::write(&path, Value::Object(keys).to_string())?;
        Ok(())
    }

    /// Starts the engine on what it had before, and returns when it answers. Nothing happens if it runs.
    pub fn start(&self) -> Result<()> {
        let mut slot = self.process();
        if slot.as_ref().is_some_and(Process::is_running) {
            return Ok(());
        }
        // Left by a killed engine: its pid may be somebody else's by now, and the engine would refuse to start.
        let _ = fs::remove_file(self.directory.join("docker.pid"));
        let _ = fs::remove_file(self.socket());
        // The same for its containerd, whose corpse the engine takes for alive until PID 1 has buried it.
        if self.containerd().is_none() {
            let _ = fs::remove_file(self.containerd_pid());
        }
        let process = Process::spawn(self.command(), "dockerd", &self.directory)?;
        let answers = eventually::value("the engine answers on its socket", START_DEADLINE, || {
            if !process.is_running() {
                bail!("the engine has ended");
            }
            Ok(self.answers().then_some(()))
        });
        answers.with_context(|| format!("{}:\n{}", self.mark, process.last_words(20)))?;
        *slot = Some(process);
        Ok(())
    }

    /// Ends the engine with SIGKILL. Its containers go on running, as those of any killed engine.
    pub fn kill9(&self) {
        let containerd = self.containerd();
        if let Some(process) = self.process().take() {
            process.kill9();
        }
        // An engine that finds the dying containerd of the one before would wait for it for ever.
        if let Some(containerd) = containerd {
            let gone = || Ok((!containerd.is_alive()).then_some(()));
            let _ = eventually::value("containerd ends", CONTAINERD_DEADLINE, gone);
        }
    }

    /// Asks the engine to end (SIGTERM), which stops its containers, and waits for that.
    pub fn stop(&self) -> Result<()> {
        let Some(process) = self.process().take() else { return Ok(()) };
        process.terminate();
        process.wait(STOP_DEADLINE).map(drop)
    }

    /// [`Engine::stop`], then [`Engine::start`]: what a package upgrade does.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.start()
    }

    /// Whether the engine answers right now.
    pub fn answers(&self) -> bool {
        self.api("GET", "/_ping", None).is_ok()
    }

    /// Forgets a process that the whole host's end has taken along, and what a reboot takes: all that is not on disk.
    pub(super) fn forget_running(&self) -> Result<()> {
        drop(self.process().take());
        let volatile = self.directory.join("exec");
        if volatile.exists() {
            fs::remove_dir_all(&volatile).with_context(|| format!("cannot remove {}", volatile.display()))?;
        }
        Ok(())
    }

    fn command(&self) -> std::process::Command {
        let at = |name: &str| self.directory.join(name);
        let mut command = command::inside(&self.namespace, "dockerd");
        // A configuration of its own even where empty: the machine's own engine may have one that would be read instead.
        command.arg("--config-file").arg(at("daemon.json"));
        command.arg("--data-root").arg(at("data")).arg("--exec-root").arg(at("exec"));
        command.arg("--pidfile").arg(at("docker.pid")).arg("--host").arg(self.address());
        // A group of its own above its containers: how their processes are found, on a machine with several engines.
        command.arg("--exec-opt").arg("native.cgroupdriver=cgroupfs");
        command.arg("--cgroup-parent").arg(format!("/{}", self.mark));
        command
    }

    fn containerd(&self) -> Option<Identity> {
        Identity::of(fs::read_to_string(self.containerd_pid()).ok()?.trim().parse().ok()?)
    }

    fn containerd_pid(&self) -> PathBuf {
        self.directory.join("exec/containerd/containerd.pid")
    }

    fn connect(&self, timeout: Duration) -> Result<UnixStream> {
        let socket: &Path = &self.socket();
        let stream = UnixStream::connect(socket).with_context(|| format!("cannot connect to {}", socket.display()))?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(stream)
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
