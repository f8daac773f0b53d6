//! Coordinator and hosts in one imagined world: what happens at a moment, and what is planned and sent then. Not here: what hosts do (beside, module
//! `hosts`), what is right (module `defect`).

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::analysis::Source;
use evenkeel_model::gate::Check;
use evenkeel_model::{AppKey, HostId, Manifest, Millis, Phase, Policy, ReleaseNumber, RolloutId, UnixMillis};
use evenkeel_rollout::{
    Begin, BeginError, Frozen, HostView, Input, Kind, Order, Ordered, Outcome, Plan, Rollout, WaitingOn, begin, plan,
};

use crate::agent::version;
use crate::clock::Clock;
use crate::defect::{Ordering, Step};
use crate::fleet::{self, NEW, OLD, Services, name};
use crate::host::Host;
use crate::news::{Befell, News};
use crate::people::People;
use crate::queue::{Event, Queue};
use crate::registry::Away;
use crate::totals::Meter;
use crate::{Answer, Defect, End, Settings, Span, Timeline, What, Who};

mod ahead;
mod hosts;

/// Coordinator and hosts.
#[derive(Debug)]
pub(crate) struct World<'s> {
    settings: &'s Settings,
    policy: Policy,
    clock: Clock,
    now: UnixMillis,
    key: AppKey,
    releases: BTreeMap<ReleaseNumber, Arc<Manifest>>,
    services: Services,
    /// What is known of each host, in the order of their names; `hosts` are the same hosts themselves.
    views: Vec<HostView>,
    hosts: Vec<Host>,
    rollout: Rollout,
    queue: Queue,
    away: Option<Away>,
    frozen: Option<(Away, Frozen)>,
    people: People,
    meter: Meter,
    news: News,
    /// What has befallen hosts at this moment.
    befell: Vec<(Befell, HostId)>,
    plans: usize,
}

/// What a plan came to.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The rollout has ended so.
    pub(crate) end: Option<End>,
    /// Why no more is done now.
    pub(crate) waiting: Vec<WaitingOn>,
    /// When to plan again if nothing happens until then.
    pub(crate) wake_at: Option<UnixMillis>,
}

impl<'s> World<'s> {
    /// Imagines the fleet, and begins the rollout.
    pub(crate) fn begin(policy: &Policy, settings: &'s Settings) -> Result<Self, BeginError> {
        let clock = Clock { start: settings.starts, grain: settings.grain };
        let (releases, services, policy) = (fleet::releases(), Services::new(), imagined(policy));
        let (views, hosts): (Vec<HostView>, Vec<Host>) = fleet::hosts(settings, &policy, &services).into_iter().unzip();
        let rollout = begin(Begin {
            id: RolloutId(1),
            key: services.key.clone(),
            kind: Kind::Deploy,
            from: (!settings.first_deploy).then_some(OLD),
            to: NEW,
            policy: policy.clone(),
            by: name("operator"),
            now: settings.starts,
            hosts: &views,
            releases: &releases,
        })?;
        let silent = hosts.iter().filter(|host| host.fate.silent).count();
        let away = |span: Span| Away { from: clock.at(span.from), until: clock.at(span.end()) };
        let freeze = |span: Span| {
            let away = away(span);
            (away, Frozen { until: Some(away.until), by: name("operator"), why: "imagined".to_owned() })
        };
        let mut world = Self {
            now: settings.starts,
            key: services.key.clone(),
            away: settings.registry_away.map(away),
            frozen: settings.frozen.map(freeze),
            people: People::new(settings),
            meter: Meter::new(hosts.len(), settings.starts),
            news: News::begin(&rollout, &views, silent),
            queue: Queue::default(),
            befell: Vec::new(),
            plans: 0,
            settings,
            policy,
            clock,
            releases,
            services,
            views,
            hosts,
            rollout,
        };
        world.foresee();
        world.pass(settings.starts);
        Ok(world)
    }

    /// What will happen whatever is planned.
    fn foresee(&mut self) {
        for place in 0..self.views.len() {
            self.meter.know(place, &self.views[place], self.now);
        }
        if let Some(away) = self.away {
            let until = away.until.since(self.clock.start);
            self.queue.push(away.from, Event::Told(What::RegistryAway { until }));
            self.queue.push(away.until, Event::Told(What::RegistryBack));
        }
        if let Some((span, _)) = self.frozen {
            let until = span.until.since(self.clock.start);
            self.queue.push(span.from, Event::Told(What::FreezeBegan { until }));
            self.queue.push(span.until, Event::Told(What::FreezeEnded));
        }
        for down in &self.settings.down {
            let (from, until) = (self.clock.at(down.span.from), self.clock.at(down.span.end()));
            for (host, view) in self.views.iter().enumerate() {
                let is_meant = match &down.who {
                    Who::Host(id) => view.host == *id,
                    Who::Zone(zone) => view.labels.get(&self.settings.label) == Some(zone),
                };
                if is_meant && from < until {
                    self.queue.push(from, Event::Cut { host });
                    self.queue.push(until, Event::Heard { host });
                }
            }
        }
    }

    /// How long it has lasted.
    pub(crate) fn elapsed(&self) -> Millis {
        self.now.since(self.clock.start)
    }

    /// When something happens next, or it is time to plan again.
    pub(crate) fn next(&self, wake_at: Option<UnixMillis>) -> Option<UnixMillis> {
        let soonest = self.clock.after(self.now, Millis(0));
        let wake = wake_at.map(|at| self.clock.not_before(at).max(soonest));
        self.queue.next().into_iter().chain(wake).min()
    }

    /// Time passes, and all happens that happens by then.
    pub(crate) fn pass(&mut self, to: UnixMillis) {
        self.now = to;
        self.news.at(to);
        while let Some(event) = self.queue.pop(to) {
            self.happen(event);
        }
        for kind in [Befell::Unhealthy, Befell::Silent, Befell::Heard] {
            let hosts = self.befell.iter().filter(|(befell, _)| *befell == kind).map(|(_, host)| host.clone());
            self.news.push_hosts(kind, hosts.collect());
        }
        self.befell.clear();
    }

    fn happen(&mut self, event: Event) {
        let said = match event {
            Event::Approve => self.people.approve(&mut self.rollout, self.now),
            Event::Promote => self.people.promote(&mut self.rollout, self.now),
            Event::Read { id, number } => self.people.read(&mut self.rollout, id, number, self.now),
            Event::Told(what) => Some(what),
            Event::Step { host, ticket } => return self.step(host, ticket),
            Event::Fetched { host, ticket } => return self.fetched(host, ticket),
            Event::TurnsUnhealthy { host, generation } => return self.turn_unhealthy(host, generation),
            Event::Cut { host } => return self.cut(host),
            Event::Missed { host, cut } => return self.miss(host, cut),
            Event::Heard { host } => return self.hear_again(host),
        };
        if let Some(what) = said {
            self.news.push(what);
        }
    }

    /// Plans on what is known now, and sends the orders.
    pub(crate) fn turn(&mut self) -> Result<Turn, Defect> {
        let Plan { orders, prefetch, measures, rollout, waiting, wake_at } = self.plan();
        let Some(after) = rollout else { return Ok(Turn { end: None, waiting, wake_at }) };
        let orders = self.store(&orders);
        let before = std::mem::replace(&mut self.rollout, after);
        let step = Step {
            before: &before,
            after: &self.rollout,
            orders: &orders,
            views: &self.views,
            hosts: &self.hosts,
            down: self.meter.down(),
            now: self.now,
        };
        step.check()?;
        for failed in self.news.note(&before, &self.rollout, &waiting) {
            if let Some(place) = self.place(&failed) {
                self.meter.fail(place);
            }
        }
        for ordering in &orders {
            self.deliver(ordering.host);
        }
        self.announce(&prefetch);
        for (answer, event) in self.people.ask(&waiting, measures) {
            if let Answer::After(time) = answer {
                self.queue.push(self.clock.after(self.now, time), event);
            }
        }
        self.meter.look(self.rollout.budget(), self.now);
        Ok(Turn { end: self.rollout.outcome().map(end), waiting, wake_at })
    }

    fn plan(&mut self) -> Plan {
        self.plans += 1;
        let is_now = |span: &Away| span.from <= self.now && self.now < span.until;
        let frozen = self.frozen.as_ref().filter(|(span, _)| is_now(span)).map(|(_, frozen)| frozen);
        plan(&Input {
            key: &self.key,
            now: self.now,
            hosts: &self.views,
            releases: &self.releases,
            current: self.rollout.from,
            current_policy: &self.policy,
            rollout: Some(&self.rollout),
            frozen,
        })
    }

    /// What is ordered is stored before it is sent.
    fn store(&mut self, orders: &[(HostId, Order)]) -> Vec<Ordering> {
        let mut stored = Vec::new();
        for (id, order) in orders {
            let Some(place) = self.place(id) else { continue };
            let (view, host) = (&mut self.views[place], &mut self.hosts[place]);
            stored.push(Ordering::new(place, *order, view, host, &self.rollout, self.now));
            let Order { generation, release, phase, share } = *order;
            view.ordered = Some(Ordered { version: version(generation), release, phase, share });
            view.refused = None;
            if phase != Phase::Committed {
                host.healthy_since = None;
            }
            self.meter.know(place, view, self.now);
        }
        stored
    }

    /// The place of a host among them.
    fn place(&self, id: &HostId) -> Option<usize> {
        self.views.binary_search_by(|view| view.host.cmp(id)).ok()
    }

    /// All that it came to.
    pub(crate) fn end(self, end: End, waiting: Vec<WaitingOn>) -> Timeline {
        let Self { meter, hosts, views, rollout, news, now, plans, settings, .. } = self;
        let mut totals = meter.totals(&hosts, &views, &rollout, now);
        let is_open = matches!(end, End::Waiting | End::GoesOn);
        let noted = news.end(end, rollout.failure, if is_open { waiting } else { Vec::new() });
        (totals.plans, totals.waves, totals.waited_at_gates) = (plans, noted.waves, noted.waited);
        Timeline { seed: settings.seed, began: settings.starts, end, entries: noted.entries, totals }
    }
}

/// The policy, but that nothing is really asked by it: what analyses measure is imagined, too.
fn imagined(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    for gate in &mut policy.gates {
        if let Check::Analysis(analysis) = &mut gate.check {
            analysis.source = Source::Http { url: "http://imagined/".to_owned(), status: (200, 299), body: None };
        }
    }
    policy
}

/// How a rollout ended that nobody ended.
fn end(outcome: Outcome) -> End {
    match outcome {
        Outcome::Succeeded => End::Succeeded,
        Outcome::RolledBack => End::RolledBack,
        Outcome::Halted | Outcome::Aborted | Outcome::Superseded => End::Halted,
    }
}
