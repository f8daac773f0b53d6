//! What must survive `kill -9` and can't be read off the containers' labels: what was accepted, how it ended, where a revert goes.
//! Not here: the file it is kept in (crate `evenkeel-agent`).

use evenkeel_model::{Assignment, Content, Failure, ImagePin, Millis, ReleaseNumber};
use serde::{Deserialize, Serialize};

/// How a generation ended on this host. Whichever end is durable first is the end; it ends exactly once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum End {
    /// It is final.
    Committed,
    /// It was given up; the release before is being brought back.
    Reverting {
        /// Why.
        failure: Box<Failure>,
    },
    /// It was given up, and the release before serves again.
    Reverted {
        /// Why.
        failure: Box<Failure>,
    },
}

/// The newest assignment that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// As the coordinator sent it.
    pub assignment: Assignment,
    /// How it ended; none: in trial, or on the way there.
    pub end: Option<End>,
}

/// The images of a release that was committed on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The release.
    pub release: ReleaseNumber,
    /// Its images.
    pub images: Vec<ImagePin>,
}

/// The release that a commit replaced, of which containers run on for a while without traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blue {
    /// The release.
    pub content: Content,
    /// For how long.
    pub keep: Millis,
}

/// The ledger of one key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// The newest assignment that was accepted.
    pub accepted: Option<Accepted>,
    /// The release that was committed last on this host: where a revert goes. None: to nothing.
    pub base: Option<Content>,
    /// The releases committed here of which the images are kept, the newest first. Those beyond the release's `keep` wait here until
    /// their images are gone.
    #[serde(default)]
    pub kept: Vec<Kept>,
    /// The release before `base`, as long as a container of it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blue: Option<Blue>,
}
