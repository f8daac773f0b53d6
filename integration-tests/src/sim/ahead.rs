//! What was fetched ahead is there when its turn comes: held against what was truly done on the engines. Not here: that the outcome does not hang on
//! it, which every other invariant says.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel::store::Snapshot;
use evenkeel_agent::runtime::Performed;
use evenkeel_machine::{Action, Outcome};
use evenkeel_model::{HostId, ImagePin, Manifest, ReleaseNumber, RolloutId};
use evenkeel_rollout::{HostState, Rollout, State};

use super::fleet::{BEGINNING, key};
use super::invariants::{Violation, ensure};
use super::{Fleet, HostNumber};

/// What is remembered from step to step.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    pins: BTreeMap<ReleaseNumber, ImagePin>,
    /// Since when a host has had the image of a rollout that it still waited for then.
    here: BTreeMap<(HostNumber, RolloutId), Duration>,
}

impl Ahead {
    /// How often a host had it.
    pub(super) fn count(&self) -> usize {
        self.here.len()
    }

    /// Checks one host. `log`: what its engine did of late; some of it may have been seen before.
    pub(super) fn check(
        &mut self,
        host: HostNumber,
        log: &[Performed],
        stored: &Snapshot,
        fleet: &Fleet,
    ) -> Result<(), Violation> {
        let newest = stored.rollouts.values().next_back();
        let Some(rollout) = newest.filter(|rollout| rollout.state == State::Advancing) else { return Ok(()) };
        let name: HostId = fleet.world(host).name.parse().expect("a valid name");
        let Some(progress) = rollout.hosts.get(&name) else { return Ok(()) };
        let Some(pin) = self.pin(rollout.to, stored) else { return Ok(()) };
        for done in log.iter().filter(|done| done.began >= beginning(rollout)) {
            let since = self.here.get(&(host, rollout.id)).copied();
            let is_later = since.is_some_and(|since| done.began > since);
            match (&done.action, &done.ended) {
                (Action::Pull { image, .. }, Some((ended, Outcome::Done))) if *image == pin && *ended > done.began => {
                    ensure(!is_later, "what_was_fetched_ahead_is_not_downloaded_again", || {
                        format!("host {host}: {pin} was here since {since:?}, and is pulled at {:?}", done.began)
                    })?;
                    if progress.state == HostState::Waiting {
                        self.here.entry((host, rollout.id)).or_insert(*ended);
                    }
                }
                (Action::Forget { image }, _) if *image == pin && awaits(progress.state) => {
                    ensure(!is_later, "what_was_fetched_ahead_stays_for_its_turn", || {
                        format!("host {host}: {pin} was here since {since:?}, and goes at {:?}", done.began)
                    })?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The image of the release's one service.
    fn pin(&mut self, release: ReleaseNumber, stored: &Snapshot) -> Option<ImagePin> {
        if let Some(pin) = self.pins.get(&release) {
            return Some(pin.clone());
        }
        let made = stored.releases.get(&key())?.get(&release)?;
        let manifest = Manifest::decode(&made.manifest).ok()?;
        let pin = manifest.services.into_values().next()?.image;
        self.pins.insert(release, pin.clone());
        Some(pin)
    }
}

/// When the rollout began, in simulated time.
fn beginning(rollout: &Rollout) -> Duration {
    Duration::from_millis(rollout.began.0.saturating_sub(BEGINNING * 1000))
}

/// Whether the host may still need the image in this rollout.
fn awaits(state: HostState) -> bool {
    matches!(state, HostState::Waiting | HostState::Ordered | HostState::Healthy | HostState::Committing)
}
