//! The controller: one task that owns all the coordinator knows. Everything else tells it events through a [`Handle`].
//!
//! One turn of its loop: take the events that wait, change the state in memory, plan what became due, store all of that as one
//! batch, and only then answer and publish. If the store fails, the state in memory is taken back, so that it never runs ahead
//! of what is durable; the callers hear [`Unavailable`], and the loop tries again after a pause that grows.
//!
//! Restart needs no code: what is stored is loaded, every app is due, and the loop goes on.
//!
//! Not here: what to order (crate `evenkeel-rollout`), the wire (`api`), the store itself (`store`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use evenkeel_model::{AppKey, FleetName, Manifest, Millis, ReleaseNumber};

use crate::clock::Clock;
use crate::gauge::Gauges;
use crate::store::{Store, StoreError};

mod app;
mod event;
mod freezes;
mod handle;
mod heard;
mod hosts;
mod live;
mod membership;
mod planning;
mod publish;
mod reads;
mod refusal;
mod rollouts;
mod state;
mod turn;
mod words;

#[cfg(test)]
mod tests;

pub use event::{
    AbortRollout, AppFilter, Connected, ConnectionId, Deploy, Grant, Join, Known, NewDuty, NewFreeze, Pick,
    PlannedDeploy, Reported, Rollback, RolloutSnapshot, RolloutWord, Turn, Wanted, Word,
};
pub use handle::Handle;
pub use heard::Heard;
pub use refusal::{ConnectError, JoinError, MemberError, RolloutError, Unavailable};

use event::Event;
use state::State;

/// Events that may wait. Senders wait beyond that: an agent's stream is read no faster than it can be acted on.
const EVENTS_WAITING: usize = 8192;

/// Events of one turn, and so of one batch at most: what one write to the disk is shared by.
const EVENTS_PER_TURN: usize = 1024;

/// How long a host may be silent, where nothing else is set.
pub const DEFAULT_LEASE: Millis = Millis::seconds(5);

/// The first pause after the store failed; it doubles with each further failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause after the store failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How the controller behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a host may be silent before it counts as lost.
    pub lease: Millis,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lease: DEFAULT_LEASE }
    }
}

/// Why the controller does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not give what it holds, or does not take the new epoch.
    #[error("the store is of no use")]
    Store(#[from] StoreError),
    /// Nothing was ever stored in it: the fleet must be made first.
    #[error("the store holds no fleet yet")]
    NoFleet,
    /// A release that was made by a newer version, or damaged.
    #[error("release {release} of {key} can't be read")]
    Release {
        /// The app.
        key: AppKey,
        /// Which.
        release: ReleaseNumber,
        /// What is wrong with it.
        #[source]
        source: evenkeel_model::manifest::ManifestError,
    },
}

/// The one task that owns all state.
pub struct Controller {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    state: State,
    events: mpsc::Receiver<Event>,
    /// What analysis gates ask for, being measured.
    gauges: Gauges,
    /// The pause that the next failure of the store leads to.
    pause: Duration,
    /// The store failed: nothing is planned before this.
    paused_until: Option<Instant>,
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Controller").field("paused_until", &self.paused_until).finish_non_exhaustive()
    }
}

impl Controller {
    /// Loads what is stored, and begins a new epoch, durably. All hosts are silent at first.
    pub async fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        gauges: Gauges,
        settings: &Settings,
    ) -> Result<(Self, Handle), StartError> {
        let stored = store.load().await?;
        let fleet: Option<FleetName> = stored.fleet.as_ref().map(|fleet| fleet.name.clone());
        let fleet = fleet.ok_or(StartError::NoFleet)?;
        for (key, releases) in &stored.releases {
            for release in releases.values() {
                Manifest::decode(&release.manifest).map_err(|source| StartError::Release {
                    key: key.clone(),
                    release: release.number,
                    source,
                })?;
            }
        }
        let now = clock.now();
        let mut state = State::new(stored, settings.lease.to_std(), gauges.lines().clone(), now);
        state.begin_epoch(now);
        store.apply(&state.batch).await?;
        state.keep();
        tracing::info!(%fleet, epoch = %state.epoch(), hosts = state.stored.hosts.len(), "the coordinator starts");
        let (sender, events) = mpsc::channel(EVENTS_WAITING);
        let controller = Self { store, clock, state, events, gauges, pause: FIRST_PAUSE, paused_until: None };
        Ok((controller, Handle::new(sender)))
    }

    /// Runs until it is told to stop, or until nobody holds a [`Handle`] any more. May be dropped at any moment, as by a crash:
    /// then a caller that has no answer does not know whether it was done.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut waiting = Vec::new();
        loop {
            let wake_at = self.wake_at();
            // First to stop; then events, because they may change when to wake. `recv_many` and sleeping lose nothing when
            // they are dropped. A wake-up is not starved: each turn plans what is due.
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                received = self.events.recv_many(&mut waiting, EVENTS_PER_TURN) => if received == 0 { return },
                made = self.gauges.measured() => waiting.push(made.into()),
                () = sleep_until(wake_at) => {}
            }
            self.turn(waiting.drain(..)).await;
        }
    }

    /// When there is something to do though no event comes.
    fn wake_at(&self) -> Instant {
        /// Nothing is due: any long time will do.
        const LONG: Duration = Duration::from_hours(1);
        let instant = Instant::now();
        let plan = self.state.next_plan(self.clock.now(), instant);
        let plan = plan.map(|at| self.paused_until.map_or(at, |until| at.max(until)));
        plan.into_iter().chain(self.state.live.next_lease()).min().unwrap_or(instant + LONG)
    }
}
