//! What the machine can ask for: one thing at a time, each idempotent at its port. Not here: doing it (crate `evenkeel-agent`).

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use evenkeel_model::{
    AppKey, Digest, Evidence, Failure, ImagePin, Millis, Port, Probe, ProbeEvidence, ReleaseNumber, Restart, Service,
    ServiceName, Slot, Version,
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

/// A container as the proxy sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// The container's id: another one is another upstream, which the old one drains beside.
    pub container: String,
    /// Its address on the app's network, which it keeps for life.
    pub address: IpAddr,
    /// Its share of new requests, among those of the service.
    pub weight: u32,
}

/// What the proxy is to do with a service's ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRoutes {
    /// The routed ports.
    pub ports: Vec<Port>,
    /// Who gets what is new; none: it waits for `hold`.
    pub upstreams: Vec<Upstream>,
    /// How long requests wait while nothing can serve.
    pub hold: Millis,
    /// Whether requests are to wait though there are upstreams: before one that can't run twice is stopped.
    pub holding: bool,
    /// Whether the readiness path answers 503.
    pub failing: bool,
}

/// All that the proxy is to do for one app on this host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoutePlan {
    /// By service; one without routed ports is not in it.
    pub services: BTreeMap<ServiceName, ServiceRoutes>,
}

impl RoutePlan {
    /// What identifies the plan. The proxy keeps it beside the routes, so that a plan that is in force is known as such.
    pub fn mark(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).expect("plain data has a JSON form"))
    }
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
    /// Have the proxy do exactly this for the app; an empty plan takes all its routes away. In force already is done. A port that can't be
    /// had (`port_taken`) or a proxy that does not answer (`proxy_unavailable`) fails it, and changes nothing.
    Route(Box<RoutePlan>),
    /// End at once what is still under way at a container that gets nothing new any more.
    Cut {
        /// The container's id.
        container: String,
    },
    /// Take an image away that no kept release needs. Gone already, or in use, is done.
    Forget {
        /// The pinned image.
        image: ImagePin,
    },
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
            Self::Route(_) => "route",
            Self::Cut { .. } => "cut",
            Self::Forget { .. } => "forget",
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
