//! What the planner answers: orders, the rollout's new state, and why it does not do more. Not here: how it comes to that.

use evenkeel_model::analysis::Source;
use evenkeel_model::{
    AppKey, Failure, Generation, HostId, OperatorName, Phase, ReleaseNumber, RolloutId, Share, UnixMillis,
};
use serde::Serialize;

use crate::{GateId, Rollout};

/// An order to one host. The caller adds the epoch and the release's bytes, stores it, and sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Order {
    /// Its number: one more than the last for a new order; the same for a change of phase.
    pub generation: Generation,
    /// The release; none: nothing should run.
    pub release: Option<ReleaseNumber>,
    /// How far.
    pub phase: Phase,
    /// How much of what is new it gets while in trial.
    pub share: Share,
}

/// A measurement that an analysis gate asks for now. It is asked for until its reading is taken in: the caller sees to it that it is made once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// For which gate.
    pub id: GateId,
    /// Which of its readings, counted from 0.
    pub number: usize,
    /// Of which app.
    pub key: AppKey,
    /// The release that is on trial.
    pub release: ReleaseNumber,
    /// What is measured.
    pub source: Source,
    /// The hosts that have the release.
    pub hosts: Vec<HostId>,
    /// The hosts of the rollout that have not got it yet.
    pub others: Vec<HostId>,
    /// When the rollout began.
    pub began: UnixMillis,
}

/// What a rollout (or a host that joins) waits for. Rendered by `rollout show`; nothing to do and not ended always has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WaitingOn {
    /// The wave is healthy, and must stay so.
    Bake {
        /// Until then.
        until: UnixMillis,
    },
    /// Hosts that were ordered and are not healthy yet.
    Unhealthy {
        /// Which.
        hosts: Vec<HostId>,
    },
    /// Hosts that were told to give another share of what is new to the release, which is healthy there, and have not said that they do.
    Share {
        /// Which.
        hosts: Vec<HostId>,
        /// How much.
        share: Share,
    },
    /// Hosts that were told to commit and have not said that they did.
    Acknowledgement {
        /// Which.
        hosts: Vec<HostId>,
    },
    /// Hosts on their way back to the release before.
    Returning {
        /// Which.
        hosts: Vec<HostId>,
    },
    /// As many hosts are unavailable as may be.
    BudgetSpent {
        /// How many are.
        unavailable: usize,
        /// How many may be.
        budget: usize,
    },
    /// Hosts that are not heard from.
    HostLost {
        /// Which.
        hosts: Vec<HostId>,
    },
    /// A passing trouble on a host: tried again until its deadline.
    Obstacle {
        /// The host.
        host: HostId,
        /// The trouble.
        failure: Failure,
    },
    /// A host reports a higher epoch than this coordinator's: it is left alone until a person says which state counts.
    Conflict {
        /// Which.
        hosts: Vec<HostId>,
    },
    /// It failed, and `on_failure: pause` leaves it to a person.
    Person,
    /// It rests until a person has it go on.
    Paused {
        /// Who had it rest; none: an analysis that said nothing.
        by: Option<OperatorName>,
        /// Why.
        why: String,
    },
    /// A freeze keeps it.
    Frozen {
        /// Until then; none: until it is lifted.
        until: Option<UnixMillis>,
        /// Who froze.
        by: OperatorName,
        /// Why.
        why: String,
    },
    /// A gate asks for people's consent.
    Approval {
        /// How many more have to approve.
        needed: usize,
        /// Who has.
        given: Vec<OperatorName>,
        /// The one who can't, because they began it.
        except: Option<OperatorName>,
    },
    /// A gate's window is closed.
    Window {
        /// The window, for people.
        window: String,
        /// When it opens; none: not within a week.
        opens: Option<UnixMillis>,
    },
    /// A gate measures.
    Analysis {
        /// Its name.
        name: String,
        /// How many readings there are.
        taken: usize,
        /// How many it takes.
        samples: usize,
        /// How many of them were bad.
        bad: usize,
    },
    /// A person has to promote it.
    Promotion,
    /// Its turn comes after another rollout's. Never the planner's answer, which is not asked about it before.
    Queue {
        /// That one.
        rollout: RolloutId,
    },
    /// Hosts that are to be emptied, and are not yet.
    Drain {
        /// Which.
        hosts: Vec<HostId>,
    },
}

/// The planner's answer for one app.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    /// Orders to hosts, in the order of their ids; at most one for each.
    pub orders: Vec<(HostId, Order)>,
    /// Hosts that should fetch a release's images ahead of their order, in the order of their ids. All of them: who was told to before and is
    /// not named here need not any more. Decides nothing.
    pub prefetch: Vec<(HostId, ReleaseNumber)>,
    /// What analysis gates ask to be measured now.
    pub measures: Vec<Measure>,
    /// The rollout's new state, if there is a rollout.
    pub rollout: Option<Rollout>,
    /// Why no more is done now.
    pub waiting: Vec<WaitingOn>,
    /// When to plan again even if nothing is heard until then.
    pub wake_at: Option<UnixMillis>,
}
