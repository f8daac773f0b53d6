//! A shell loop of plain docker commands over the hosts: pull, stop, rm, run. It asks nobody whether the release is well, which makes it the
//! faster. Not here: what a careful script would do besides.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Result, ensure};

use super::Candidate;
use super::releases::{Kind, Releases};
use crate::bench::answers;
use crate::hosts::{Host, Published};
use crate::installation::Ended;

/// In which order the hosts have their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// One after the other.
    Sequential,
    /// All at the same time.
    Parallel,
}

#[derive(Debug)]
pub(super) struct Commands<'a> {
    hosts: &'a [Host],
    port: u16,
    order: Order,
    current: Option<Published>,
}

impl<'a> Commands<'a> {
    pub(super) fn new(hosts: &'a [Host], port: u16, order: Order) -> Self {
        Self { hosts, port, order, current: None }
    }

    /// The loop, in which `before` is what makes room for the new container.
    fn script(&self, release: &Published, before: &str) -> String {
        let (port, image) = (self.port, release.tagged());
        let mut script = format!(
            "set -e\nreplace() {{\n  export DOCKER_HOST=$1\n  docker pull --quiet {image}\n{before}\
             \x20 docker run --detach --name loop-{port} --publish {port}:8080 {image}\n}}\n"
        );
        let mut line = |line: String| writeln!(script, "{line}").expect("writing to a string does not fail");
        for host in self.hosts {
            let address = host.engine().address();
            match self.order {
                Order::Sequential => line(format!("replace {address}")),
                Order::Parallel => line(format!("replace {address} & jobs=\"$jobs $!\"")),
            }
        }
        if self.order == Order::Parallel {
            line("for job in $jobs; do wait \"$job\"; done".to_owned());
        }
        script
    }
}

fn run(script: &str) -> Result<()> {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]);
    let ended = Ended::of(shell)?;
    ensure!(ended.code == 0, "the loop failed: {ended}");
    Ok(())
}

impl Candidate for Commands<'_> {
    fn begin(&mut self, releases: &Releases<'_>) -> Result<Published> {
        if let Some(current) = &self.current {
            return Ok(current.clone());
        }
        let first = releases.publish(Kind::Good, false)?;
        run(&self.script(&first, ""))?;
        self.hosts.iter().try_for_each(|host| answers(host, self.port))?;
        Ok(self.current.insert(first).clone())
    }

    fn prepare(&mut self, _: &Published) -> Result<()> {
        Ok(())
    }

    fn roll(&mut self, release: &Published, _: Kind) -> Result<Option<u64>> {
        let port = self.port;
        run(&self.script(release, &format!("  docker stop loop-{port}\n  docker rm loop-{port}\n")))?;
        self.current = Some(release.clone());
        Ok(None)
    }

    /// A container that nobody asks costs nobody anything.
    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}
