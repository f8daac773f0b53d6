//! Docker Swarm on the hosts' engines, and a service of it that runs on every one: published in host mode, for the routing mesh needs what
//! not every kernel has. With a port of the host two tasks can't run side by side: Swarm stops the old one first, whatever the service asks for.
//! Not here: with which settings it is compared.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{answers, until};
use crate::hosts::{Host, Published};

/// An update watches its tasks for 5 s each by default.
const DEADLINE: Duration = Duration::from_mins(2);

/// A service, and the hosts that it runs on.
#[derive(Debug)]
pub(super) struct Service<'a> {
    hosts: &'a [Host],
    name: String,
    port: u16,
    /// When the update before began: the next one is another.
    before: Value,
}

/// Makes the hosts one swarm, the first its manager, unless they are.
pub(super) fn join(hosts: &[Host]) -> Result<()> {
    let Some((manager, others)) = hosts.split_first() else { return Ok(()) };
    let address = manager.address().to_string();
    if !is_active(manager)? {
        manager.run("docker", &["swarm", "init", "--advertise-addr", &address]).context("no swarm")?;
    }
    for host in others {
        if !is_active(host)? {
            let token = manager.run("docker", &["swarm", "join-token", "--quiet", "worker"])?;
            host.run("docker", &["swarm", "join", "--token", token.trim(), &format!("{address}:2377")])
                .with_context(|| format!("{} did not join the swarm", host.name()))?;
        }
    }
    Ok(())
}

fn is_active(host: &Host) -> Result<bool> {
    let info = host.engine().api("GET", "/info", None)?.json()?;
    Ok(info["Swarm"]["LocalNodeState"] == "active")
}

impl<'a> Service<'a> {
    /// Not made yet.
    pub(super) fn new(hosts: &'a [Host], name: String, port: u16) -> Self {
        Self { hosts, name, port, before: Value::Null }
    }

    /// Makes it with these options of `docker service create`, and waits until it is well on every host.
    pub(super) fn create(&self, release: &Published, options: &[&str]) -> Result<()> {
        join(self.hosts)?;
        let publish = format!("mode=host,published={},target=8080", self.port);
        let image = release.pinned();
        let mut arguments = vec!["service", "create", "--detach", "--name", &self.name, "--publish", &publish];
        arguments.extend(options);
        arguments.push(&image);
        self.hosts[0].run("docker", &arguments)?;
        until("the service runs on every host", DEADLINE, || Ok(self.running()? == self.hosts.len()))?;
        self.hosts.iter().try_for_each(|host| answers(host, self.port))
    }

    /// Notes which update was the last one: else its end would be taken for that of the next.
    pub(super) fn expect_update(&mut self) -> Result<()> {
        self.before = self.status()?["StartedAt"].clone();
        Ok(())
    }

    /// Begins an update. The image is pinned: nobody has to ask the registry for its digest first.
    pub(super) fn update(&self, release: &Published) -> Result<()> {
        let arguments = ["service", "update", "--detach", "--image", &release.pinned(), &self.name];
        self.hosts[0].run("docker", &arguments).map(drop)
    }

    /// Waits until the update, or the rollback that it came to, has ended in this state, by Swarm's own word.
    pub(super) fn until_update_is(&self, state: &str) -> Result<()> {
        until(&format!("the update is {state}"), DEADLINE, || {
            let status = self.status()?;
            let said = status["State"].as_str().unwrap_or_default();
            if status["StartedAt"] == self.before || said == "updating" || said == "rollback_started" {
                return Ok(false);
            }
            if said != state {
                bail!("the update ended as {said}: {}", status["Message"]);
            }
            Ok(true)
        })
    }

    /// Removes it, and waits until nothing of it is left.
    pub(super) fn remove(&self) -> Result<()> {
        self.hosts[0].run("docker", &["service", "rm", &self.name])?;
        until("the service's containers are gone", DEADLINE, || {
            let mut is_gone = true;
            for host in self.hosts {
                let containers = host.engine().containers()?;
                is_gone &=
                    containers.iter().all(|one| one["Labels"]["com.docker.swarm.service.name"] != self.name.as_str());
            }
            Ok(is_gone)
        })
    }

    /// Its tasks that run: of an image with a health check those that are healthy.
    fn running(&self) -> Result<usize> {
        // {"service":["NAME"]}, encoded.
        let path = format!("/tasks?filters=%7B%22service%22%3A%5B%22{}%22%5D%7D", self.name);
        let tasks = self.hosts[0].engine().api("GET", &path, None)?.json()?;
        let states = tasks.as_array().into_iter().flatten().map(|task| &task["Status"]["State"]);
        Ok(states.filter(|state| *state == "running").count())
    }

    fn status(&self) -> Result<Value> {
        let service = self.hosts[0].engine().api("GET", &format!("/services/{}", self.name), None)?.json()?;
        Ok(service["UpdateStatus"].clone())
    }
}
