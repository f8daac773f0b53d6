//! What must survive `kill -9` and can't be read off the containers' labels: what was accepted, how it ended, where a revert goes.
//! Not here: the file it is kept in (crate `evenkeel-agent`).

use evenkeel_model::{Assignment, Content, Failure};
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

/// The ledger of one key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// The newest assignment that was accepted.
    pub accepted: Option<Accepted>,
    /// The release that was committed last on this host: where a revert goes. None: to nothing.
    pub base: Option<Content>,
}
