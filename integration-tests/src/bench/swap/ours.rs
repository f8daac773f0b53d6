//! Evenkeel, as an operator uses it: a Compose file, and `evenkeel deploy` until it says how that ended.

use std::fs;

use anyhow::{Result, ensure};

use super::Candidate;
use crate::bench::answers;
use crate::hosts::Published;
use crate::installation::Installation;

/// When a sick release falls sick, after its start: in the bake, well after the first healthy answers.
pub(super) const SICK_AFTER_MS: &str = "3000";
/// Exit codes of `deploy`.
const SUCCEEDED: i32 = 0;
const ROLLED_BACK: i32 = 3;

/// What is deployed, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Good releases.
    Good,
    /// A release that falls sick in the bake, after a good one.
    Sick,
    /// Good releases, and time for long requests and streams.
    Transfers,
    /// A service that can't run twice, its requests held meanwhile.
    StopFirst,
    /// A port that the engine publishes: stop-first, and nothing is held.
    Direct,
}

#[derive(Debug)]
pub(super) struct Ours<'a> {
    installation: &'a Installation,
    app: String,
    port: u16,
    shape: Shape,
}

impl<'a> Ours<'a> {
    pub(super) fn new(installation: &'a Installation, program: &str, port: u16, shape: Shape) -> Self {
        let app = format!("{program}-{port}");
        Self { installation, app, port, shape }
    }

    /// Deploys a release; the error is another end than the expected one, with all that was said.
    fn deploy(&self, release: &Published, expected: i32) -> Result<()> {
        let file = self.installation.fleet().directory().join(format!("{}.yaml", self.app));
        fs::write(&file, self.compose(release))?;
        let ended = self.installation.verb(["deploy".as_ref(), "-f".as_ref(), file.as_os_str()])?;
        ensure!(ended.code == expected, "deploy ended with {} instead of {expected}: {ended}", ended.code);
        Ok(())
    }

    fn compose(&self, release: &Published) -> String {
        let port = match self.shape {
            Shape::Direct => "mode: host",
            _ => "app_protocol: http",
        };
        let order = if self.shape == Shape::StopFirst { "      order: stop-first\n" } else { "" };
        let drain = if self.shape == Shape::Transfers { "15s" } else { "5s" };
        // The sick one must fall sick in it.
        let bake = if self.shape == Shape::Sick { "20s" } else { "1s" };
        format!(
            "name: {app}\nservices:\n  web:\n    image: {image}\n    ports: [{{ published: {published}, target: 8080, {port} }}]\n\
             \x20   stop_grace_period: 5s\n    x-rollout:\n{order}      drain: {drain}\n\
             \x20     health: {{ http: {{ port: 8080, path: /healthz }}, interval: 300ms, timeout: 2s, successes: 2, failures: 3 }}\n\
             x-rollout: {{ waves: [\"100%\"], bake: {bake}, health_deadline: 20s, progress_deadline: 2m, on_failure: rollback }}\n",
            app = self.app,
            image = release.tagged(),
            published = self.port,
        )
    }
}

impl Candidate for Ours<'_> {
    fn begin(&mut self, release: &Published) -> Result<()> {
        if self.shape == Shape::Sick {
            // The good one that it goes back to need not bake as long.
            Ours { shape: Shape::Good, app: self.app.clone(), ..*self }.deploy(release, SUCCEEDED)?;
        } else {
            self.deploy(release, SUCCEEDED)?;
        }
        answers(self.installation.fleet().host(0), self.port)
    }

    fn swap(&mut self, release: &Published) -> Result<()> {
        self.deploy(release, if self.shape == Shape::Sick { ROLLED_BACK } else { SUCCEEDED })
    }
}
