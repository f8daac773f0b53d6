//! What the engine says of one app on this host, read anew before each decision. Not here: reading it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use evenkeel_model::{Digest, Monotonic, ReleaseNumber, Restart, ServiceName, Version};

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
    /// Its address on the app's network, kept for life, running or not; none if it has none of its own.
    pub address: Option<IpAddr>,
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

/// The host's proxy, as far as one app's routes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// It answers.
    Up {
        /// The mark of the plan that is in force; none: it has no routes of this app.
        mark: Option<Digest>,
        /// By service, the containers that get what is new, each with its weight among them.
        routed: BTreeMap<ServiceName, BTreeMap<String, u32>>,
        /// By container, the requests and connections that are under way; absent: none.
        in_flight: BTreeMap<String, u64>,
    },
    /// It does not answer. What was routed goes on as it was, as far as anybody can tell.
    Down {
        /// Why, for people.
        message: String,
    },
}

impl Default for Proxy {
    fn default() -> Self {
        Self::Up { mark: None, routed: BTreeMap::new(), in_flight: BTreeMap::new() }
    }
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
    /// The host's proxy. Of an app without routed ports it need not be asked: the default, which routes nothing, is right then.
    pub proxy: Proxy,
    /// Why no image should be pulled now, for people: the disk is nearly full. None: there is room.
    pub disk_low: Option<String>,
    /// Images that other apps on this host still need, or that are fetched ahead.
    pub needed_elsewhere: BTreeSet<Digest>,
    /// When a coordinator of the current epoch was last heard; none: not since this agent started.
    pub heard: Option<Monotonic>,
}
