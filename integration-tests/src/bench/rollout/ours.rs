//! Evenkeel, as an operator uses it: a Compose file, and `evenkeel deploy` until it says how that ended. One app for all rows, which goes from
//! release to release. Not here: the peers.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::Candidate;
use super::releases::{Kind, Releases};
use crate::bench::{answers, until};
use crate::hosts::Published;
use crate::installation::Installation;

/// The app's port on the hosts.
pub(super) const PORT: u16 = 8080;
/// For the old containers to be gone after a rollout.
const TIDY: Duration = Duration::from_secs(30);

/// How a release is rolled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// All hosts at the same time.
    AtOnce,
    /// One after the other.
    OneAtATime,
    /// All at the same time, their engines having the image already.
    Fetched,
}

/// The app.
#[derive(Debug)]
pub(super) struct Ours<'a> {
    installation: &'a Installation,
    /// What serves.
    current: RefCell<Option<Published>>,
}

/// The app in one shape.
#[derive(Debug)]
pub(super) struct Deploy<'a> {
    ours: &'a Ours<'a>,
    shape: Shape,
}

impl<'a> Ours<'a> {
    pub(super) fn new(installation: &'a Installation) -> Self {
        Self { installation, current: RefCell::new(None) }
    }

    fn file(&self) -> PathBuf {
        self.installation.fleet().directory().join("rollout.yaml")
    }
}

impl<'a> Deploy<'a> {
    pub(super) fn new(ours: &'a Ours<'a>, shape: Shape) -> Self {
        Self { ours, shape }
    }

    /// The health rule is the image's own (see `hosts/images.rs`): asked once a second, one good answer makes it well, and two bad ones in a row
    /// after the first second, which is after two seconds, make it of no use.
    fn compose(&self, release: &Published) -> String {
        let at_once = if self.shape == Shape::OneAtATime { "1" } else { "\"100%\"" };
        format!(
            "name: shop\nservices:\n  web:\n    image: {image}\n\
             \x20   ports: [{{ published: {PORT}, target: 8080, app_protocol: http }}]\n    x-rollout:\n\
             \x20     health: {{ http: {{ port: 8080, path: /healthz }}, interval: 1s, timeout: 2s, successes: 1, failures: 2 }}\n\
             x-rollout: {{ waves: [\"100%\"], max_unavailable: {at_once}, bake: 0s, health_deadline: 1100ms, on_failure: rollback }}\n",
            image = release.tagged(),
        )
    }
}

impl Candidate for Deploy<'_> {
    fn begin(&mut self, releases: &Releases<'_>) -> Result<Published> {
        if let Some(current) = self.ours.current.borrow().clone() {
            return Ok(current);
        }
        let first = releases.publish(Kind::Good, false)?;
        self.prepare(&first)?;
        self.roll(&first, Kind::Good)?;
        self.ours.installation.fleet().hosts().iter().try_for_each(|host| answers(host, PORT))?;
        self.end()?;
        Ok(first)
    }

    fn prepare(&mut self, release: &Published) -> Result<()> {
        fs::write(self.ours.file(), self.compose(release))?;
        if self.shape == Shape::Fetched {
            let hosts = self.ours.installation.fleet().hosts();
            hosts.iter().try_for_each(|host| host.engine().pull(&release.pinned()))?;
        }
        Ok(())
    }

    fn roll(&mut self, release: &Published, kind: Kind) -> Result<Option<u64>> {
        let file = self.ours.file();
        let arguments = ["deploy".as_ref(), "-f".as_ref(), file.as_os_str(), "--output".as_ref(), "json".as_ref()];
        let ended = self.ours.installation.verb(arguments)?;
        let (code, outcome) = if kind == Kind::Good { (0, "succeeded") } else { (3, "rolled_back") };
        ensure!(ended.code == code, "deploy ended with {} instead of {code}: {ended}", ended.code);
        let view = ended.json()?;
        ensure!(view["outcome"] == outcome, "the rollout has not {outcome}: {view:#}");
        if kind == Kind::Good {
            self.ours.current.replace(Some(release.clone()));
        }
        // The plan that this is the time of has given the first orders; they are stored and sent after that.
        Ok(Some(view["began"].as_u64().context("the rollout does not say when it began")?))
    }

    /// The old containers are drained and taken away after the end.
    fn end(&mut self) -> Result<()> {
        until("the old containers are gone", TIDY, || {
            for host in self.ours.installation.fleet().hosts() {
                let containers = host.engine().containers()?;
                if containers.iter().filter(|one| one["Labels"]["evenkeel.app"] == "shop").count() != 1 {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }
}
