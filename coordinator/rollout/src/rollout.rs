//! A rollout's own state: all of it, so that a coordinator that is started again goes on from what is stored. Not here: the rules (see the steps).

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::{
    AppKey, Failure, Generation, HostId, Millis, OperatorName, Policy, ReleaseNumber, RolloutId, Share, UnixMillis,
    Wave,
};
use serde::{Deserialize, Serialize};

use crate::{Act, GateRecord};

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
    /// Waiting for its turn behind another rollout of the app. It is not planned, and is begun anew then.
    Queued,
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

impl HostProgress {
    /// A host that waits for its wave.
    pub(crate) fn waiting(wave: usize, since: UnixMillis) -> Self {
        Self { wave, state: HostState::Waiting, generation: None, since, failure: None, obstacle: None, proven: false }
    }
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

/// Why a rollout rests that has not failed. Nothing more is ordered until a person says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who said so; none: an analysis that said nothing.
    pub by: Option<OperatorName>,
    /// Since when.
    pub since: UnixMillis,
    /// Why; may be empty.
    pub why: String,
}

/// Moving a fleet from one release to another.
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own, and all of them may hold at once")]
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
    /// For each of them which of the policy's waves it is; none: it has no rules of its own.
    #[serde(default)]
    pub rules: Vec<Option<usize>>,
    /// The wave being moved, counted from 0.
    pub wave: usize,
    /// Whether the wave has been begun: what stands before it was passed.
    #[serde(default = "yes")]
    pub begun: bool,
    /// Whether hosts of the wave were told to commit, so that there is something to say about it, whatever becomes of them.
    #[serde(default)]
    pub moved: bool,
    /// How much of what is new the hosts of a wave get, step by step; the last is all.
    #[serde(default = "all_at_once")]
    pub shares: Vec<Share>,
    /// The step of the wave being moved, counted from 0.
    #[serde(default)]
    pub step: usize,
    /// The wave that a person has promoted.
    #[serde(default)]
    pub promoted: Option<usize>,
    /// Whether it stood before a closed gate when it was planned last.
    #[serde(default)]
    pub waits_at_gate: bool,
    /// What it has come to at its gates.
    #[serde(default)]
    pub gates: Vec<GateRecord>,
    /// Why it rests.
    #[serde(default)]
    pub hold: Option<Hold>,
    /// Whether a freeze kept it when it was planned last.
    #[serde(default)]
    pub frozen: bool,
    /// Why no freeze is to keep it, by the word of the one who began it.
    #[serde(default)]
    pub freeze_override: Option<String>,
    /// What people did to it, the oldest first.
    #[serde(default)]
    pub acts: Vec<Act>,
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
        self.budget_of(self.total())
    }

    /// The same, of so many hosts. What holds for a wave alone holds on the way forward.
    pub(crate) fn budget_of(&self, total: usize) -> usize {
        let is_forward = matches!(self.state, State::Advancing | State::Paused);
        self.policy.budget(total, self.rule().filter(|_| is_forward))
    }

    /// How many of so many hosts may fail.
    pub(crate) fn tolerated_failures(&self, total: usize) -> usize {
        self.policy.tolerated_failures(total, self.wave, self.rule())
    }

    /// How long the wave must stay healthy at this step. Beside the release before and without traffic there is nothing to wait for.
    pub fn bake(&self) -> Millis {
        if self.share() == Share::NONE { Millis(0) } else { self.policy.bake(self.rule()) }
    }

    /// How much of what is new the wave's hosts get at this step.
    pub fn share(&self) -> Share {
        self.shares.get(self.step).copied().unwrap_or(Share::ALL)
    }

    /// Whether the wave's hosts have all that is new.
    pub(crate) fn is_last_step(&self) -> bool {
        self.step + 1 >= self.shares.len()
    }

    /// What was written for the wave being moved.
    fn rule(&self) -> Option<&Wave> {
        self.policy.waves.get((*self.rules.get(self.wave)?)?)
    }

    /// Goes to the next wave.
    pub(crate) fn enter_wave(&mut self, wave: usize, now: UnixMillis) {
        (self.wave, self.step, self.begun, self.moved) = (wave, 0, false, false);
        self.healthy_since = None;
        self.progressed = now;
    }

    /// The bake begins anew, and with it what was measured in it; and the deadline, if nothing was late before.
    pub(crate) fn restart_bake(&mut self, now: UnixMillis) {
        if self.healthy_since.take().is_some() {
            self.forget_readings();
        }
        if std::mem::take(&mut self.waits_at_gate) {
            self.progressed = now;
        }
    }

    /// Forgets what was measured at this step.
    pub(crate) fn forget_readings(&mut self) {
        let (wave, step) = (self.wave, self.step);
        for record in self.gates.iter_mut().filter(|record| (record.id.wave, record.id.step) == (wave, step)) {
            record.readings.clear();
        }
    }
}

fn yes() -> bool {
    true
}

fn all_at_once() -> Vec<Share> {
    vec![Share::ALL]
}
