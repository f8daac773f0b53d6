//! Two places for containers behind a proxy of somebody else's: fixed addresses on a network of their own, one in use at a time.
//!
//! The order is that of a careful script: start the new one, wait until it is healthy, let the proxy switch, wait until the old one has
//! nothing left, stop it. Deliberately not here: the switch (`nginx.rs`, `haproxy.rs`).

use std::time::Duration;

use anyhow::Result;

use crate::bench::until;
use crate::hosts::{Fleet, Host, Published};

/// For a container to be healthy.
const DEADLINE: Duration = Duration::from_secs(30);
/// The places' last numbers.
const PLACES: [u8; 2] = [10, 11];

#[derive(Debug)]
pub(super) struct Slots<'a> {
    host: &'a Host,
    /// The test program, whose `check` asks a container from the host.
    check: String,
    port: u16,
    /// The place in use.
    pub(super) current: usize,
}

impl<'a> Slots<'a> {
    pub(super) fn new(fleet: &Fleet, host: &'a Host, port: u16) -> Result<Self> {
        let check = fleet.images()?.program().to_string_lossy().into_owned();
        Ok(Self { host, check, port, current: 0 })
    }

    /// The network, and the first release in the first place.
    pub(super) fn begin(&mut self, release: &Published) -> Result<()> {
        let subnet = format!("{}.0/24", self.prefix());
        self.host.run("docker", &["network", "create", "--subnet", &subnet, &self.name()])?;
        self.start(0, release)
    }

    /// `ADDRESS:PORT` of a place.
    pub(super) fn address(&self, place: usize) -> String {
        format!("{}.{}:8080", self.prefix(), PLACES[place])
    }

    /// The place not in use.
    pub(super) fn other(&self) -> usize {
        1 - self.current
    }

    /// Runs a release in a place, and waits until it is healthy.
    pub(super) fn start(&self, place: usize, release: &Published) -> Result<()> {
        let (name, address) = (self.container(place), self.address(place));
        let ip = address.trim_end_matches(":8080");
        let network = self.name();
        let image = release.pinned();
        self.host.run("docker", &["run", "--detach", "--name", &name, "--network", &network, "--ip", ip, &image])?;
        let url = format!("{address}/healthz");
        until("the new container is healthy", DEADLINE, || Ok(self.host.run(&self.check, &["check", &url]).is_ok()))
    }

    /// Stops and removes what is in a place.
    pub(super) fn stop(&self, place: usize) -> Result<()> {
        self.host.run("docker", &["stop", &self.container(place)])?;
        self.host.run("docker", &["rm", &self.container(place)]).map(drop)
    }

    fn name(&self) -> String {
        format!("slots-{}", self.port)
    }

    fn container(&self, place: usize) -> String {
        format!("{}-{place}", self.name())
    }

    /// Each row has a network of its own.
    fn prefix(&self) -> String {
        format!("172.30.{}", self.port % 250)
    }
}
