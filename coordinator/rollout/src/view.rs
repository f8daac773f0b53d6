//! What the planner is told: the fleet as the coordinator knows it at one moment. Not here: collecting it.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::{
    AppKey, AppReport, HostId, Manifest, OperatorName, Phase, PrefetchReport, PrefetchState, RefusedAssignment,
    ReleaseNumber, Share, UnixMillis, Version,
};

use serde::{Deserialize, Serialize};

use crate::Rollout;

/// Whether a host is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// Heard within its lease.
    Live,
    /// Not heard: unavailable, never healthy.
    Silent {
        /// When it was last heard; the coordinator's start if not since then.
        since: UnixMillis,
    },
}

/// What this host was last ordered for this app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordered {
    /// The order's number.
    pub version: Version,
    /// The release; none: nothing should run.
    pub release: Option<ReleaseNumber>,
    /// How far.
    pub phase: Phase,
    /// How much of what is new it gets while in trial.
    pub share: Share,
}

/// What a host is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// Whatever matches it.
    #[default]
    Active,
    /// What it has. It gets nothing new.
    Cordoned,
    /// Nothing: it is to be emptied, and stays empty.
    Drained,
}

impl Duty {
    /// The word used in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Cordoned => "cordoned",
            Self::Drained => "drained",
        }
    }
}

/// A freeze that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// Until then; none: until it is lifted.
    pub until: Option<UnixMillis>,
    /// Who froze.
    pub by: OperatorName,
    /// Why.
    pub why: String,
}

/// One host of the app's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostView {
    /// The host.
    pub host: HostId,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it is there for.
    pub duty: Duty,
    /// Whether it is heard.
    pub contact: Contact,
    /// Whether it has reported a higher epoch than this coordinator's: it gets no orders then.
    pub conflict: bool,
    /// What it was last ordered; none: nothing yet.
    pub ordered: Option<Ordered>,
    /// Its last report on this app. Believed only while the host is live.
    pub report: Option<AppReport>,
    /// The last order it refused, if its answer to the newest order was a refusal.
    pub refused: Option<RefusedAssignment>,
    /// Its last word on what it was told to fetch ahead. Believed only while the host is live.
    pub prefetch: Option<PrefetchReport>,
}

impl HostView {
    /// How far it says that it is with fetching this release ahead; none: it has said nothing of that, or is not heard.
    pub fn prefetched(&self, release: ReleaseNumber) -> Option<&PrefetchState> {
        let is_live = self.contact == Contact::Live && !self.conflict;
        let report = self.prefetch.as_ref().filter(|report| is_live && report.release == release)?;
        Some(&report.state)
    }
}

/// All that a plan for one app is made from.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// App and environment.
    pub key: &'a AppKey,
    /// The time now.
    pub now: UnixMillis,
    /// The hosts of the environment, in the order of their ids.
    pub hosts: &'a [HostView],
    /// The releases of this app that are kept.
    pub releases: &'a BTreeMap<ReleaseNumber, Arc<Manifest>>,
    /// The current release: of the last succeeded rollout.
    pub current: Option<ReleaseNumber>,
    /// The policy under which hosts that join or return get the current release.
    pub current_policy: &'a evenkeel_model::Policy,
    /// The newest rollout of this app, going on or ended. One that waits for its turn is not meant.
    pub rollout: Option<&'a Rollout>,
    /// The freeze that is in force for this app.
    pub frozen: Option<&'a Frozen>,
}
