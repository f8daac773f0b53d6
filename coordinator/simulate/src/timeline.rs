//! What an imagined rollout came to, as data: the same for JSON and for people. Not here: words for people (crate `evenkeel-cli`), noting it
//! (module `news`).

use evenkeel_model::{Failure, HostId, Millis, OperatorName, Share, UnixMillis};
use evenkeel_rollout::{Verdict, WaitingOn};
use serde::Serialize;

use crate::Totals;

/// What one run came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// What it was drawn from.
    pub seed: u64,
    /// When the rollout began.
    pub began: UnixMillis,
    /// How it ended.
    pub end: End,
    /// What happened, in its order.
    pub entries: Vec<Entry>,
    /// What it comes to.
    pub totals: Totals,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Every host has the new release.
    Succeeded,
    /// Every host that was touched is back.
    RolledBack,
    /// It failed, and was not (wholly) taken back.
    Halted,
    /// Nothing more happens by itself: it waits for a person.
    Waiting,
    /// It was stopped at the limit of a run.
    GoesOn,
}

impl End {
    /// All of them, the best first.
    pub const ALL: [Self; 5] = [Self::Succeeded, Self::RolledBack, Self::Halted, Self::Waiting, Self::GoesOn];

    /// The word used in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::RolledBack => "rolled_back",
            Self::Halted => "halted",
            Self::Waiting => "waiting",
            Self::GoesOn => "goes_on",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, after the beginning.
    pub at: Millis,
    /// What.
    pub what: What,
}

/// A host that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedHost {
    /// Which.
    pub host: HostId,
    /// Why.
    pub failure: Failure,
}

/// What a rollout that failed does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// It leaves all as it is, and a person decides.
    Pauses,
    /// It takes back the hosts in trial.
    Withdraws,
    /// It takes back all.
    RollsBack,
}

/// What happened. Waves are counted from 0. Of many hosts the first few are named, and the rest are counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The rollout began.
    Began {
        /// How many hosts it covers.
        hosts: usize,
        /// How many waves there are.
        waves: usize,
        /// How many hosts may be unavailable at once.
        budget: usize,
        /// How many of them are never heard.
        silent: usize,
    },
    /// A wave began.
    WaveBegan {
        /// Which.
        wave: usize,
        /// How many hosts it has.
        hosts: usize,
        /// The value of the policy's label `by` that they have.
        value: Option<String>,
    },
    /// A wave is healthy, and bakes.
    WaveHealthy {
        /// Which.
        wave: usize,
        /// With so much of what is new.
        share: Share,
        /// For so long.
        bake: Millis,
    },
    /// A wave is not healthy any more, and will bake anew.
    BakeBroken {
        /// Which.
        wave: usize,
    },
    /// The hosts of a wave get more of what is new.
    ShareShifted {
        /// Which.
        wave: usize,
        /// So much.
        share: Share,
    },
    /// A wave is through: its hosts have committed.
    WaveCommitted {
        /// Which.
        wave: usize,
        /// How many have.
        committed: usize,
        /// How many failed.
        failed: usize,
        /// From its beginning.
        took: Millis,
    },
    /// A gate is closed.
    GateWaits {
        /// In which wave.
        wave: usize,
        /// For what.
        on: Vec<WaitingOn>,
    },
    /// The gates are passed that were closed.
    GatePassed {
        /// In which wave.
        wave: usize,
        /// How long it stood there.
        waited: Millis,
    },
    /// Persons approved.
    Approved {
        /// Who.
        by: Vec<OperatorName>,
    },
    /// A person promoted.
    Promoted {
        /// Who.
        by: OperatorName,
    },
    /// A reading of an analysis was not good.
    Read {
        /// The analysis.
        name: String,
        /// What it came to.
        verdict: Verdict,
    },
    /// Hosts failed, and go back by themselves.
    HostsFailed {
        /// How many.
        count: usize,
        /// The first of them.
        hosts: Vec<FailedHost>,
    },
    /// Hosts turned unhealthy after their commit.
    HostsUnhealthy {
        /// How many.
        count: usize,
        /// The first of them.
        hosts: Vec<HostId>,
    },
    /// Hosts are not heard any more.
    HostsSilent {
        /// How many.
        count: usize,
        /// The first of them.
        hosts: Vec<HostId>,
    },
    /// Hosts are heard again.
    HostsHeard {
        /// How many.
        count: usize,
        /// The first of them.
        hosts: Vec<HostId>,
    },
    /// The same again, too often to tell each time: so many since it was told last.
    More {
        /// Hosts that failed.
        failed: usize,
        /// Hosts that turned unhealthy after their commit.
        unhealthy: usize,
        /// Hosts that fell silent.
        silent: usize,
        /// Hosts that were heard again.
        heard: usize,
    },
    /// The registry does not answer.
    RegistryAway {
        /// Until then.
        until: Millis,
    },
    /// It answers again.
    RegistryBack,
    /// A freeze began.
    FreezeBegan {
        /// Until then.
        until: Millis,
    },
    /// It was lifted.
    FreezeEnded,
    /// The rollout rests by itself: an analysis says nothing.
    Rests {
        /// Why.
        why: String,
    },
    /// The rollout failed.
    Failed {
        /// Why.
        failure: Failure,
        /// What it does then.
        then: Then,
    },
    /// The run is over.
    Ended {
        /// How.
        end: End,
        /// Why it failed, if it did.
        failure: Option<Failure>,
        /// What it waits for, if it waits or goes on.
        waiting: Vec<WaitingOn>,
    },
}
