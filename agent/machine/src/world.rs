//! A small reference world for tests: one fake engine, one fake proxy, one driver, and every way in which either can break. It keeps its own books on what
//! is healthy, and holds each decision to the invariants. Not here: any knowledge of how decisions are made.

mod blues;
mod checks;
mod engine;
mod fixture;
mod invariants;
mod proxy;
mod shares;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::{AppReport, CauseKind, Digest, Monotonic, Phase, Refusal, ServiceName, Share};

use crate::{Action, Engine, Ledger, Memory, Observed, Offer, Outcome, Place, decide, offer};

pub(crate) use self::checks::{check, check_each_step};
pub(crate) use self::engine::Body;
pub(crate) use self::fixture::{assignment, content, release};
use self::invariants::Books;
use self::proxy::FakeProxy;
pub(crate) use self::shares::share;

/// Where the agent is killed: at one of the moments between which it can't tell the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kill {
    BeforeLedger,
    BeforeAct,
    AfterAct,
}

/// What befalls the host at one step.
#[derive(Debug, Clone)]
pub(crate) enum Disaster {
    Kill(Kill),
    EngineRestart,
    Reboot,
    EngineDown,
    ProxyDown,
    ProxyRestart,
    PortsTaken,
    Supersede(&'static str),
    Share(u32),
    Withdraw,
}

/// Makes the next actions of this name fail.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) kind: CauseKind,
    pub(crate) times: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) memory: Memory,
    pub(crate) now: Monotonic,
    pub(crate) heard: Option<Monotonic>,
    /// Whether a coordinator is heard all the time.
    pub(crate) connected: bool,
    pub(crate) bodies: BTreeMap<Place, Body>,
    pub(crate) images: BTreeMap<Digest, String>,
    pub(crate) proxy: FakeProxy,
    pub(crate) disk_low: Option<String>,
    pub(crate) needed_elsewhere: BTreeSet<Digest>,
    pub(crate) faults: Vec<Fault>,
    /// All actions but probes and waits, in order.
    pub(crate) log: Vec<String>,
    pub(crate) report: Option<AppReport>,
    /// Services that had nothing running after something had.
    pub(crate) gaps: BTreeSet<ServiceName>,
    pub(crate) steps: usize,
    pub(crate) disaster: Option<(usize, Disaster)>,
    session: u64,
    down_until: Option<Monotonic>,
    next_id: u64,
    pub(crate) generation: u64,
    books: Books,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            ledger: Ledger::default(),
            memory: Memory::default(),
            now: Monotonic(1_000),
            heard: None,
            connected: true,
            bodies: BTreeMap::new(),
            images: BTreeMap::new(),
            proxy: FakeProxy { lasting: Some(2), ..FakeProxy::default() },
            disk_low: None,
            needed_elsewhere: BTreeSet::new(),
            faults: Vec::new(),
            log: Vec::new(),
            report: None,
            gaps: BTreeSet::new(),
            steps: 0,
            disaster: None,
            session: 1,
            down_until: None,
            next_id: 1,
            generation: 0,
            books: Books::default(),
        }
    }

    /// A host on which this release was deployed and committed.
    pub(crate) fn serving(text: &str) -> Self {
        let mut world = Self::new();
        world.deploy(text);
        world.run(20);
        world.order(Phase::Committed).unwrap();
        world.run(20);
        world.forget_the_past();
        world
    }

    /// Only what comes from now on is looked at.
    pub(crate) fn forget_the_past(&mut self) {
        self.log.clear();
        self.gaps.clear();
        self.steps = 0;
    }

    /// The next generation, on trial; an empty text is one by which nothing should run.
    pub(crate) fn deploy(&mut self, text: &str) {
        self.deploy_as(text, Phase::Trial);
    }

    pub(crate) fn deploy_as(&mut self, text: &str, phase: Phase) {
        self.generation += 1;
        let assignment = assignment(self.generation, text, phase);
        self.accept(&assignment).unwrap();
    }

    pub(crate) fn accept(&mut self, assignment: &evenkeel_model::Assignment) -> Result<bool, Refusal> {
        match offer(&self.ledger, assignment)? {
            Offer::Unchanged => Ok(false),
            Offer::Accepted(ledger) => {
                invariants::an_accepted_offer_keeps_the_base(&self.ledger, &ledger);
                self.ledger = *ledger;
                Ok(true)
            }
        }
    }

    /// The same generation in another phase.
    pub(crate) fn order(&mut self, phase: Phase) -> Result<bool, Refusal> {
        let mut assignment = self.ledger.accepted.as_ref().unwrap().assignment.clone();
        assignment.phase = phase;
        self.accept(&assignment)
    }

    /// The same generation with another share.
    pub(crate) fn share(&mut self, percent: u32) -> Result<bool, Refusal> {
        let mut assignment = self.ledger.accepted.as_ref().unwrap().assignment.clone();
        assignment.share = Share::try_from(percent).unwrap();
        self.accept(&assignment)
    }

    pub(crate) fn fault(&mut self, name: &'static str, kind: CauseKind, times: u32) {
        self.faults.push(Fault { name, kind, times });
    }

    pub(crate) fn kill(&mut self) {
        self.memory = Memory::default();
        self.heard = None;
        self.books.forget_blue();
    }

    pub(crate) fn engine_down(&mut self, seconds: u64) {
        self.down_until = Some(Monotonic(self.now.0 + seconds * 1000));
    }

    pub(crate) fn run(&mut self, seconds: u64) {
        let end = Monotonic(self.now.0 + seconds * 1000);
        while self.now < end {
            self.step(end);
        }
    }

    /// Goes on until this is so; a story that never comes to it has failed.
    #[track_caller]
    pub(crate) fn run_until(&mut self, so: impl Fn(&Self) -> bool) {
        let limit = self.steps + 500;
        while !so(self) {
            assert!(self.steps < limit, "it never came to that: {:#?}", self.log);
            self.step(Monotonic(self.now.0 + 60_000));
        }
    }

    /// One round of the driver.
    pub(crate) fn step(&mut self, end: Monotonic) {
        let kill = self.strike();
        self.steps += 1;
        if self.connected {
            self.heard = Some(self.now);
        }
        self.traffic();
        let observed = self.observed();
        self.memory.observe(&self.ledger, &observed, self.now);
        let inputs = crate::Inputs { ledger: &self.ledger, observed: &observed, memory: &self.memory, now: self.now };
        let decision = decide(&inputs);
        assert_eq!(decision, decide(&inputs), "the same inputs make the same decision");
        invariants::hold(self, &observed, &decision);
        traffic::hold(self, &decision);
        shares::hold(self, &observed, &decision);
        blues::hold(self, &decision);
        if kill == Some(Kill::BeforeLedger) {
            return self.kill();
        }
        self.ledger = decision.ledger;
        self.report.clone_from(&decision.report);
        if kill == Some(Kill::BeforeAct) {
            return self.kill();
        }
        if decision.action == Action::Wait {
            let wake_at = decision.wake_at.unwrap_or(end).min(end);
            self.now = self.proxy.event(self.now).map_or(wake_at, |event| wake_at.min(event));
            return;
        }
        let outcome = self.perform(&decision.action);
        if kill == Some(Kill::AfterAct) {
            return self.kill();
        }
        self.memory.record(&decision.action, &outcome, self.now);
    }

    fn perform(&mut self, action: &Action) -> Outcome {
        let before = self.running_services();
        let outcome = self.act(action);
        let after = self.running_services();
        self.gaps.extend(before.difference(&after).cloned());
        outcome
    }

    /// Lets the disaster happen if its step has come.
    fn strike(&mut self) -> Option<Kill> {
        match self.disaster.take() {
            Some((at, disaster)) if at == self.steps => match disaster {
                Disaster::Kill(kill) => return Some(kill),
                Disaster::EngineRestart => self.engine_restart(),
                Disaster::Reboot => self.reboot(),
                Disaster::EngineDown => self.engine_down(45),
                Disaster::ProxyDown => self.proxy_down(20),
                Disaster::ProxyRestart => self.proxy_restart(),
                Disaster::PortsTaken => self.proxy.taken_until = Some(Monotonic(self.now.0 + 12_000)),
                Disaster::Supersede(text) => self.deploy(text),
                // Once it has ended it says nothing new.
                Disaster::Share(percent) => drop(self.share(percent)),
                // It may have ended before; then it is refused, which is as good.
                Disaster::Withdraw => drop(self.order(Phase::Withdrawn)),
            },
            later => self.disaster = later,
        }
        None
    }

    pub(crate) fn observed(&mut self) -> Observed {
        let mut observed = Observed {
            engine: Engine::Up { session: self.session },
            containers: Vec::new(),
            images: BTreeMap::new(),
            proxy: self.proxy_seen(),
            disk_low: self.disk_low.clone(),
            needed_elsewhere: self.needed_elsewhere.clone(),
            heard: self.heard,
        };
        if let Some(until) = self.down_until {
            if self.now < until {
                let engine = Engine::Down { message: "connection refused".to_owned() };
                return Observed { engine, ..observed };
            }
            self.down_until = None;
            self.session += 1;
            observed.engine = Engine::Up { session: self.session };
        }
        observed.containers = self.bodies.values().map(|body| body.container.clone()).collect();
        observed.images = self.images.clone();
        observed
    }

    /// `END | running … | stopped …`, the services with their images; where anything is routed, ` | to …` too.
    pub(crate) fn state(&self) -> String {
        let routed = self.proxy.plan.as_ref().map_or_else(String::new, |plan| format!(" | to {}", self.told(plan)));
        format!("{} | running {} | stopped {}{routed}", self.end(), self.listed(true), self.listed(false))
    }

    /// The stage, as reported last.
    pub(crate) fn end(&self) -> &'static str {
        self.report.as_ref().map_or("nothing", |report| report.stage.as_str())
    }

    /// What stands in the way, or why it went back, as reported last.
    pub(crate) fn cause(&self) -> Option<CauseKind> {
        Some(self.report.as_ref()?.failure.as_ref()?.kind)
    }

    fn listed(&self, running: bool) -> String {
        let bodies = self.bodies.values().filter(|body| body.container.is_running() == running);
        let names: Vec<String> =
            bodies.map(|body| format!("{}:{}", body.container.place.service, body.image())).collect();
        if names.is_empty() { "-".to_owned() } else { names.join(" ") }
    }

    fn running_services(&self) -> BTreeSet<ServiceName> {
        let running = self.bodies.values().filter(|body| body.container.is_running());
        running.map(|body| body.container.place.service.clone()).collect()
    }
}
