//! Several hosts, their network and their registry, as one value whose end removes them all.
//!
//! Deliberately not here: how that removal works (`run.rs`, `dismantle.rs`).

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::{fs, thread};

use anyhow::{Context, Result, ensure};

use super::command;
use super::host::Host;
use super::images::{Image, Images, Published};
use super::network::Network;
use super::process::{Process, last_lines};
use super::registry::Registry;
use super::run::Run;

/// More would need other addresses; memory ends far below (about 110 MB a host).
const HOSTS_AT_MOST: u8 = 100;
/// Of each log, when a test fails.
const LAST_WORDS: usize = 30;

/// A fleet of real hosts. Dropping it, by a panic too, ends and removes everything that was started for it.
#[derive(Debug)]
pub struct Fleet {
    // The first field is dropped first: the whole run goes at once, the others then only reap their children.
    run: Run,
    hosts: Vec<Host>,
    registry: Registry,
    network: Network,
    images: OnceLock<Images>,
}

impl Fleet {
    /// Starts a registry and `hosts` hosts and returns when all engines answer. Needs root. Whatever goes wrong, nothing
    /// stays behind.
    pub fn start(hosts: u8) -> Result<Self> {
        ensure!(nix::unistd::geteuid().is_root(), "real hosts need root");
        ensure!((1..=HOSTS_AT_MOST).contains(&hosts), "a fleet has 1 to {HOSTS_AT_MOST} hosts");
        command::require(&["dockerd", "docker-registry", "containerd", "ip", "iptables", "nsenter", "umount"])?;
        let run = Run::begin()?;
        let network = Network::open(&run)?;
        let registry = Registry::open(run.directory().join("registry"), network.gateway())?;
        let hosts = start_hosts(hosts, &run, &network, &registry.address().to_string())?;
        Ok(Self { run, hosts, registry, network, images: OnceLock::new() })
    }

    /// Host `index`, counted from zero; its name is one higher.
    pub fn host(&self, index: usize) -> &Host {
        &self.hosts[index]
    }

    /// All hosts.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The network; its gateway is where a coordinator listens.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// A directory for what belongs to no host, such as a coordinator's store. Removed with the fleet.
    pub fn directory(&self) -> &Path {
        self.run.directory()
    }

    /// Starts a process that belongs to no host, such as a coordinator: in the root namespace, reachable for the hosts at
    /// the network's gateway. Its output is in `NAME.out` and `NAME.err` in the fleet's directory.
    pub fn spawn(&self, name: &str, command: Command) -> Result<Process> {
        Process::spawn(command, name, self.directory())
    }

    /// Puts the test program into the registry as `app:TAG` with `environment` baked in; see [`Images::publish`].
    pub fn publish(&self, tag: &str, environment: &[(&str, &str)]) -> Result<Published> {
        self.publish_image(Image { repository: "app", tag, environment, healthcheck: false, own_layer: false })
    }

    /// Puts any test image into the registry, with the help of the first host's engine.
    pub fn publish_image(&self, image: Image<'_>) -> Result<Published> {
        self.images()?.publish(self.host(0).engine(), &self.registry, image)
    }

    /// The test program, built when it is first asked for.
    pub fn images(&self) -> Result<&Images> {
        if let Some(images) = self.images.get() {
            return Ok(images);
        }
        let built = Images::build()?;
        Ok(self.images.get_or_init(|| built))
    }

    /// Cuts a host off from all others and from this machine.
    pub fn cut(&self, index: usize) -> Result<()> {
        self.network.cut(self.host(index).port())
    }

    /// Ends [`Fleet::cut`].
    pub fn heal(&self, index: usize) -> Result<()> {
        self.network.heal(self.host(index).port())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if thread::panicking() {
            print_logs(self.run.directory());
            self.hosts.iter().for_each(|host| print_logs(host.directory()));
        }
    }
}

/// Plugs the hosts in one after the other and starts their engines side by side.
fn start_hosts(count: u8, run: &Run, network: &Network, registry: &str) -> Result<Vec<Host>> {
    let ports: Vec<_> = (1..=count).map(|number| network.attach(number)).collect::<Result<_>>()?;
    thread::scope(|scope| {
        let starting: Vec<_> = ports
            .into_iter()
            .enumerate()
            .map(|(index, port)| {
                let name = format!("h{}", index + 1);
                let directory = run.directory().join(&name);
                scope.spawn(move || Host::start(name, port, directory, registry))
            })
            .collect();
        starting.into_iter().map(|thread| thread.join().ok().context("a host's start panicked")?).collect()
    })
}

/// The ends of all logs in `directory`, for whoever has to find out why a test failed.
fn print_logs(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_log = path.extension().is_some_and(|extension| extension == "out" || extension == "err");
        let text = fs::read(&path).unwrap_or_default();
        if is_log && !text.is_empty() {
            let end = last_lines(&String::from_utf8_lossy(&text), LAST_WORDS);
            let _ = writeln!(io::stderr(), "--- the end of {}\n{end}", path.display());
        }
    }
}
