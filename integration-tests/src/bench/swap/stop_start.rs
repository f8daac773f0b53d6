//! Stop, then start: `docker stop`, `docker rm`, `docker run -p`, as a shell script does it. The image is there already.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::Candidate;
use crate::bench::answers;
use crate::hosts::{Host, Published};

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

/// So often the engine stops and starts a container that nobody uses.
const TIMES: u32 = 10;

/// How long, in ms, a port is without an answer when the engine stops and starts a program that nobody uses, and does nothing else: whoever
/// stops first can't be faster.
pub(super) fn away(host: &Host, port: u16, release: &Published) -> Result<Vec<f64>> {
    let mut bare = StopStart::new(host, port);
    bare.begin(release)?;
    let ask = |verb: &str| {
        let path = format!("/containers/{}/{verb}", bare.name());
        let status = host.engine().api("POST", &path, None)?.status;
        ensure!(status == 204, "the engine answers {status} to {verb}");
        Ok(())
    };
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let began = Instant::now();
        ask("stop")?;
        ask("start")?;
        answers(host, port)?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    host.run("docker", &["rm", "--force", &bare.name()])?;
    Ok(times)
}
