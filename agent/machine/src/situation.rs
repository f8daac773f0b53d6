//! All that one decision is based on, with the questions that every step asks of it. Not here: any answer to "what next" (the steps).

use std::cell::OnceCell;

use evenkeel_model::{
    Assignment, Digest, Health, Millis, Monotonic, Order, Phase, Port, Restart, ServiceName, Share, Slot,
};

use crate::ledger::Kept;
use crate::memory::{Memory, Seen};
use crate::release::{Goal, Target, Wanted};
use crate::{Accepted, Action, Container, ContainerPlan, End, Ledger, Observed, Place, RoutePlan};

/// From SIGTERM to SIGKILL for a container of a release that is known no more: the engine's own default.
const FORGOTTEN_GRACE: Millis = Millis::seconds(10);
/// The shortest time between two probes of a container, whatever its rule says: no rule may make the agent busy.
const SHORTEST_INTERVAL: Millis = Millis(100);
/// The shortest time between two probes of a container that is well after the end, when nothing hangs on the answer but the report. Each
/// probe costs a look at all of the app's containers: a second apart, the agent would need several times the processor time it may.
const SETTLED_INTERVAL: Millis = Millis::seconds(10);

/// One key on this host, now.
#[derive(Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) accepted: &'a Accepted,
    pub(crate) wanted: Goal<'a>,
    pub(crate) base: Goal<'a>,
    /// The release before the base, of which containers may run on.
    pub(crate) blue: Goal<'a>,
    /// Until when they may; none: there is no such release.
    pub(crate) blue_until: Option<Monotonic>,
    pub(crate) kept: &'a [Kept],
    pub(crate) observed: &'a Observed,
    pub(crate) memory: &'a Memory,
    pub(crate) now: Monotonic,
    /// Worked out when it is first asked for.
    pub(crate) plan: OnceCell<Option<RoutePlan>>,
}

impl<'a> Situation<'a> {
    /// None if nothing was ever accepted.
    pub(crate) fn new(ledger: &'a Ledger, observed: &'a Observed, memory: &'a Memory, now: Monotonic) -> Option<Self> {
        let accepted = ledger.accepted.as_ref()?;
        let wanted = memory.goal(accepted.assignment.content.as_ref());
        let base = memory.goal(ledger.base.as_ref());
        let blue = memory.goal(ledger.blue.as_ref().map(|blue| &blue.content));
        let blue_until = ledger.blue.as_ref().map(|blue| memory.blue_since(&blue.content).unwrap_or(now) + blue.keep);
        let (kept, plan) = (ledger.kept.as_slice(), OnceCell::new());
        Some(Self { accepted, wanted, base, blue, blue_until, kept, observed, memory, now, plan })
    }

    pub(crate) fn assignment(&self) -> &'a Assignment {
        &self.accepted.assignment
    }

    /// What is to serve: the accepted release until it is given up, then the base.
    pub(crate) fn goal(&self) -> &Goal<'a> {
        match self.accepted.end {
            Some(End::Reverting { .. } | End::Reverted { .. }) => &self.base,
            Some(End::Committed) | None => &self.wanted,
        }
    }

    /// Whether the generation has ended, so that no answer of a probe changes anything but the report.
    fn has_ended(&self) -> bool {
        matches!(self.accepted.end, Some(End::Committed | End::Reverted { .. }))
    }

    /// This service's containers, of whatever release.
    pub(crate) fn containers_of(&self, service: &ServiceName) -> impl Iterator<Item = &'a Container> {
        self.observed.containers.iter().filter(move |container| container.place.service == *service)
    }

    /// The service's container with this fingerprint; the running one if there were two.
    pub(crate) fn find(&self, service: &ServiceName, fingerprint: &Digest) -> Option<&'a Container> {
        let same = || self.containers_of(service).filter(|container| container.fingerprint == *fingerprint);
        same().find(|container| container.is_running()).or_else(|| same().next())
    }

    /// The one container in which `target` has this service, if it is there.
    pub(crate) fn keeper(&self, target: &Goal<'_>, service: &ServiceName) -> Option<&'a Container> {
        self.find(service, &target.target()?.get(service)?.fingerprint)
    }

    /// Whether a revert would need this container. A base that can't be read may need any.
    pub(crate) fn is_base(&self, container: &Container) -> bool {
        if matches!(self.base, Goal::Unreadable) {
            return true;
        }
        self.keeper(&self.base, &container.place.service).is_some_and(|keeper| keeper.id == container.id)
    }

    /// What a container was made from, if that is in a release that is known.
    pub(crate) fn made_from(&self, container: &Container) -> Option<&Wanted> {
        let goals = [&self.wanted, &self.base, &self.blue].into_iter();
        let mut services = goals.filter_map(|goal| goal.get(&container.place.service));
        services.find(|wanted| wanted.fingerprint == container.fingerprint)
    }

    /// Whether old and new of this service can't run side by side.
    pub(crate) fn one_at_a_time(&self, name: &ServiceName, wanted: &Wanted) -> bool {
        wanted.service.spec.order == Order::StopFirst || self.adopted(name, wanted).is_some()
    }

    /// Whether `other` may go on running while the base's container of its service is started again.
    pub(crate) fn may_run_beside(&self, base: &Wanted, other: &Container) -> bool {
        let name = &other.place.service;
        let Some(newer) = self.wanted.get(name) else { return base.service.spec.order == Order::StartFirst };
        // Of a port that passes between the engine and the proxy the proxy lets go, so that the newer one, unreached, is in nobody's way.
        let gives_way = newer.fingerprint == other.fingerprint && self.adopted(name, newer).is_some();
        newer.service.spec.order == Order::StartFirst && (base.service.spec.order == Order::StartFirst || gives_way)
    }

    /// The port that passes from the engine, which publishes it for the base's container, to the proxy.
    pub(crate) fn adopted(&self, name: &ServiceName, wanted: &Wanted) -> Option<&Port> {
        wanted.service.spec.adopted_from(&self.base.get(name)?.service.spec)
    }

    /// How much of what is new the release on its way is to have now.
    pub(crate) fn share(&self) -> Share {
        let assignment = self.assignment();
        if assignment.phase == Phase::Trial { assignment.share } else { Share::ALL }
    }

    /// Whether the base serves on beside the release on its way, wholly or in part.
    pub(crate) fn is_beside(&self) -> bool {
        self.accepted.end.is_none() && self.share() < Share::ALL && matches!(self.wanted, Goal::Release(_))
    }

    /// Why this service can't run beside its old container though it should; none if it can, or need not.
    pub(crate) fn why_not_staged(&self, name: &ServiceName) -> Option<String> {
        let (newer, older) = (self.wanted.get(name)?, self.base.get(name)?);
        if !self.is_beside() || newer.fingerprint == older.fingerprint {
            return None;
        }
        newer.service.spec.why_not_beside(&older.service.spec)
    }

    /// Whether it should run beside its old container, can't, and has replaced it: when the release had all. Then it stays so.
    pub(crate) fn is_replaced(&self, name: &ServiceName) -> bool {
        self.why_not_staged(name).is_some() && self.keeper(&self.wanted, name).is_some_and(Container::is_running)
    }

    /// Whether the readiness path is to say no while this service is replaced.
    pub(crate) fn fails_readiness(&self, name: &ServiceName) -> bool {
        let wanted = self.wanted.get(name);
        wanted.is_some_and(|wanted| wanted.service.spec.traffic.lb_delay.0 > 0 && self.one_at_a_time(name, wanted))
    }

    /// Whether it was started at this stage, by this process.
    pub(crate) fn was_started(&self, container: &Container) -> bool {
        self.memory.attempt(&Action::Start(container.place.clone())).is_some_and(|attempt| attempt.done > 0)
    }

    /// Whether this container of the base was stopped by us, or has been started since.
    pub(crate) fn was_taken_down(&self, keeper: &Container) -> bool {
        let restart = self.made_from(keeper).map(|wanted| wanted.service.spec.restart);
        restart.is_some_and(|restart| keeper.restart != restart) || self.was_started(keeper)
    }

    pub(crate) fn seen(&self, container: &Container) -> Option<&'a Seen> {
        self.memory.seen(&container.id)
    }

    pub(crate) fn has_run(&self, container: &Container) -> bool {
        self.seen(container).is_some_and(Seen::has_run)
    }

    /// Whether no container is in this place.
    pub(crate) fn free_slot(&self, service: &ServiceName) -> Option<Slot> {
        let taken = |slot| self.containers_of(service).any(|container| container.place.slot == slot);
        [Slot::A, Slot::B].into_iter().find(|slot| !taken(*slot))
    }

    pub(crate) fn creation(&self, target: &Target<'_>, service: &ServiceName, slot: Slot) -> Option<Action> {
        let wanted = target.get(service)?;
        Some(Action::Create(Box::new(ContainerPlan {
            key: self.assignment().key.clone(),
            place: Place { service: service.clone(), slot },
            version: self.assignment().version,
            release: target.number(),
            service: wanted.service.clone(),
        })))
    }

    pub(crate) fn has_image(&self, pin: &Digest) -> bool {
        self.observed.images.contains_key(pin)
    }

    /// What makes a container end and stay ended; none if it has. The engine must not resurrect it, so that comes first.
    pub(crate) fn quiet(&self, container: &Container) -> Option<Action> {
        let place = container.place.clone();
        if container.restart != Restart::No {
            return Some(Action::SetRestart { place, restart: Restart::No });
        }
        container.is_running().then(|| Action::Stop { place, grace: self.grace(container) })
    }

    /// What takes a container away, with its grace if it runs.
    pub(crate) fn removal(&self, container: &Container) -> Action {
        let end = if container.is_running() { self.quiet(container) } else { None };
        end.unwrap_or_else(|| Action::Remove(container.place.clone()))
    }

    pub(crate) fn grace(&self, container: &Container) -> Millis {
        self.made_from(container).map_or(FORGOTTEN_GRACE, |wanted| wanted.service.spec.stop_grace_period)
    }

    /// The probe that is to be run next, and when. Those of the first goal have precedence where they are due.
    pub(crate) fn next_probe(&self, goals: &[&Goal<'_>]) -> Option<(Monotonic, Action)> {
        let mut next: Option<(Monotonic, Action)> = None;
        for goal in goals {
            if next.as_ref().is_some_and(|(due, _)| *due <= self.now) {
                break;
            }
            next = next.into_iter().chain(self.probes(goal)).min_by_key(|(due, _)| *due);
        }
        next
    }

    fn probes(&self, goal: &Goal<'_>) -> Vec<(Monotonic, Action)> {
        let services = goal.target().into_iter().flat_map(Target::services);
        let probes = services.filter_map(|(name, wanted)| {
            let container = self.find(name, &wanted.fingerprint).filter(|container| container.is_running())?;
            let seen = self.seen(container)?;
            let health = &wanted.service.spec.health;
            // Of one that nothing comes to nothing depends on what it says no for.
            let settled = self.has_ended() && (seen.is_well() || (seen.says_no() && self.is_kept(container)));
            // None until it has been healthy once: then it is waited for.
            let hurried = health.start_interval.filter(|_| seen.healthy.is_none());
            let shortest = if settled { SETTLED_INTERVAL } else { SHORTEST_INTERVAL };
            let interval = hurried.unwrap_or(health.interval).max(shortest);
            let due = match seen.asked {
                // All at the same moments, so that one look serves them all.
                Some(asked) if settled => Monotonic((asked.0 / interval.0 + 1) * interval.0),
                Some(asked) => asked + interval,
                None => self.now,
            };
            Some((due, probe(container, health)))
        });
        probes.collect()
    }
}

fn probe(container: &Container, health: &Health) -> Action {
    Action::Probe { place: container.place.clone(), probe: health.probe.clone(), timeout: health.timeout }
}
