//! The releases that the simulation deploys: what they are and how their containers behave.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_agent::runtime::{Behaviour, Exit, Pull};
use evenkeel_model::manifest::{IfOrphaned, ServiceDraft};
use evenkeel_model::service::{Port, Protocol};
use evenkeel_model::{
    CauseKind, Digest, Health, Millis, Order, Policy, Probe, Restart, ServiceName, ServiceSpec, Specification,
};

use super::Random;

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
    /// Whether its port is published, so that old and new can't run side by side.
    pub published: bool,
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
        let ports = if self.published {
            vec![Port { address: None, published: 8080, target: 8080, protocol: Protocol::Tcp }]
        } else {
            Vec::new()
        };
        let mut spec = ServiceSpec {
            command: None,
            entrypoint: None,
            environment: BTreeMap::new(),
            ports,
            mounts: Vec::new(),
            engine_healthcheck: None,
            health: Health::with_defaults(Probe::Http { port: 8080, path: "/healthz".to_owned() }),
            restart: Restart::UnlessStopped,
            user: None,
            labels: BTreeMap::new(),
            stop_grace_period: Millis::seconds(5),
            order: Order::StartFirst,
            constraints: Vec::new(),
        };
        if spec.clash().is_some() {
            spec.order = Order::StopFirst;
        }
        let draft = ServiceDraft { image: self.image(), local: false, spec };
        Specification {
            app: "shop".parse().expect("a valid name"),
            services: BTreeMap::from([(service(), draft)]),
            if_orphaned: IfOrphaned::Keep,
            policy: self.policy.clone(),
            notes: Vec::new(),
        }
    }

    /// A release by the seed.
    pub fn random(number: u64, published: bool, policy: &Policy, random: &mut Random) -> Self {
        let kind = if random.chance(50) { Kind::Good } else { *random.pick(&Kind::ALL) };
        Self { number, kind, published, policy: policy.clone() }
    }
}

/// The simulated app's one service.
pub(super) fn service() -> ServiceName {
    "web".parse().expect("a valid name")
}
