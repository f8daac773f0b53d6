//! A fleet for the tables beside the steps: hosts say what a test lets them say. Not here: hosts that act by themselves (`tests/world.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::{
    AppKey, AppReport, CauseKind, Constraint, Digest, EnvironmentName, Epoch, Failure, Generation, Health, HostId,
    ImagePin, Manifest, Millis, Order as ServiceOrder, Phase, Policy, Probe, Refusal, RefusedAssignment, ReleaseNumber,
    Restart, RolloutId, Service, ServiceReport, ServiceSpec, Share, Stage, UnixMillis, Version, Waves,
};

use crate::{
    Abort, Begin, Contact, Duty, Frozen, HostProgress, HostState, HostView, Input, Kind, Order, Ordered, Outcome, Plan,
    Rollout, State, begin, plan,
};

/// A fleet, and all that the planner is told.
pub(crate) struct Fixture {
    pub(crate) now: UnixMillis,
    pub(crate) hosts: Vec<HostView>,
    pub(crate) releases: BTreeMap<ReleaseNumber, Arc<Manifest>>,
    pub(crate) current: Option<ReleaseNumber>,
    pub(crate) policy: Policy,
    pub(crate) rollout: Option<Rollout>,
    pub(crate) frozen: Option<Frozen>,
}

impl Fixture {
    /// `count` live hosts `h1`, `h2`… with nothing.
    pub(crate) fn empty(count: usize) -> Self {
        let releases = (1..=3).map(|number| (ReleaseNumber(number), manifest(number, &[("app", &[])])));
        let mut fixture = Self {
            now: UnixMillis(1_000_000),
            hosts: Vec::new(),
            releases: releases.collect(),
            current: None,
            policy: Policy { waves: waves(&["1", "2"]), ..Policy::default() },
            rollout: None,
            frozen: None,
        };
        for number in 1..=count {
            fixture.join(&format!("h{number}"));
        }
        fixture
    }

    /// `count` live hosts that serve release 1, which is the current one.
    pub(crate) fn running(count: usize) -> Self {
        let mut fixture = Self::empty(count);
        fixture.current = Some(ReleaseNumber(1));
        for number in 1..=count {
            let host = format!("h{number}");
            fixture.ordered(&host, 1, Some(1), Phase::Committed);
            fixture.says(&host, Stage::Committed, true);
        }
        fixture
    }

    pub(crate) fn join(&mut self, host: &str) {
        self.hosts.push(HostView {
            host: id(host),
            labels: BTreeMap::new(),
            duty: Duty::Active,
            contact: Contact::Live,
            conflict: false,
            ordered: None,
            report: None,
            refused: None,
            prefetch: None,
        });
        self.hosts.sort_by(|a, b| a.host.cmp(&b.host));
    }

    pub(crate) fn view(&mut self, host: &str) -> &mut HostView {
        self.hosts.iter_mut().find(|view| view.host.as_str() == host).unwrap()
    }

    pub(crate) fn label(&mut self, host: &str, key: &str, value: &str) {
        self.view(host).labels.insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn silence(&mut self, host: &str) {
        let since = self.now;
        self.view(host).contact = Contact::Silent { since };
    }

    pub(crate) fn ordered(&mut self, host: &str, generation: u64, release: Option<u64>, phase: Phase) {
        let version = version(generation);
        let release = release.map(ReleaseNumber);
        self.view(host).ordered = Some(Ordered { version, release, phase, share: Share::ALL });
    }

    /// The host's word on its newest order.
    pub(crate) fn says(&mut self, host: &str, stage: Stage, healthy: bool) {
        let view = self.view(host);
        let ordered = view.ordered.unwrap();
        let before = view.report.take();
        let base = match (stage, before) {
            (Stage::Committed, _) => ordered.release,
            (_, Some(before)) if before.stage == Stage::Committed => before.release,
            (_, before) => before.and_then(|before| before.base),
        };
        let accepted_serves = matches!(stage, Stage::Trial | Stage::Committed);
        let serving = if accepted_serves { ordered.release } else { base };
        let is_well = healthy || !accepted_serves;
        view.contact = Contact::Live;
        view.report = Some(AppReport {
            key: key(),
            version: ordered.version,
            release: ordered.release,
            stage,
            share: ordered.share,
            base,
            healthy: healthy && accepted_serves,
            failure: None,
            services: serving
                .map(|release| ("app".parse().unwrap(), service_report(release, is_well)))
                .into_iter()
                .collect(),
            why: String::new(),
        });
    }

    /// The host goes back from its newest order by itself.
    pub(crate) fn fails(&mut self, host: &str, kind: CauseKind) {
        self.says(host, Stage::Reverted, false);
        self.trouble(host, kind);
    }

    /// What stands in the host's way, added to its word.
    pub(crate) fn trouble(&mut self, host: &str, kind: CauseKind) {
        let report = self.view(host).report.as_mut().unwrap();
        report.failure = Some(Failure::plain(kind, format!("{kind} it was")));
    }

    pub(crate) fn refuses(&mut self, host: &str, refusal: Refusal) {
        let view = self.view(host);
        let version = view.ordered.unwrap().version;
        view.refused = Some(RefusedAssignment { key: key(), version, refusal });
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now = self.now + Millis::seconds(seconds);
    }

    pub(crate) fn begin(&self, to: u64) -> Begin<'_> {
        Begin {
            id: RolloutId(1),
            key: key(),
            kind: Kind::Deploy,
            from: self.current,
            to: ReleaseNumber(to),
            policy: self.policy.clone(),
            by: "ann".parse().unwrap(),
            now: self.now,
            hosts: &self.hosts,
            releases: &self.releases,
        }
    }

    pub(crate) fn deploy(&mut self, to: u64) {
        self.rollout = Some(begin(self.begin(to)).unwrap());
    }

    pub(crate) fn roll_back(&mut self, to: u64) {
        self.rollout = Some(begin(Begin { kind: Kind::Rollback, ..self.begin(to) }).unwrap());
    }

    pub(crate) fn abort(&mut self, rollback: bool) {
        crate::abort(self.rollout.as_mut().unwrap(), an_abort(rollback, false)).unwrap();
    }

    /// What the planner answers, without anything stored.
    pub(crate) fn peek(&self) -> Plan {
        plan(&Input {
            key: &key(),
            now: self.now,
            hosts: &self.hosts,
            releases: &self.releases,
            current: self.current,
            current_policy: &self.policy,
            rollout: self.rollout.as_ref(),
            frozen: self.frozen.as_ref(),
        })
    }

    /// Plans, stores, and asserts that planning again changes nothing. The orders in short: `h1 g2 r2 trial`.
    pub(crate) fn plan(&mut self) -> Vec<String> {
        let plan = self.peek();
        for (host, order) in &plan.orders {
            let view = self.hosts.iter_mut().find(|view| view.host == *host).unwrap();
            let version = version(order.generation.0);
            let Order { release, phase, share, .. } = *order;
            view.ordered = Some(Ordered { version, release, phase, share });
            view.refused = None;
        }
        self.rollout = plan.rollout;
        let is_there = |rollout: &Rollout| rollout.wave < rollout.waves && rollout.step < rollout.shares.len();
        assert!(self.rollout.as_ref().is_none_or(is_there), "there is no such wave, or no such step");
        let again = self.peek();
        assert_eq!((&again.orders, &again.rollout), (&vec![], &self.rollout), "planning twice changes nothing");
        assert_eq!(
            (&again.prefetch, &again.measures),
            (&plan.prefetch, &plan.measures),
            "planning twice changes nothing"
        );
        plan.orders.iter().map(|(host, order)| in_short(host, order)).collect()
    }

    /// The host says that it is healthy in trial; then plans.
    pub(crate) fn healthy(&mut self, host: &str) -> Vec<String> {
        self.says(host, Stage::Trial, true);
        self.plan()
    }

    /// The host says that it has committed; then plans.
    pub(crate) fn committed(&mut self, host: &str) -> Vec<String> {
        self.says(host, Stage::Committed, true);
        self.plan()
    }

    /// Moves the first waves of a deploy of release 2: these hosts, one wave each, through trial, bake and commit.
    pub(crate) fn move_waves(&mut self, hosts: &[&str]) {
        self.plan();
        for host in hosts {
            self.healthy(host);
            self.pass(30);
            self.plan();
            self.committed(host);
        }
    }

    pub(crate) fn progress(&self, host: &str) -> &HostProgress {
        &self.rollout.as_ref().unwrap().hosts[&id(host)]
    }

    pub(crate) fn state_of(&self, host: &str) -> HostState {
        self.progress(host).state
    }

    pub(crate) fn state(&self) -> State {
        self.rollout.as_ref().unwrap().state
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.rollout.as_ref().unwrap().outcome()
    }

    pub(crate) fn failure(&self) -> &Failure {
        self.rollout.as_ref().unwrap().failure.as_ref().unwrap()
    }
}

fn in_short(host: &HostId, order: &crate::Order) -> String {
    let release = order.release.map_or("nothing".to_owned(), |release| format!("r{release}"));
    let share = if order.share.is_partial() { format!(" {}", order.share) } else { String::new() };
    format!("{host} g{} {release} {}{share}", order.generation, format!("{:?}", order.phase).to_lowercase())
}

/// Waves as they are written.
pub(crate) fn waves(counts: &[&str]) -> Waves {
    Waves::List(counts.iter().map(|count| count.parse::<evenkeel_model::Count>().unwrap().into()).collect())
}

pub(crate) fn id(host: &str) -> HostId {
    host.parse().unwrap()
}

pub(crate) fn key() -> AppKey {
    AppKey { environment: EnvironmentName::default(), app: "shop".parse().unwrap() }
}

pub(crate) fn version(generation: u64) -> Version {
    Version { epoch: Epoch(1), generation: Generation(generation) }
}

pub(crate) fn an_abort(rollback: bool, superseded: bool) -> Abort {
    Abort { by: "bob".parse().unwrap(), rollback, superseded }
}

/// A release with these services, each with its constraints.
pub(crate) fn manifest(number: u64, services: &[(&str, &[(&str, &str)])]) -> Arc<Manifest> {
    let service = |constraints: &[(&str, &str)]| Service { image: image(number), spec: spec(constraints) };
    Arc::new(Manifest {
        format: evenkeel_model::manifest::FORMAT,
        environment: EnvironmentName::default(),
        app: "shop".parse().unwrap(),
        services: services.iter().map(|(name, constraints)| (name.parse().unwrap(), service(constraints))).collect(),
        secrets: BTreeMap::new(),
        if_orphaned: evenkeel_model::manifest::IfOrphaned::Keep,
        keep: evenkeel_model::manifest::DEFAULT_KEEP,
    })
}

pub(crate) fn image(number: u64) -> ImagePin {
    ImagePin::Local { reference: format!("shop:{number}"), id: Digest::of(&number.to_be_bytes()) }
}

pub(crate) fn spec(constraints: &[(&str, &str)]) -> ServiceSpec {
    let constraint = |(label, value): &(&str, &str)| Constraint {
        label: (*label).to_owned(),
        equal: true,
        value: (*value).to_owned(),
    };
    ServiceSpec {
        command: None,
        entrypoint: None,
        environment: BTreeMap::new(),
        ports: Vec::new(),
        mounts: Vec::new(),
        engine_healthcheck: None,
        health: Health::with_defaults(Probe::Running),
        restart: Restart::UnlessStopped,
        user: None,
        labels: BTreeMap::new(),
        stop_grace_period: Millis::seconds(10),
        stop_signal: None,
        order: ServiceOrder::StartFirst,
        keep_old: None,
        traffic: evenkeel_model::Traffic::default(),
        constraints: constraints.iter().map(constraint).collect(),
    }
}

fn service_report(release: ReleaseNumber, healthy: bool) -> ServiceReport {
    let pin = image(release.0).digest().clone();
    ServiceReport { release, image_id: pin.to_string(), pin, running: true, healthy, restarts: 0 }
}
