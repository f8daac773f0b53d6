//! Docker Swarm with its defaults: a service published in host mode, for the routing mesh needs what not every kernel has. With a port of
//! the host two tasks can't run side by side: Swarm stops the old one first, whatever the service asks for.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Candidate;
use super::stop_start::answers;
use crate::bench::until;
use crate::hosts::{Host, Published};

/// An update watches its task for 5 s by default.
const DEADLINE: Duration = Duration::from_mins(2);

#[derive(Debug)]
pub(super) struct Swarm<'a> {
    host: &'a Host,
    port: u16,
}

impl<'a> Swarm<'a> {
    pub(super) fn new(host: &'a Host, port: u16) -> Self {
        Self { host, port }
    }

    fn name(&self) -> String {
        format!("swarm-{}", self.port)
    }

    fn update(&self) -> Result<Value> {
        let service = self.host.engine().api("GET", &format!("/services/{}", self.name()), None)?.json()?;
        Ok(service["UpdateStatus"].clone())
    }
}

impl Candidate for Swarm<'_> {
    fn begin(&mut self, release: &Published) -> Result<()> {
        let info = self.host.engine().api("GET", "/info", None)?.json()?;
        if info["Swarm"]["LocalNodeState"] != "active" {
            let address = self.host.address().to_string();
            self.host.run("docker", &["swarm", "init", "--advertise-addr", &address]).context("no swarm")?;
        }
        let publish = format!("mode=host,published={},target=8080", self.port);
        let (name, image) = (self.name(), release.pinned());
        self.host.run("docker", &["service", "create", "--detach", "--name", &name, "--publish", &publish, &image])?;
        answers(self.host, self.port)
    }

    fn swap(&mut self, release: &Published) -> Result<()> {
        let before = self.update()?["StartedAt"].clone();
        let (name, image) = (self.name(), release.pinned());
        self.host.run("docker", &["service", "update", "--detach", "--image", &image, &name])?;
        until("the update is completed", DEADLINE, || {
            let update = self.update()?;
            Ok(update["StartedAt"] != before && update["State"] == "completed")
        })?;
        answers(self.host, self.port)
    }
}
