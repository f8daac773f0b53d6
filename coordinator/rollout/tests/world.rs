//! A small reference world: hosts that obey orders as agents do, a coordinator's memory, and the wire between them that a test may cut.
//! Shared by the scripts and the properties. Not here: what an agent does with an order (`agent.rs`), releases (`releases.rs`), and what is right (the
//! golden outputs, the invariants).

mod agent;
pub(crate) mod releases;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_model::{
    AppReport, Generation, HostId, Manifest, Phase, Policy, PrefetchReport, PrefetchState, RefusedAssignment,
    ReleaseNumber, RolloutId, Share, Stage, UnixMillis,
};
use evenkeel_rollout::{
    Abort, AbortError, Begin, BeginError, Contact, Duty, Frozen, HostView, Input, Kind, Measure, Measured, Order,
    Ordered, Outcome, Plan, Rollout, Speaker, State, WordError, abort, begin, plan, take_reading,
};

use agent::Agent;
use releases::{key, version};

pub(crate) use releases::manifest;

/// A host: what the coordinator stores and knows of it, and the agent there.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) duty: Duty,
    pub(crate) contact: Contact,
    /// Whether the network is cut between host and coordinator.
    pub(crate) cut_off: bool,
    /// Whether orders to it are lost.
    pub(crate) deaf: bool,
    pub(crate) conflict: bool,
    pub(crate) ordered: Option<Ordered>,
    pub(crate) report: Option<AppReport>,
    pub(crate) refused: Option<RefusedAssignment>,
    pub(crate) prefetch: Option<PrefetchReport>,
    pub(crate) agent: Agent,
    /// Since when it has reported its newest order healthy, without a gap.
    pub(crate) healthy_since: Option<UnixMillis>,
}

/// One of the planner's `pause`, `resume`, `promote`, `approve`.
pub(crate) type Word = fn(&mut Rollout, Speaker) -> Result<(), WordError>;

/// Coordinator, wire and hosts.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: UnixMillis,
    pub(crate) hosts: BTreeMap<HostId, Host>,
    pub(crate) releases: BTreeMap<ReleaseNumber, Arc<Manifest>>,
    pub(crate) current: Option<ReleaseNumber>,
    pub(crate) current_policy: Policy,
    /// For the next rollout.
    pub(crate) policy: Policy,
    pub(crate) rollout: Option<Rollout>,
    pub(crate) rollouts: u64,
    /// The freeze that is in force.
    pub(crate) frozen: Option<Frozen>,
    /// Whether the newest rollout was resumed: hosts of earlier waves may be on the way again.
    pub(crate) was_resumed: bool,
    /// What is to be measured, by the last plan.
    pub(crate) measures: Vec<Measure>,
    /// Who fetches what ahead, by the last plan.
    pub(crate) prefetch: Vec<(HostId, ReleaseNumber)>,
    /// Hosts whose labels have changed.
    pub(crate) relabelled: BTreeSet<HostId>,
    /// Releases seen healthy on hosts.
    pub(crate) seen_healthy: BTreeSet<(HostId, ReleaseNumber)>,
    /// The hosts that each release was brought to by a rollout that succeeded.
    pub(crate) succeeded: BTreeMap<ReleaseNumber, BTreeSet<HostId>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now: UnixMillis(0),
            hosts: BTreeMap::new(),
            releases: BTreeMap::new(),
            current: None,
            current_policy: Policy::default(),
            policy: Policy::default(),
            rollout: None,
            rollouts: 0,
            frozen: None,
            was_resumed: false,
            measures: Vec::new(),
            prefetch: Vec::new(),
            relabelled: BTreeSet::new(),
            seen_healthy: BTreeSet::new(),
            succeeded: BTreeMap::new(),
        }
    }

    pub(crate) fn join(&mut self, host: HostId, labels: BTreeMap<String, String>) {
        let host_there = Host {
            labels,
            duty: Duty::Active,
            contact: Contact::Live,
            cut_off: false,
            deaf: false,
            conflict: false,
            ordered: None,
            report: None,
            refused: None,
            prefetch: None,
            agent: Agent::default(),
            healthy_since: None,
        };
        self.hosts.insert(host, host_there);
    }

    /// All hosts have committed this release, which is the current one.
    pub(crate) fn run(&mut self, release: ReleaseNumber) {
        let order =
            Order { generation: Generation(1), release: Some(release), phase: Phase::Committed, share: Share::ALL };
        self.current = Some(release);
        self.current_policy = self.policy.clone();
        self.succeeded.insert(release, self.hosts.keys().cloned().collect());
        for id in self.hosts.keys().cloned().collect::<Vec<_>>() {
            self.hosts.get_mut(&id).unwrap().ordered = Some(stored(order));
            self.deliver(&id);
            self.host(&id).agent.obey(true);
            self.hear(&id);
        }
    }

    pub(crate) fn host(&mut self, id: &HostId) -> &mut Host {
        self.hosts.get_mut(id).unwrap_or_else(|| panic!("there is no host {id}"))
    }

    /// The stored order reaches the host.
    pub(crate) fn deliver(&mut self, id: &HostId) {
        let host = self.host(id);
        if host.cut_off || host.deaf {
            return;
        }
        let Some(ordered) = host.ordered else { return };
        let Ordered { version, release, phase, share } = ordered;
        let order = Order { generation: version.generation, release, phase, share };
        let refusal = host.agent.accept(order);
        host.refused = refusal.map(|refusal| RefusedAssignment { key: key(), version: ordered.version, refusal });
    }

    /// What the host is to fetch ahead reaches it.
    fn announce(&mut self, id: &HostId) {
        let release = self.prefetch.iter().find(|(host, _)| host == id).map(|(_, release)| *release);
        let host = self.host(id);
        if host.cut_off || host.deaf || host.agent.prefetch.as_ref().map(|(release, _)| *release) == release {
            return;
        }
        host.agent.prefetch = release.map(|release| (release, PrefetchState::Fetching { failure: None }));
    }

    /// The host's report reaches the coordinator.
    pub(crate) fn hear(&mut self, id: &HostId) {
        let now = self.now;
        let host = self.host(id);
        if host.cut_off {
            return;
        }
        host.contact = Contact::Live;
        host.report = host.agent.report();
        host.prefetch = host.agent.prefetch_report();
        let healthy = host.report.as_ref().filter(|report| {
            let is_there = |ordered: Ordered| {
                ordered.version.generation == report.version.generation
                    && (ordered.share == report.share || report.stage != Stage::Trial)
            };
            report.healthy && host.ordered.is_some_and(is_there)
        });
        let release = healthy.and_then(|report| report.release);
        host.healthy_since = healthy.map(|_| host.healthy_since.unwrap_or(now));
        if let Some(release) = release {
            self.seen_healthy.insert((id.clone(), release));
        }
    }

    pub(crate) fn cut_off(&mut self, id: &HostId) {
        let since = self.now;
        let host = self.host(id);
        host.cut_off = true;
        host.contact = Contact::Silent { since };
        host.healthy_since = None;
    }

    /// The host reconnects: it is told what is stored, and says what it has.
    pub(crate) fn reconnect(&mut self, id: &HostId) {
        self.host(id).cut_off = false;
        self.deliver(id);
        self.announce(id);
        self.hear(id);
    }

    /// The coordinator forgets all that is not stored.
    pub(crate) fn restart_coordinator(&mut self) {
        let since = self.now;
        if let Some(rollout) = &self.rollout {
            let stored = serde_json::to_string(rollout).unwrap();
            self.rollout = Some(serde_json::from_str(&stored).unwrap());
        }
        for host in self.hosts.values_mut() {
            host.contact = Contact::Silent { since };
            (host.report, host.refused, host.healthy_since, host.prefetch) = (None, None, None, None);
        }
    }

    /// The release, made with one unconstrained service if the story did not say more.
    pub(crate) fn release(&mut self, number: ReleaseNumber) {
        self.releases.entry(number).or_insert_with(|| manifest(number, &[("app".to_owned(), Vec::new())]));
    }

    pub(crate) fn begin(&mut self, kind: Kind, to: ReleaseNumber) -> Result<(), BeginError> {
        self.release(to);
        let rollout = {
            let views = self.views();
            begin(self.begin_args(kind, to, &views))?
        };
        self.rollouts += 1;
        self.was_resumed = false;
        self.rollout = Some(rollout);
        Ok(())
    }

    pub(crate) fn begin_args<'a>(&'a self, kind: Kind, to: ReleaseNumber, hosts: &'a [HostView]) -> Begin<'a> {
        Begin {
            id: RolloutId(self.rollouts + 1),
            key: key(),
            kind,
            from: self.current,
            to,
            policy: self.policy.clone(),
            by: "ann".parse().unwrap(),
            now: self.now,
            hosts,
            releases: &self.releases,
        }
    }

    pub(crate) fn abort(&mut self, rollback: bool, superseded: bool) -> Result<(), AbortError> {
        let word = Abort { by: "bob".parse().unwrap(), rollback, superseded };
        self.rollout.as_mut().map_or(Ok(()), |rollout| abort(rollout, word))
    }

    /// An operator says something to the rollout; nothing, if there is none.
    pub(crate) fn say(&mut self, by: &str, word: Word) -> Result<(), WordError> {
        let speaker = Speaker { by: by.parse().unwrap(), at: self.now, why: "because".to_owned() };
        let Some(rollout) = self.rollout.as_mut() else { return Ok(()) };
        let was_paused = rollout.state == State::Paused;
        word(rollout, speaker)?;
        self.was_resumed |= was_paused && rollout.state == State::Advancing;
        Ok(())
    }

    /// What is to be measured comes to this.
    pub(crate) fn measured(&mut self, measured: &Measured) {
        let at = self.now;
        for measure in std::mem::take(&mut self.measures) {
            if let Some(rollout) = &mut self.rollout {
                take_reading(rollout, measure.id, measure.number, measured, at);
            }
        }
    }

    pub(crate) fn views(&self) -> Vec<HostView> {
        let view = |(id, host): (&HostId, &Host)| HostView {
            host: id.clone(),
            labels: host.labels.clone(),
            duty: host.duty,
            contact: host.contact,
            conflict: host.conflict,
            ordered: host.ordered,
            report: host.report.clone(),
            refused: host.refused.clone(),
            prefetch: host.prefetch.clone(),
        };
        self.hosts.iter().map(view).collect()
    }

    pub(crate) fn with_input<T>(&self, then: impl FnOnce(&Input<'_>) -> T) -> T {
        let views = self.views();
        then(&Input {
            key: &key(),
            now: self.now,
            hosts: &views,
            releases: &self.releases,
            current: self.current,
            current_policy: &self.current_policy,
            rollout: self.rollout.as_ref(),
            frozen: self.frozen.as_ref(),
        })
    }

    /// Plans and stores: rollout, orders, and what a success makes current.
    pub(crate) fn plan(&mut self) -> Plan {
        let plan = self.with_input(plan);
        for (id, order) in &plan.orders {
            let host = self.host(id);
            host.ordered = Some(stored(*order));
            host.refused = None;
            if order.phase != Phase::Committed {
                host.healthy_since = None;
            }
        }
        let was_over = self.rollout.as_ref().is_none_or(|rollout| rollout.outcome().is_some());
        self.rollout.clone_from(&plan.rollout);
        self.measures.clone_from(&plan.measures);
        if let Some(rollout) =
            self.rollout.clone().filter(|rollout| !was_over && rollout.outcome() == Some(Outcome::Succeeded))
        {
            self.current = Some(rollout.to);
            self.current_policy = rollout.policy;
            self.succeeded.insert(rollout.to, rollout.hosts.into_keys().collect());
        }
        plan
    }

    /// Sends the orders of a plan, and what is to be fetched ahead. What gets lost is repeated when the host reconnects.
    pub(crate) fn send(&mut self, plan: &Plan) {
        self.prefetch.clone_from(&plan.prefetch);
        for id in self.hosts.keys().cloned().collect::<Vec<_>>() {
            self.announce(&id);
        }
        for (id, _) in &plan.orders {
            self.deliver(id);
        }
    }

    pub(crate) fn going(&self) -> Option<&Rollout> {
        self.rollout.as_ref().filter(|rollout| rollout.outcome().is_none())
    }
}

fn stored(order: Order) -> Ordered {
    Ordered { version: version(order.generation), release: order.release, phase: order.phase, share: order.share }
}
