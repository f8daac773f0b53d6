//! The state of an engine in memory, and how it changes by the passing of time alone. Not here: what agents do to it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use evenkeel_machine::{Container, ContainerPlan, ContainerState, Place};
use evenkeel_model::{
    AppKey, ContainerStats, Digest, Failure, ImagePin, LogCount, LogQuestion, Port, Pressure, Restart, ServiceName,
};

use crate::runtime::search::{Search, Stream};
use crate::runtime::{Identity, Labels, Scope};

use super::{Behaviour, Performed, Serving};

/// What a killed container exits with (128 + 9).
const KILLED: i64 = 137;
/// The engine waits so long before the first restart, and twice as long before each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// But never longer than this.
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct World {
    pub(super) session: u64,
    pub(super) down: bool,
    pub(super) registry_down: bool,
    pub(super) behaviours: BTreeMap<Digest, Behaviour>,
    pub(super) images: BTreeSet<Digest>,
    /// Ours and other agents', by name.
    pub(super) bodies: BTreeMap<String, Body>,
    pub(super) foreign: BTreeSet<String>,
    pub(super) occupied: BTreeSet<u16>,
    pub(super) refusals: Vec<(&'static str, Failure)>,
    pub(super) log: Vec<Performed>,
    /// How many entries were taken off the log's front: entries are numbered from the beginning.
    pub(super) forgotten: usize,
    pub(super) pressure: Pressure,
    created: u32,
}

impl Default for World {
    fn default() -> Self {
        let pressure =
            Pressure { load_hundredths: 10, memory_available: 1 << 30, memory_total: 2 << 30, disk_available: 8 << 30 };
        Self {
            session: 1,
            down: false,
            registry_down: false,
            behaviours: BTreeMap::new(),
            images: BTreeSet::new(),
            bodies: BTreeMap::new(),
            foreign: BTreeSet::new(),
            occupied: BTreeSet::new(),
            refusals: Vec::new(),
            log: Vec::new(),
            forgotten: 0,
            pressure,
            created: 0,
        }
    }
}

/// A container.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) id: String,
    pub(super) identity: Identity,
    labels: Labels,
    pub(super) address: IpAddr,
    pub(super) ports: Vec<Port>,
    image_id: String,
    pub(super) state: State,
    pub(super) restart: Restart,
    restarts: u32,
    pub(super) behaviour: Behaviour,
}

/// How a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Created,
    Running {
        since: Duration,
    },
    /// It was told to stop, and will have by then.
    Stopping {
        since: Duration,
        until: Duration,
        code: i64,
    },
    /// The engine will start it again then.
    Restarting {
        until: Duration,
    },
    Exited {
        code: i64,
        oom_killed: bool,
    },
}

impl Body {
    /// As engines count: one that is between two restarts runs.
    pub(super) fn runs(&self) -> bool {
        matches!(self.state, State::Running { .. } | State::Stopping { .. } | State::Restarting { .. })
    }

    /// Whether a probe would be answered well.
    pub(super) fn is_healthy(&self, now: Duration) -> bool {
        match self.state {
            State::Running { since } | State::Stopping { since, .. } => {
                self.behaviour.is_healthy(now.saturating_sub(since))
            }
            _ => false,
        }
    }

    /// When the passing of time alone changes its state.
    fn next_change(&self) -> Option<Duration> {
        match self.state {
            State::Running { since } => self.behaviour.exits.map(|exit| since + exit.after),
            State::Stopping { until, .. } | State::Restarting { until } => Some(until),
            State::Created | State::Exited { .. } => None,
        }
    }

    /// The change that is due at `at`.
    fn pass(&mut self, at: Duration) {
        self.state = match self.state {
            State::Restarting { .. } => State::Running { since: at },
            State::Stopping { code, .. } => State::Exited { code, oom_killed: false },
            State::Running { .. } => {
                let (code, oom_killed) = self.behaviour.exits.map_or((0, false), |exit| (exit.code, exit.oom_killed));
                if self.restarts_after(code) {
                    let backoff = FIRST_BACKOFF.saturating_mul(1 << self.restarts.min(10)).min(LONGEST_BACKOFF);
                    self.restarts += 1;
                    State::Restarting { until: at + backoff }
                } else {
                    State::Exited { code, oom_killed }
                }
            }
            other => other,
        };
    }

    fn restarts_after(&self, code: i64) -> bool {
        match self.restart {
            Restart::No => false,
            Restart::OnFailure => code != 0,
            Restart::UnlessStopped => true,
        }
    }

    fn has(&self, labels: &Labels) -> bool {
        labels.iter().all(|(name, value)| self.labels.get(name) == Some(value))
    }

    fn seen(&self) -> Container {
        let Identity { place, version, release, fingerprint, pin, .. } = self.identity.clone();
        Container {
            id: self.id.clone(),
            place,
            version,
            release,
            fingerprint,
            pin,
            image_id: self.image_id.clone(),
            state: match self.state {
                State::Created => ContainerState::Created,
                State::Exited { code, oom_killed } => ContainerState::Exited { code, oom_killed },
                _ => ContainerState::Running,
            },
            restart: self.restart,
            restarts: self.restarts.into(),
            address: Some(self.address),
        }
    }
}

impl World {
    /// Lets time pass until `now`; whether that changed anything.
    pub(super) fn settle(&mut self, now: Duration) -> bool {
        let mut changed = false;
        for body in self.bodies.values_mut() {
            while let Some(at) = body.next_change().filter(|at| *at <= now) {
                body.pass(at);
                changed = true;
            }
        }
        changed
    }

    /// When the passing of time will next change something.
    pub(super) fn next_change(&self) -> Option<Duration> {
        self.bodies.values().filter_map(Body::next_change).min()
    }

    pub(super) fn set_down(&mut self, down: bool) {
        if down && !self.down {
            self.session += 1;
        }
        self.down = down;
    }

    pub(super) fn reboot(&mut self, now: Duration) {
        self.session += 1;
        for body in self.bodies.values_mut().filter(|body| body.runs()) {
            // One that was told to stop is not brought back.
            let stopped_by_hand = matches!(body.state, State::Stopping { .. });
            body.state = if !stopped_by_hand && body.restarts_after(KILLED) {
                State::Running { since: now }
            } else {
                State::Exited { code: KILLED, oom_killed: false }
            };
        }
    }

    /// Only those in flight stay, so that their ends can still be noted.
    pub(super) fn forget_ended(&mut self) {
        let ended = self.log.iter().take_while(|performed| performed.ended.is_some()).count();
        self.log.drain(..ended);
        self.forgotten += ended;
    }

    pub(super) fn behaviour(&self, pin: &Digest) -> Behaviour {
        self.behaviours.get(pin).cloned().unwrap_or_default()
    }

    /// The image's id, if it is here.
    pub(super) fn image_id(&self, pin: &ImagePin) -> Option<String> {
        self.images.contains(pin.digest()).then(|| match pin {
            ImagePin::Local { id, .. } => id.to_string(),
            ImagePin::Registry { digest, .. } => Digest::of(digest.as_str().as_bytes()).to_string(),
        })
    }

    pub(super) fn add(&mut self, name: String, scope: &Scope, plan: &ContainerPlan, image_id: String) {
        self.created += 1;
        let labels = scope.container_labels(plan);
        let identity = Identity::read(|label| labels.get(label)).expect("labels just written can be read");
        let spec = &plan.service.spec;
        let publish = scope.publish_address.map(|address| address.to_string());
        let published = spec.ports.iter().filter(|port| !port.is_routed());
        let ports = published.map(|port| Port { address: port.address.clone().or(publish.clone()), ..port.clone() });
        let body = Body {
            id: format!("{:064x}", self.created),
            identity,
            // Each container has another address for life, as on an engine that has just freed none.
            address: Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + self.created).into(),
            ports: ports.collect(),
            image_id,
            state: State::Created,
            restart: Restart::No,
            restarts: 0,
            behaviour: self.behaviour(plan.service.image.digest()),
            labels,
        };
        self.bodies.insert(name, body);
    }

    /// Takes an image away, unless it could not be had again or a container needs it.
    pub(super) fn forget(&mut self, scope: &Scope, pin: &ImagePin) {
        let needs_it =
            |body: &Body| body.identity.pin == *pin.digest() || scope.is_a_neighbours(|name| body.labels.get(name));
        let in_use = self.bodies.values().any(needs_it);
        if !in_use && matches!(pin, ImagePin::Registry { .. }) {
            self.images.remove(pin.digest());
        }
    }

    fn ours(&self, labels: Labels) -> impl Iterator<Item = &Body> {
        self.bodies.values().filter(move |body| body.has(&labels))
    }

    pub(super) fn find(&self, scope: &Scope, key: &AppKey, place: &Place) -> Option<&Body> {
        self.ours(scope.place_labels(key, place)).next()
    }

    pub(super) fn find_mut(&mut self, scope: &Scope, key: &AppKey, place: &Place) -> Option<&mut Body> {
        let labels = scope.place_labels(key, place);
        self.bodies.values_mut().find(|body| body.has(&labels))
    }

    pub(super) fn find_by_address(&self, address: IpAddr) -> Option<&Body> {
        self.bodies.values().find(|body| body.address == address && body.runs())
    }

    pub(super) fn containers(&self, scope: &Scope, key: &AppKey) -> Vec<Container> {
        let mut containers: Vec<_> = self.ours(scope.app_labels(key)).map(Body::seen).collect();
        containers.sort_by(|one, other| one.place.cmp(&other.place));
        containers
    }

    pub(super) fn keys(&self, scope: &Scope) -> BTreeSet<AppKey> {
        self.ours(scope.labels()).map(|body| body.identity.key.clone()).collect()
    }

    pub(super) fn serving(&self, scope: &Scope, key: &AppKey, service: &ServiceName, now: Duration) -> Vec<Serving> {
        let ours =
            self.ours(scope.app_labels(key)).filter(|body| body.identity.place.service == *service && body.runs());
        let mut serving: Vec<_> = ours
            .map(|body| Serving {
                slot: body.identity.place.slot,
                release: body.identity.release,
                version: body.identity.version,
                fingerprint: body.identity.fingerprint.clone(),
                pin: body.identity.pin.clone(),
                healthy: body.is_healthy(now),
            })
            .collect();
        serving.sort_by_key(|serving| serving.slot);
        serving
    }

    /// Made up, but the same each time.
    pub(super) fn stats(&self, scope: &Scope) -> Vec<ContainerStats> {
        let running = self.ours(scope.labels()).filter(|body| body.runs());
        let stats = running.map(|body| ContainerStats {
            key: body.identity.key.clone(),
            service: body.identity.place.service.clone(),
            slot: body.identity.place.slot,
            cpu_millicores: 10,
            memory: 1 << 20,
        });
        stats.collect()
    }

    /// What the containers that were made for the release have written so far.
    pub(super) fn search(&self, scope: &Scope, question: &LogQuestion) -> LogCount {
        let matcher = question.pattern.matcher();
        let mut search = Search::new(&matcher);
        let is_meant =
            |body: &&Body| body.identity.release == question.release && question.is_about(&body.identity.place.service);
        let mut meant: Vec<&Body> = self.ours(scope.app_labels(&question.key)).filter(is_meant).collect();
        meant.sort_by(|one, other| one.identity.place.cmp(&other.identity.place));
        for body in meant {
            search.begin(&body.identity.place.service);
            let written = body.behaviour.log.iter().filter(|_| body.state != State::Created);
            for line in written {
                search.take(Stream::Out, format!("{line}\n").as_bytes());
            }
        }
        search.finish()
    }

    /// The first port of the container that somebody else has.
    pub(super) fn taken_port(&self, body: &Body) -> Option<u16> {
        let others = || self.bodies.values().filter(|other| other.id != body.id && other.runs());
        let taken = |mine: &&Port| {
            self.occupied.contains(&mine.published)
                || others().any(|other| other.ports.iter().any(|theirs| mine.meets(theirs)))
        };
        body.ports.iter().find(taken).map(|port| port.published)
    }
}
