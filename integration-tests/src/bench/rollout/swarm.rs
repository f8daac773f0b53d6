//! Docker Swarm: a service on every host, made anew for each turn so that its health checks burden nobody else's. Not here: Swarm itself
//! (`crate::bench::swarm`).

use anyhow::Result;

use super::Candidate;
use super::releases::{Kind, Releases};
use crate::bench::swarm::Service;
use crate::hosts::{Host, Published};

/// How it updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settings {
    /// As it does unless told otherwise: one task after the other, all watched for 5 s.
    Defaults,
    /// The same with an image that has no health check.
    Unchecked,
    /// As fast as it can: all at once, and nothing is waited for.
    Tuned,
}

/// What makes it fastest, on the way and back. An update that fails is to be taken back, as ours is.
const TUNED: [&str; 7] = [
    "--update-parallelism=0",
    "--update-delay=0s",
    "--update-monitor=1ms",
    "--update-failure-action=rollback",
    "--rollback-parallelism=0",
    "--rollback-delay=0s",
    "--rollback-monitor=1ms",
];

#[derive(Debug)]
pub(super) struct Swarm<'a> {
    service: Service<'a>,
    settings: Settings,
    /// What it serves before each update.
    base: Option<Published>,
}

impl<'a> Swarm<'a> {
    pub(super) fn new(hosts: &'a [Host], port: u16, settings: Settings) -> Self {
        Self { service: Service::new(hosts, format!("swarm-{port}"), port), settings, base: None }
    }
}

impl Candidate for Swarm<'_> {
    fn begin(&mut self, releases: &Releases<'_>) -> Result<Published> {
        let base = match self.base.take() {
            Some(base) => base,
            None => releases.publish(Kind::Good, self.needs_healthcheck())?,
        };
        let mut options = vec!["--mode=global"];
        if self.settings == Settings::Tuned {
            options.extend(TUNED);
        }
        self.service.create(&base, &options)?;
        Ok(self.base.insert(base).clone())
    }

    fn prepare(&mut self, _: &Published) -> Result<()> {
        self.service.expect_update()
    }

    fn roll(&mut self, release: &Published, kind: Kind) -> Result<Option<u64>> {
        self.service.update(release)?;
        self.service.until_update_is(if kind == Kind::Good { "completed" } else { "rollback_completed" })?;
        Ok(None)
    }

    fn end(&mut self) -> Result<()> {
        self.service.remove()
    }

    fn needs_healthcheck(&self) -> bool {
        self.settings != Settings::Unchecked
    }
}
