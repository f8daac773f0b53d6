//! Each service's part of the plan, stage by stage. Whoever serves goes on serving until it is another's turn, and that is proven.
//! Not here: a trial in which the release before serves on (`beside`), the ports' conflicts (`claims`), the steps between two plans (`swap`, `keep`).

use std::collections::BTreeSet;

use evenkeel_model::{CauseClass, Failure, ServiceName};

use super::{Part, beside, claims};
use crate::release::{Target, Wanted};
use crate::situation::Situation;
use crate::{Container, RoutePlan, room, swap};

/// How far the taking down of one that can't run beside its successor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It serves, and the readiness path says no.
    Fail,
    /// Requests wait.
    Hold,
}

/// After the end: each service's container, as long as it exists, running or not: its address is its for life. None, so that all is
/// left as it is, if one that has the traffic is not seen to have an address any more.
pub(super) fn settled(s: &Situation<'_>, target: &Target<'_>) -> Option<RoutePlan> {
    let services = target.services().filter(|(_, wanted)| wanted.is_routed());
    let parts = services.map(|(name, wanted)| {
        let keeper = s.find(name, &wanted.fingerprint);
        let is_lost = keeper.is_some_and(|keeper| keeper.address.is_none() && s.is_routed_to(keeper));
        (!is_lost).then(|| Part::serving(name, &wanted.service.spec, keeper.into_iter().collect()))
    });
    Some(claims::plan(s, &parts.collect::<Option<Vec<_>>>()?))
}

/// On the way back: the base's containers, as soon as they can serve.
pub(super) fn back(s: &Situation<'_>, base: &Target<'_>, failure: &Failure) -> RoutePlan {
    let services = base.services().filter(|(_, wanted)| wanted.is_routed());
    claims::plan(s, &services.map(|(name, wanted)| way_back(s, name, wanted, failure)).collect::<Vec<_>>())
}

fn way_back<'s>(s: &'s Situation<'_>, name: &'s ServiceName, base: &'s Wanted, failure: &Failure) -> Part<'s> {
    let spec = &base.service.spec;
    let keeper = s.find(name, &base.fingerprint);
    if let Some(ready) = keeper.filter(|keeper| can_serve(s, keeper)) {
        return Part::serving(name, spec, vec![ready]);
    }
    // The one that is given up serves as long as nothing else does, unless it is what failed, or must make room first.
    let failed = failure.service.as_ref() == Some(name) && failure.kind.class() == CauseClass::Release;
    let may_serve =
        |other: &&Container| other.is_running() && !failed && (keeper.is_none() || s.may_run_beside(base, other));
    let serving: Vec<_> = serving(s, name).filter(may_serve).collect();
    let holding = serving.is_empty();
    Part { holding, failing: holding && s.fails_readiness(name), ..Part::serving(name, spec, serving) }
}

/// Whether the base's container may have the traffic back: it ran all the time, or was started again and is proven, or has had its time:
/// nothing better is to be had then.
pub(super) fn can_serve(s: &Situation<'_>, keeper: &Container) -> bool {
    let Some(seen) = s.seen(keeper).filter(|_| keeper.is_running()) else { return false };
    let late = seen.since.is_some_and(|since| s.now >= since + s.assignment().terms.health_deadline);
    // Where it is not known who has the traffic, it is not taken away from the one that may have it.
    let may_be_routed_to = s.memory.sight().is_none_or(|sight| sight.routes_to(&keeper.id));
    seen.healthy == Some(true) || late || may_be_routed_to || !s.was_taken_down(keeper)
}

/// On the way forward. None, so that all is left as it is, if the release before should serve on and can't be known.
pub(super) fn forward(s: &Situation<'_>, wanted: &Target<'_>) -> Option<RoutePlan> {
    let is_known = !s.is_beside() || !beside::is_lost(s);
    is_known.then(|| way(s, wanted))
}

fn way(s: &Situation<'_>, wanted: &Target<'_>) -> RoutePlan {
    let plan = |step| claims::plan(s, &all(s, wanted, step));
    let Some((name, service)) = swap::taken_down(s, wanted) else { return plan(None) };
    let traffic = service.service.spec.traffic;
    let still_routed = s.containers_of(name).any(|old| s.is_routed_to(old));
    if traffic.lb_delay.0 == 0 || !still_routed {
        return plan(Some((name, Step::Hold)));
    }
    let failing = plan(Some((name, Step::Fail)));
    let since = s.memory.sight().filter(|_| s.in_force(&failing) == Some(true)).map(|sight| sight.since);
    match since {
        Some(since) if s.now >= since + traffic.lb_delay => plan(Some((name, Step::Hold))),
        _ => failing,
    }
}

fn all<'s>(s: &'s Situation<'_>, wanted: &'s Target<'_>, step: Option<(&ServiceName, Step)>) -> Vec<Part<'s>> {
    let base = s.base.target().into_iter().flat_map(Target::services);
    let services = wanted.services().chain(base).filter(|(_, service)| service.is_routed());
    let names: BTreeSet<&ServiceName> = services.map(|(name, _)| name).collect();
    let step_of = |name| step.filter(|(taken, _)| *taken == name).map(|(_, step)| step);
    names
        .into_iter()
        .filter_map(|name| match wanted.get(name) {
            _ if s.is_beside() => beside::part(s, wanted, name, step_of(name)),
            Some(service) if service.is_routed() => Some(way_forward(s, name, service, step_of(name))),
            newer => leaving(s, wanted, name, newer, step_of(name)),
        })
        .collect()
}

/// A service of the base that has no routed port any more, or is no more: it keeps what it has as long as it is needed, and gets
/// nothing that it has not.
pub(super) fn leaving<'s>(
    s: &'s Situation<'_>,
    wanted: &Target<'_>,
    name: &'s ServiceName,
    newer: Option<&Wanted>,
    step: Option<Step>,
) -> Option<Part<'s>> {
    let is_replaced = match newer {
        Some(newer) => swap::is_proven(s, name, newer),
        None => swap::turn(s, wanted).is_none() && swap::missing(s, wanted).is_none(),
    };
    let mut upstreams: Vec<_> = serving(s, name).collect();
    if room::victim(s, name).is_some() {
        upstreams = who_serves(s, name);
    }
    if is_replaced || step == Some(Step::Hold) || upstreams.is_empty() {
        return None;
    }
    let spec = &s.base.get(name)?.service.spec;
    Some(Part { switched: false, failing: step.is_some(), ..Part::serving(name, spec, upstreams) })
}

/// A service with routed ports: the new container as soon as it is proven, else who serves now, else the base's.
pub(super) fn way_forward<'s>(
    s: &'s Situation<'_>,
    name: &'s ServiceName,
    wanted: &'s Wanted,
    step: Option<Step>,
) -> Part<'s> {
    let spec = &wanted.service.spec;
    let new = s.find(name, &wanted.fingerprint);
    if let Some(new) = new.filter(|new| takes_over(s, new)) {
        return Part::serving(name, spec, vec![new]);
    }
    let others = || s.containers_of(name).filter(|other| new.is_none_or(|new| other.id != new.id));
    let is_down = new.is_some() && others().next().is_some() && !others().any(Container::is_running);
    let holding = step == Some(Step::Hold) || (is_down && s.one_at_a_time(name, wanted));
    let upstreams = if holding { Vec::new() } else { who_serves(s, name) };
    let failing = step == Some(Step::Fail) || (holding && s.fails_readiness(name));
    let base = s.base.get(name).filter(|base| base.is_routed());
    // Of what a superseded generation left the ports are not known any more: they are taken to be as in the newest release.
    let base = base.filter(|_| upstreams.iter().all(|upstream| s.is_base(upstream)));
    let ports = match base {
        Some(base) => base.service.spec.routed_ports().collect(),
        None if upstreams.is_empty() => Vec::new(),
        None => spec.routed_ports().collect(),
    };
    let claims = spec.routed_ports().collect();
    Part { ports, claims, switched: false, holding, failing, ..Part::serving(name, spec, upstreams) }
}

/// Whether the new container has the traffic, or is to get it. Once it has it, a restart of the agent, which forgets the proof, does not
/// take it away again.
pub(super) fn takes_over(s: &Situation<'_>, new: &Container) -> bool {
    let proven = s.seen(new).and_then(|seen| seen.healthy) == Some(true);
    new.is_running() && new.address.is_some() && (proven || s.is_routed_to(new))
}

/// Who serves now and may go on; the base's container if nobody does.
fn who_serves<'s>(s: &Situation<'s>, name: &ServiceName) -> Vec<&'s Container> {
    let victim = room::victim(s, name);
    let may_serve =
        |container: &&Container| container.is_running() && victim.is_none_or(|victim| victim.id != container.id);
    let serving: Vec<_> = serving(s, name).filter(may_serve).collect();
    if !serving.is_empty() {
        return serving;
    }
    let base = s.keeper(&s.base, name).filter(|_| s.base.get(name).is_some_and(Wanted::is_routed));
    base.filter(may_serve).into_iter().collect()
}

/// The containers of a service that the proxy gives what is new.
pub(super) fn serving<'s>(s: &Situation<'s>, name: &ServiceName) -> impl Iterator<Item = &'s Container> {
    s.containers_of(name).filter(|container| s.is_routed_to(container))
}
