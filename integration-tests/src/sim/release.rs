//! The releases that the simulation deploys: what they are and how their containers behave.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_agent::runtime::{Behaviour, Exit, Pull};
use evenkeel_model::manifest::{IfOrphaned, ServiceDraft};
use evenkeel_model::service::{Port, Protocol};
use evenkeel_model::{
    CauseKind, Digest, Health, HttpProbe, HttpRoute, Millis, Order, Policy, Probe, Restart, ServiceName, ServiceSpec,
    Specification, Traffic, Via,
};

use super::Random;

/// How long what is under way may go on. Shorter than some requests, so that they are cut.
pub(super) const DRAIN: Duration = Duration::from_secs(5);
/// The releases that a host keeps the images of: the fewest, so that some go in each run.
const KEEP: u32 = 2;

/// How requests get to the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Not at all.
    None,
    /// The engine publishes the port, so that old and new can't run side by side.
    Direct,
    /// The host's proxy gives them to whoever serves.
    Routed,
    /// The same, for an app that can't run twice.
    Held,
}

impl Door {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Direct, Self::Routed, Self::Held];
}

/// What becomes of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It works.
    Good,
    /// It ends right after its start.
    Crash,
    /// It is never healthy.
    Unready,
    /// It is healthy, and then not any more, within the bake.
    Sick,
    /// It is killed for its memory within the bake.
    Leaky,
    /// Its image is gone from the registry by the time of the pull.
    Gone,
    /// It works, and takes its time.
    Slow,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Good, Self::Crash, Self::Unready, Self::Sick, Self::Leaky, Self::Gone, Self::Slow];

    /// Whether a rollout of it can succeed.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Good | Self::Slow)
    }

    fn behaviour(self) -> Behaviour {
        let seconds = Duration::from_secs;
        let exit = |after, code, oom_killed| Some(Exit { after, code, oom_killed });
        let usual = Behaviour {
            start: Duration::from_millis(200),
            answers_after: Duration::from_millis(5),
            // A download takes time, by which it is told from a pull that finds the image here.
            pull: Pull::Slow(Duration::from_millis(300)),
            ..Behaviour::default()
        };
        match self {
            Self::Good => usual,
            Self::Crash => Behaviour { exits: exit(Duration::from_millis(50), 3, false), ..usual },
            Self::Unready => Behaviour { healthy_after: None, ..usual },
            Self::Sick => Behaviour { sick_after: Some(seconds(4)), ..usual },
            Self::Leaky => Behaviour { exits: exit(seconds(5), 137, true), ..usual },
            Self::Gone => Behaviour { pull: Pull::Fails(CauseKind::ImageNotFound), ..usual },
            Self::Slow => Behaviour {
                healthy_after: Some(seconds(3)),
                pull: Pull::Slow(seconds(2)),
                stops_after: Some(seconds(1)),
                ..usual
            },
        }
    }
}

/// One release of the simulated app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Names its image: another number, another image.
    pub number: u64,
    /// What becomes of it.
    pub kind: Kind,
    /// How requests get to it.
    pub door: Door,
    /// How it is rolled out.
    pub policy: Policy,
}

impl Release {
    /// The image's reference.
    pub fn image(&self) -> String {
        format!("{}:{}", super::fleet::REPOSITORY, self.number)
    }

    /// What the registry says that reference is.
    pub fn digest(reference: &str) -> Digest {
        Digest::of(reference.as_bytes())
    }

    /// What its image's containers do.
    pub fn behaviour(&self) -> Behaviour {
        self.kind.behaviour()
    }

    /// As the Compose reader would have made it.
    pub fn specification(&self) -> Specification {
        let port = |via| Port { address: None, published: 8080, target: 8080, protocol: Protocol::Tcp, via };
        let ports = match self.door {
            Door::None => Vec::new(),
            Door::Direct => vec![port(Via::Engine)],
            Door::Routed | Door::Held => vec![port(Via::Http(HttpRoute::default()))],
        };
        let mut spec = ServiceSpec {
            command: None,
            entrypoint: None,
            environment: BTreeMap::new(),
            ports,
            mounts: Vec::new(),
            engine_healthcheck: None,
            health: Health::with_defaults(Probe::Http(HttpProbe::get(8080, "/healthz"))),
            restart: Restart::UnlessStopped,
            user: None,
            labels: BTreeMap::new(),
            stop_grace_period: Millis::seconds(5),
            stop_signal: None,
            order: Order::StartFirst,
            keep_old: None,
            traffic: Traffic { drain: Millis::from(DRAIN), ..Traffic::default() },
            constraints: Vec::new(),
        };
        if spec.clash().is_some() || self.door == Door::Held {
            spec.order = Order::StopFirst;
        }
        let draft = ServiceDraft { image: self.image(), local: false, spec };
        Specification {
            app: "shop".parse().expect("a valid name"),
            services: BTreeMap::from([(service(), draft)]),
            if_orphaned: IfOrphaned::Keep,
            keep: KEEP,
            policy: self.policy.clone(),
            notes: Vec::new(),
        }
    }

    /// A release by the seed.
    pub fn random(number: u64, door: Door, policy: &Policy, random: &mut Random) -> Self {
        let kind = if random.chance(50) { Kind::Good } else { *random.pick(&Kind::ALL) };
        Self { number, kind, door, policy: policy.clone() }
    }
}

/// The simulated app's one service.
pub(super) fn service() -> ServiceName {
    "web".parse().expect("a valid name")
}
