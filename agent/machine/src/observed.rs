//! What the engine says of one app on this host, read anew before each decision. Not here: reading it.

use std::collections::BTreeMap;

use evenkeel_model::{Digest, Monotonic, ReleaseNumber, Restart, Version};

use crate::Place;

/// A container's state, as far as decisions depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// It runs (or is being restarted by the engine).
    Running,
    /// It ended.
    Exited {
        /// Its exit code.
        code: i64,
        /// Whether it was killed for its memory.
        oom_killed: bool,
    },
}

/// One container with our labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The engine's id: another one means another container.
    pub id: String,
    /// Service and slot, from its labels.
    pub place: Place,
    /// The generation it was made for, from its labels.
    pub version: Version,
    /// The release it was made for, from its labels.
    pub release: ReleaseNumber,
    /// What it was made from (`Service::fingerprint`), from its labels.
    pub fingerprint: Digest,
    /// The digest that its image was pinned by, from its labels.
    pub pin: Digest,
    /// The image id that it runs, as the engine says.
    pub image_id: String,
    /// Its state.
    pub state: ContainerState,
    /// What the engine does when it ends by itself.
    pub restart: Restart,
    /// How often the engine has restarted it by that policy.
    pub restarts: u64,
}

impl Container {
    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.state == ContainerState::Running
    }
}

/// The engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// It answers. The number changes whenever contact was lost in between, so that a restart of the engine is not taken for a crash of the containers.
    Up {
        /// Counts the times that contact was made.
        session: u64,
    },
    /// It does not answer.
    Down {
        /// Why, for people.
        message: String,
    },
}

/// All that a decision for one key is based on, beside the ledger and the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The engine. While it is down nothing else here is known.
    pub engine: Engine,
    /// Our containers of this app, in order of their places.
    pub containers: Vec<Container>,
    /// Of the images that the ledger names, those which are here: pin to image id.
    pub images: BTreeMap<Digest, String>,
    /// When a coordinator of the current epoch was last heard; none: not since this agent started.
    pub heard: Option<Monotonic>,
}
