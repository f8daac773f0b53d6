//! Stop, then start: `docker stop`, `docker rm`, `docker run -p`, as a shell script does it. The image is there already.

use std::time::Duration;

use anyhow::Result;

use super::Candidate;
use crate::bench::until;
use crate::hosts::{Host, Published};

/// For a container to answer.
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct StopStart<'a> {
    host: &'a Host,
    port: u16,
}

impl<'a> StopStart<'a> {
    pub(super) fn new(host: &'a Host, port: u16) -> Self {
        Self { host, port }
    }

    fn name(&self) -> String {
        format!("stop-start-{}", self.port)
    }
}

impl Candidate for StopStart<'_> {
    fn begin(&mut self, release: &Published) -> Result<()> {
        let published = format!("{}:8080", self.port);
        self.host.run("docker", &["run", "--detach", "--name", &self.name(), "-p", &published, &release.pinned()])?;
        answers(self.host, self.port)
    }

    fn swap(&mut self, release: &Published) -> Result<()> {
        self.host.run("docker", &["stop", &self.name()])?;
        self.host.run("docker", &["rm", &self.name()])?;
        self.begin(release)
    }
}

/// Waits until a port of the host answers from outside.
pub(super) fn answers(host: &Host, port: u16) -> Result<()> {
    until("the port answers", DEADLINE, || Ok(host.http_get(port, "/").is_ok_and(|answer| answer.status == 200)))
}
