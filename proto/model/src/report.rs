//! What a host says of itself for one app. Not here: what follows from it (crate `evenkeel-rollout`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AppKey, Digest, Failure, ReleaseNumber, ServiceName, Share, Version};

/// How far a host is with the generation that it has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Pulling, creating, starting, proving.
    Working,
    /// All services are proven; the old release is kept until the commit.
    Trial,
    /// Final on this host.
    Committed,
    /// Going back.
    Reverting,
    /// Back on the release before. This generation is never tried again.
    Reverted,
}

impl Stage {
    /// The word used in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Trial => "trial",
            Self::Committed => "committed",
            Self::Reverting => "reverting",
            Self::Reverted => "reverted",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The container that serves for a service now; while the accepted release is staged, its own where that is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceReport {
    /// The release it was made for.
    pub release: ReleaseNumber,
    /// The digest that its image was pinned by.
    pub pin: Digest,
    /// The image id of the running container, as the engine says.
    pub image_id: String,
    /// Whether it runs.
    pub running: bool,
    /// Whether it runs and its probe says so.
    pub healthy: bool,
    /// How often the engine has restarted it.
    pub restarts: u64,
}

/// What a host says of one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppReport {
    /// App and environment.
    pub key: AppKey,
    /// The assignment that this host has accepted.
    pub version: Version,
    /// The release of that assignment; none: nothing should run.
    pub release: Option<ReleaseNumber>,
    /// How far it is with it.
    pub stage: Stage,
    /// How much of what is new goes to the accepted release, by what the host's proxy does: what was asked for, as soon as that is in force
    /// for every service that changes; else the least of what is in force where it is not. Of a release without a change that the proxy sees:
    /// what was asked for once all is proven, and 0 before. 100 once it is committed, 0 once it has been reverted, and 0 while nothing can be
    /// known. An agent of the version before does not say it, and gives all: 100.
    #[serde(default)]
    pub share: Share,
    /// The last committed release on this host: where a revert goes.
    pub base: Option<ReleaseNumber>,
    /// Whether every service of the accepted release runs here from its pinned image, and is healthy.
    pub healthy: bool,
    /// What stands in the way now (while working), or why it went back.
    pub failure: Option<Failure>,
    /// What serves now, by service.
    pub services: BTreeMap<ServiceName, ServiceReport>,
    /// What it does or waits for, for people.
    pub why: String,
}

/// Why an agent does not accept an assignment. Not an error: an ordinary answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Refusal {
    /// A newer one was accepted before.
    Stale {
        /// What was accepted.
        accepted: Version,
    },
    /// The same version was accepted with other content.
    Changed,
    /// It was reverted here, and can't be committed any more.
    AlreadyReverted,
    /// It was committed here, and can't be withdrawn any more.
    AlreadyCommitted,
    /// The bytes are not what the digest says, or can't be read.
    Malformed {
        /// What is wrong.
        message: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale { accepted } => write!(f, "it is older than {accepted}, which was accepted before"),
            Self::Changed => f.write_str("it has other content than the one accepted under the same number"),
            Self::AlreadyReverted => f.write_str("it was reverted on this host"),
            Self::AlreadyCommitted => f.write_str("it was committed on this host"),
            Self::Malformed { message } => write!(f, "it can't be read: {message}"),
        }
    }
}

/// An assignment that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedAssignment {
    /// App and environment.
    pub key: AppKey,
    /// The version refused.
    pub version: Version,
    /// Why.
    pub refusal: Refusal,
}
