//! Fetching ahead: a release's images on a host before it is ordered there. Not here: who fetches when (crate `evenkeel-rollout`), fetching
//! (crate `evenkeel-agent`). Nothing else depends on it: a host that has not fetched pulls when it is its turn.

use serde::{Deserialize, Serialize};

use crate::{AppKey, Failure, ImagePin, Millis, ReleaseNumber};

/// What a host should have before its turn comes: at most one release of each key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefetch {
    /// App and environment.
    pub key: AppKey,
    /// The release.
    pub release: ReleaseNumber,
    /// The images of the services that this host will run, each once.
    pub images: Vec<ImagePin>,
    /// For the pull of one image.
    pub pull_deadline: Millis,
}

/// How far a host is with what it should fetch ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PrefetchState {
    /// On its way.
    Fetching {
        /// What stood in its way the last time; it is tried again.
        failure: Option<Failure>,
    },
    /// Every image is there.
    Present,
    /// It is not tried again before the host's turn.
    GivenUp {
        /// Why.
        failure: Failure,
    },
}

impl PrefetchState {
    /// The word used in JSON and tables.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Fetching { .. } => "fetching",
            Self::Present => "present",
            Self::GivenUp { .. } => "given_up",
        }
    }

    /// What stands in its way, or stood.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Fetching { failure } => failure.as_ref(),
            Self::Present => None,
            Self::GivenUp { failure } => Some(failure),
        }
    }

    /// Whether the host asks no registry any more because of it.
    pub fn is_settled(&self) -> bool {
        !matches!(self, Self::Fetching { .. })
    }
}

/// What a host says of what it should fetch ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefetchReport {
    /// App and environment.
    pub key: AppKey,
    /// The release.
    pub release: ReleaseNumber,
    /// How far it is.
    pub state: PrefetchState,
}
