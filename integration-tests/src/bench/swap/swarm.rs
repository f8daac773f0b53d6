//! Docker Swarm with its defaults. Not here: Swarm itself (`crate::bench::swarm`).

use anyhow::Result;

use super::Candidate;
use crate::bench::answers;
use crate::bench::swarm::Service;
use crate::hosts::{Host, Published};

#[derive(Debug)]
pub(super) struct Swarm<'a> {
    host: &'a Host,
    service: Service<'a>,
    port: u16,
}

impl<'a> Swarm<'a> {
    pub(super) fn new(host: &'a Host, port: u16) -> Self {
        Self { host, service: Service::new(std::slice::from_ref(host), format!("swarm-{port}"), port), port }
    }
}

impl Candidate for Swarm<'_> {
    fn begin(&mut self, release: &Published) -> Result<()> {
        self.service.create(release, &[])
    }

    fn swap(&mut self, release: &Published) -> Result<()> {
        self.service.expect_update()?;
        self.service.update(release)?;
        self.service.until_update_is("completed")?;
        answers(self.host, self.port)
    }
}
