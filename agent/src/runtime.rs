//! The port to the container engine: what the driver asks of it, and nothing that only one engine could answer.
//!
//! Every call ends within a limit of its own: a hung engine must not hang the agent. Every action is idempotent.
//! Deliberately not here: what to do next (crate `evenkeel-machine`), probes over the network (`crate::probe`), the ledger.

mod docker;
mod fake;
mod identity;
mod search;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use async_trait::async_trait;
use tokio::sync::watch;

use evenkeel_machine::{Action, Container, Engine, Outcome};
use evenkeel_model::{AppKey, CauseKind, ContainerStats, Digest, Failure, ImagePin, LogAnswer, LogQuestion};

pub use docker::{AddressPool, DockerOptions, DockerRuntime, NoPool};
pub use fake::{Behaviour, Exit, FakeEngine, FakeRuntime, Performed, Pull, Serving};
pub use identity::{Identity, Labels, Scope};

/// What the engine says of one app: `evenkeel_machine::Observed` without what only the session to the coordinator knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The engine. While it is down the rest is empty.
    pub engine: Engine,
    /// Our containers of this app, in order of their places.
    pub containers: Vec<Container>,
    /// Of the pins that were asked for, those that are here: pin to image id.
    pub images: BTreeMap<Digest, String>,
}

/// The engine did not answer, or refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the engine does not answer: {message}")]
pub struct EngineDown {
    /// Why, for people.
    pub message: String,
}

impl From<EngineDown> for Failure {
    fn from(down: EngineDown) -> Self {
        Self::plain(CauseKind::EngineUnavailable, down.to_string())
    }
}

/// What came to the wrong port.
fn not_the_engines(action: &Action) -> Failure {
    Failure::plain(
        CauseKind::ProxyUnavailable,
        format!("`{}` is the proxy's to do, and the engine was asked", action.name()),
    )
}

/// A container engine, seen by one host's agent: only containers with its fleet and host in their labels exist for it.
#[async_trait]
pub trait Runtime: Send + Sync {
    /// Reads the app's containers, and which of the pinned images are here. An engine that is down is a sight too, not an error.
    async fn observe(&self, key: &AppKey, pins: &[ImagePin]) -> Sight;

    /// The apps of which this host has containers, running or not.
    async fn keys(&self) -> Result<BTreeSet<AppKey>, EngineDown>;

    /// Does one thing for one app. Dropping the future gives up waiting; what the engine has begun it may still finish.
    ///
    /// `Wait` is done at once. What is not the engine's is refused: what the proxy does, and probes over the network, which count as answered
    /// badly. The driver sends each action where it belongs.
    async fn perform(&self, key: &AppKey, action: &Action) -> Outcome;

    /// The engine's version, if it answers.
    async fn engine_version(&self) -> Option<String>;

    /// Where the engine keeps images, if it answers: whose free space matters.
    async fn data_root(&self) -> Option<PathBuf>;

    /// What our running containers use; processor time is counted since the call before (0 at a container's first).
    async fn stats(&self) -> Vec<ContainerStats>;

    /// Counts the lines that match in the logs of our containers of the app that were made for the release, running or ended, from their creation on.
    /// Others are never read. Bounded in time and in what is read; what was found until then is said in any case. Changes nothing, and may be dropped
    /// at any moment.
    async fn search_logs(&self, question: &LogQuestion) -> LogAnswer;

    /// Changes whenever something may have happened to our containers or the engine. Wake-ups carry no payload and may be merged.
    fn wakeups(&self) -> watch::Receiver<()>;

    /// Follows the engine and wakes [`Self::wakeups`]. Never returns; to be run beside the driver for as long as the agent lives.
    async fn listen(&self);
}
