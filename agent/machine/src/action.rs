//! What the machine can ask for: one thing at a time, each idempotent at its port. Not here: doing it (crate `evenkeel-agent`).

use std::fmt;

use evenkeel_model::{
    AppKey, Evidence, Failure, ImagePin, Millis, Probe, ProbeEvidence, ReleaseNumber, Restart, Service, ServiceName,
    Slot, Version,
};
use serde::{Deserialize, Serialize};

/// One of a service's two places on this host. With the key it names a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The service.
    pub service: ServiceName,
    /// Which of its places.
    pub slot: Slot,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.service, self.slot)
    }
}

/// What a new container is made from. Always created with the engine's restart `no`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPlan {
    /// App and environment.
    pub key: AppKey,
    /// Where it goes.
    pub place: Place,
    /// The generation it is made for.
    pub version: Version,
    /// The release it is made for.
    pub release: ReleaseNumber,
    /// Image and specification.
    pub service: Service,
}

/// The one thing to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Have the image here, and check that it is what was pinned. Given up by the port after `timeout`.
    Pull {
        /// The pinned image.
        image: ImagePin,
        /// What is left of the pull's budget.
        timeout: Millis,
    },
    /// Make a container; one of ours in that place with another fingerprint, not running, is replaced.
    Create(Box<ContainerPlan>),
    /// Start a container that exists. Started already is done.
    Start(Place),
    /// Ask a container once.
    Probe {
        /// The container.
        place: Place,
        /// What to ask.
        probe: Probe,
        /// No answer by then is a bad answer.
        timeout: Millis,
    },
    /// Tell the engine what to do when this container ends by itself.
    SetRestart {
        /// The container.
        place: Place,
        /// The engine's policy from now on.
        restart: Restart,
    },
    /// SIGTERM, and SIGKILL after `grace`. Stopped already is done.
    Stop {
        /// The container.
        place: Place,
        /// From SIGTERM to SIGKILL.
        grace: Millis,
    },
    /// Take a container away, running or not. Gone already is done.
    Remove(Place),
    /// Gather the proof that goes with a failure: exit code, last lines, the host's pressure.
    Collect(Place),
    /// Nothing until `wake_at` or an event.
    Wait,
}

impl Action {
    /// The action's name, as failpoints and logs use it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pull { .. } => "pull",
            Self::Create(_) => "create",
            Self::Start(_) => "start",
            Self::Probe { .. } => "probe",
            Self::SetRestart { .. } => "set-restart",
            Self::Stop { .. } => "stop",
            Self::Remove(_) => "remove",
            Self::Collect(_) => "collect",
            Self::Wait => "wait",
        }
    }
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Done,
    /// A probe's answer.
    Probed {
        /// Whether the answer was good.
        healthy: bool,
        /// Question and answer.
        evidence: ProbeEvidence,
    },
    /// The proof that was asked for.
    Collected(Box<Evidence>),
    /// Not as asked; the failure's kind says what follows.
    Failed(Box<Failure>),
}
