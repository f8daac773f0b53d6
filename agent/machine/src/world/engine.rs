//! The fake engine: what each action does, and what an image's name makes its container do.

use evenkeel_model::{CauseKind, Digest, Evidence, Failure, Millis, Monotonic, Order, ProbeEvidence, Restart, Service};

use super::World;
use crate::{Action, Container, ContainerPlan, ContainerState, Outcome, Place};

/// So many probes a container of the sick and the mortal kind answers well before it shows.
const GOOD_PROBES: u32 = 4;
/// So long after it was first asked a container of the slow kind says no, whenever it begins to run.
const BOOT: Millis = Millis::seconds(20);

/// A container, with what only the engine knows of it.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) container: Container,
    pub(crate) service: Service,
    /// Probes answered well in a row.
    pub(crate) good: u32,
    /// Whether it answered well as often as its rule asks, since it was started.
    pub(crate) proven: bool,
    /// Whether it ever was.
    pub(crate) ever_proven: bool,
    probes: u32,
    asked_since: Option<Monotonic>,
}

impl Body {
    pub(crate) fn image(&self) -> &str {
        self.service.image.reference().trim_start_matches("registry.example/")
    }

    /// Whether nothing can run beside it.
    pub(super) fn alone(&self) -> bool {
        self.service.spec.order == Order::StopFirst || self.service.spec.clash().is_some()
    }

    fn is(&self, kind: &str) -> bool {
        self.image().starts_with(kind)
    }

    fn end(&mut self, code: i64, oom_killed: bool) {
        self.container.state = ContainerState::Exited { code, oom_killed };
        self.forget();
    }

    fn forget(&mut self) {
        (self.good, self.probes, self.proven, self.asked_since) = (0, 0, false, None);
    }

    /// It ends by itself: the engine does what it was told for that case.
    pub(crate) fn crash(&mut self, code: i64, oom_killed: bool) {
        self.end(code, oom_killed);
        if self.container.restart != Restart::No {
            self.container.state = ContainerState::Running;
            self.container.restarts += 1;
        }
    }

    fn probed(&mut self, now: Monotonic) -> bool {
        self.probes += 1;
        let boots = now < *self.asked_since.get_or_insert(now) + BOOT;
        if self.is("dies") && self.probes > GOOD_PROBES {
            self.crash(3, false);
        }
        let sick = self.is("unready") || (self.is("slow") && boots) || (self.is("sick") && self.probes > GOOD_PROBES);
        let good = self.container.is_running() && !sick;
        self.good = if good { self.good + 1 } else { 0 };
        self.proven |= self.good >= self.service.spec.health.successes;
        self.ever_proven |= self.proven;
        good
    }
}

pub(super) fn failed(kind: CauseKind) -> Outcome {
    Outcome::Failed(Box::new(Failure::plain(kind, "the world is like that")))
}

impl World {
    pub(crate) fn act(&mut self, action: &Action) -> Outcome {
        self.log_action(action);
        if let Action::Cut { container } = action {
            self.proxy.cuts.insert(container.clone());
        }
        if let Some(fault) = self.faults.iter_mut().find(|fault| fault.times > 0 && fault.name == action.name()) {
            fault.times -= 1;
            return failed(fault.kind);
        }
        match action {
            Action::Pull { image, .. } if image.reference().contains("/gone") => failed(CauseKind::ImageNotFound),
            Action::Pull { image, .. } if image.reference().contains("/vanishing") => Outcome::Done,
            Action::Pull { image, .. } => {
                self.images.insert(image.digest().clone(), image_id(image.digest()));
                Outcome::Done
            }
            Action::Create(plan) => self.create(plan),
            Action::Start(place) => self.start(place),
            Action::Probe { place, .. } => self.probe(place),
            Action::SetRestart { place, restart } => self.with(place, |body| body.container.restart = *restart),
            Action::Stop { place, .. } => self.with(place, |body| {
                if body.container.is_running() {
                    body.end(0, false);
                }
            }),
            Action::Remove(place) => {
                self.bodies.remove(place);
                Outcome::Done
            }
            Action::Route(plan) => self.route(plan),
            Action::Cut { container } => self.cut(container),
            Action::Forget { image } => {
                self.images.remove(image.digest());
                Outcome::Done
            }
            Action::Collect(_) => {
                let evidence = Evidence { log: vec!["last words".to_owned()], ..Evidence::default() };
                Outcome::Collected(Box::new(evidence))
            }
            Action::Wait => Outcome::Done,
        }
    }

    fn log_action(&mut self, action: &Action) {
        let to = match action {
            Action::Pull { image, .. } | Action::Forget { image } => {
                image.reference().trim_start_matches("registry.example/").to_owned()
            }
            Action::Route(plan) => self.told(plan),
            Action::Cut { container } => self.image_of(container),
            Action::Create(plan) => plan.place.to_string(),
            Action::SetRestart { place, restart } => format!("{place} {restart:?}"),
            Action::Start(place) | Action::Stop { place, .. } | Action::Remove(place) | Action::Collect(place) => {
                place.to_string()
            }
            Action::Probe { .. } | Action::Wait => return,
        };
        self.log.push(format!("{} {to}", action.name()));
    }

    fn with(&mut self, place: &Place, change: impl FnOnce(&mut Body)) -> Outcome {
        self.bodies.get_mut(place).map(change).map_or_else(|| failed(CauseKind::EngineUnavailable), |()| Outcome::Done)
    }

    fn create(&mut self, plan: &ContainerPlan) -> Outcome {
        let pin = plan.service.image.digest().clone();
        if !self.images.contains_key(&pin) {
            return failed(CauseKind::ImageNotFound);
        }
        if plan.service.image.reference().contains("/uncreatable") {
            return failed(CauseKind::Unstartable);
        }
        if self.bodies.contains_key(&plan.place) {
            return failed(CauseKind::Unstartable);
        }
        let container = Container {
            id: format!("id-{}", self.next_id),
            place: plan.place.clone(),
            version: plan.version,
            release: plan.release,
            fingerprint: plan.service.fingerprint(),
            image_id: image_id(&pin),
            pin,
            state: ContainerState::Created,
            restart: Restart::No,
            restarts: 0,
            address: Some(std::net::Ipv4Addr::from(0x0a0d_5000 + u32::try_from(self.next_id).unwrap()).into()),
        };
        self.next_id += 1;
        let body = Body {
            container,
            service: plan.service.clone(),
            good: 0,
            proven: false,
            ever_proven: false,
            probes: 0,
            asked_since: None,
        };
        self.bodies.insert(plan.place.clone(), body);
        Outcome::Done
    }

    fn start(&mut self, place: &Place) -> Outcome {
        let Some(body) = self.bodies.get(place) else { return failed(CauseKind::EngineUnavailable) };
        let beside = Place { service: place.service.clone(), slot: place.slot.other() };
        let holds = |other: &Body| other.container.is_running() && other.service.spec.order == Order::StopFirst;
        let clash = body.service.spec.order == Order::StopFirst && self.bodies.get(&beside).is_some_and(holds);
        let mut direct = body.service.spec.ports.iter().filter(|port| !port.is_routed());
        if body.is("taken") || clash || direct.any(|port| self.proxy.has(port.published)) {
            return failed(CauseKind::PortTaken);
        }
        if body.is("unstartable") {
            return failed(CauseKind::Unstartable);
        }
        self.with(place, |body| {
            body.container.state = ContainerState::Running;
            body.forget();
            match body.image().split('-').next() {
                Some("crash") => body.crash(1, false),
                Some("oom") => body.crash(137, true),
                _ => {}
            }
        })
    }

    fn probe(&mut self, place: &Place) -> Outcome {
        let Some(body) = self.bodies.get_mut(place) else { return failed(CauseKind::EngineUnavailable) };
        let healthy = body.probed(self.now);
        let answer = if healthy { "200 OK" } else { "503 Service Unavailable" };
        let evidence = ProbeEvidence { request: "GET http://172.17.0.3:8080/".to_owned(), answer: answer.to_owned() };
        Outcome::Probed { healthy, evidence }
    }

    /// The engine restarts: it starts what ran and may be started; all else has ended.
    pub(crate) fn engine_restart(&mut self) {
        self.session += 1;
        for body in self.bodies.values_mut().filter(|body| body.container.is_running()) {
            if body.container.restart == Restart::No {
                body.end(255, false);
            }
            body.forget();
        }
    }

    pub(crate) fn reboot(&mut self) {
        self.engine_restart();
        self.kill();
        self.now = Monotonic(self.now.0 + 60_000);
    }
}

/// Local pins are image ids; for the others the engine has ids of its own, which are as good for the test.
fn image_id(pin: &Digest) -> String {
    pin.to_string()
}
