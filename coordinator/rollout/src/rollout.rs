//! A rollout's own state: all of it, so that a coordinator that is started again goes on from what is stored. Not here: the rules (see the steps).

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::{AppKey, Failure, Generation, HostId, OperatorName, Policy, ReleaseNumber, RolloutId, UnixMillis};
use serde::{Deserialize, Serialize};

/// Why a rollout was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// To a new release.
    Deploy,
    /// To an older one, by an operator. It is never rolled back itself: if it fails, it stops and says so.
    Rollback,
}

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every host it covers reported this release healthy through the bake, and committed it.
    Succeeded,
    /// Every host it had touched is back on the release before.
    RolledBack,
    /// Failed, and not (wholly) taken back: some hosts may have the new release.
    Halted,
    /// An operator gave it up.
    Aborted,
    /// Another rollout took over.
    Superseded,
}

/// What the rollout is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum State {
    /// Moving hosts forward.
    Advancing,
    /// Failed under `on_failure: pause`: hosts stay as they are until a person decides.
    Paused,
    /// Taking hosts back, after a failure or an `abort --rollback`.
    RollingBack,
    /// Taking back the hosts in trial alone, after an abort or under `on_failure: revert_failed`.
    Withdrawing,
    /// Over.
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// How far one host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// Not ordered yet.
    Waiting,
    /// Ordered; not healthy yet.
    Ordered,
    /// In trial and healthy.
    Healthy,
    /// The commit was ordered, and is not acknowledged yet.
    Committing,
    /// Committed, by its own word.
    Committed,
    /// It failed; its failure says why. The agent goes back by itself.
    Failed,
    /// Ordered back to the release before.
    Returning,
    /// Back on the release before, by its own word.
    Returned,
}

/// One host of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostProgress {
    /// The wave it belongs to, counted from 0.
    pub wave: usize,
    /// How far it is.
    pub state: HostState,
    /// The generation it was ordered by this rollout; of the way back while returning.
    pub generation: Option<Generation>,
    /// Since when it has been in this state.
    pub since: UnixMillis,
    /// Why it failed: kept when it goes back.
    pub failure: Option<Failure>,
    /// What stands in its way now, without having failed it yet.
    pub obstacle: Option<Failure>,
    /// Whether it has been healthy with this rollout's release: only the first time counts as progress.
    #[serde(default)]
    pub proven: bool,
}

/// An operator's word that a rollout is to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abort {
    /// Who said it.
    pub by: OperatorName,
    /// Whether committed hosts are taken back too.
    pub rollback: bool,
    /// Whether another rollout takes over.
    pub superseded: bool,
}

/// Moving a fleet from one release to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// Its number.
    pub id: RolloutId,
    /// App and environment.
    pub key: AppKey,
    /// Why it was begun.
    pub kind: Kind,
    /// The current release when it began: where a rollback goes. None: to nothing.
    pub from: Option<ReleaseNumber>,
    /// The release it moves hosts to.
    pub to: ReleaseNumber,
    /// How.
    pub policy: Policy,
    /// Who began it.
    pub by: OperatorName,
    /// When.
    pub began: UnixMillis,
    /// When it ended.
    pub ended: Option<UnixMillis>,
    /// What it is doing.
    pub state: State,
    /// The hosts it covers.
    pub hosts: BTreeMap<HostId, HostProgress>,
    /// Hosts that it covered at first, and that have left the fleet since (or match neither release any more).
    #[serde(default)]
    pub dropped: BTreeSet<HostId>,
    /// How many waves there are.
    pub waves: usize,
    /// The wave being moved, counted from 0.
    pub wave: usize,
    /// Since when all of the wave's hosts that have not failed are healthy; none: they are not.
    pub healthy_since: Option<UnixMillis>,
    /// When a host last became healthy (or committed, or returned); the beginning before that.
    pub progressed: UnixMillis,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// An operator's word that it is to end.
    pub abort: Option<Abort>,
}

impl Rollout {
    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.state {
            State::Ended { outcome } => Some(outcome),
            _ => None,
        }
    }

    /// How many hosts it covered when it began: what its counts and percents are of.
    pub fn total(&self) -> usize {
        self.hosts.len() + self.dropped.len()
    }

    /// How many hosts may be unavailable at any moment.
    pub fn budget(&self) -> usize {
        self.policy.budget(self.total())
    }
}
