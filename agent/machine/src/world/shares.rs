//! What must hold of every decision of a trial below its full share: the base serves on, the new one has what was asked for and no more,
//! and the report says what is in force.

use evenkeel_model::{Order, Phase, ServiceName, Share};

use super::World;
use super::engine::Body;
use super::invariants::{Services, is_adopted, services, wanted};
use super::traffic::is_revival;
use crate::{Action, Decision, Engine, Ledger, Observed, Proxy, RoutePlan};

/// Whether a release is in trial below its full share.
pub(crate) fn is_below(ledger: &Ledger) -> bool {
    share(ledger).is_some_and(|share| share < Share::ALL)
}

/// The share of a release that is on its way.
pub(crate) fn share(ledger: &Ledger) -> Option<Share> {
    let accepted = ledger.accepted.as_ref().filter(|accepted| accepted.end.is_none())?;
    let assignment = &accepted.assignment;
    assignment.content.as_ref()?;
    match assignment.phase {
        Phase::Trial => Some(assignment.share),
        Phase::Committed => Some(Share::ALL),
        Phase::Withdrawn => None,
    }
}

/// Whether old and new of this service, which both releases have, can run side by side.
pub(super) fn side_by_side(wanted: &Services, base: &Services, name: &ServiceName) -> bool {
    let (Some((newer, _)), Some((older, _))) = (wanted.get(name), base.get(name)) else { return true };
    let start_first = [newer, older].iter().all(|service| service.spec.order == Order::StartFirst);
    start_first && !is_adopted(newer, older)
}

impl World {
    /// Whether a release below its full share has a service that can't be beside its old container.
    pub(crate) fn is_hindered(&self) -> bool {
        let (wanted, base) = (wanted(self, &self.ledger), services(self, self.ledger.base.as_ref()));
        let changes = |name: &ServiceName| base.get(name).is_some_and(|(_, base)| *base != wanted[name].1);
        let mut names = wanted.keys();
        is_below(&self.ledger) && names.any(|name| changes(name) && !side_by_side(&wanted, &base, name))
    }
}

pub(super) fn hold(world: &World, observed: &Observed, decision: &Decision) {
    let Some(share) = share(&decision.ledger) else { return };
    if share < Share::ALL {
        the_base_is_not_touched(world, decision);
        nothing_is_made_that_can_not_be_beside_the_base(world, decision);
        if let Action::Route(plan) = &decision.action {
            nobody_gets_more_than_its_share(world, decision, plan, share);
        }
    }
    if let (Engine::Up { .. }, Proxy::Up { .. }) = (&observed.engine, &observed.proxy) {
        the_share_that_is_reported_is_in_force(world, decision, share);
    }
}

fn is_base(base: &Services, body: &Body) -> bool {
    let container = &body.container;
    base.get(&container.place.service).is_some_and(|(_, base)| *base == container.fingerprint)
}

fn the_base_is_not_touched(world: &World, decision: &Decision) {
    use evenkeel_model::Restart::No;
    let (Action::Stop { place, .. } | Action::SetRestart { place, restart: No } | Action::Remove(place)) =
        &decision.action
    else {
        return;
    };
    let (base, body) = (services(world, decision.ledger.base.as_ref()), &world.bodies[place]);
    let is_twin = |other: &&Body| {
        other.container.place.service == place.service && other.container.fingerprint == body.container.fingerprint
    };
    let revived = matches!(decision.action, Action::Stop { .. }) && is_revival(world, decision, body);
    let spared = is_base(&base, body) && world.bodies.values().filter(is_twin).count() == 1;
    assert!(!spared || revived, "the base serves on: {decision:#?}");
}

fn nothing_is_made_that_can_not_be_beside_the_base(world: &World, decision: &Decision) {
    let place = match &decision.action {
        Action::Create(plan) => &plan.place,
        Action::Start(place) => place,
        _ => return,
    };
    let (wanted, base) = (wanted(world, &decision.ledger), services(world, decision.ledger.base.as_ref()));
    let fingerprint = match &decision.action {
        Action::Create(plan) => plan.service.fingerprint(),
        _ => world.bodies[place].container.fingerprint.clone(),
    };
    let is_of_base = base.get(&place.service).is_some_and(|(_, base)| *base == fingerprint);
    assert!(is_of_base || side_by_side(&wanted, &base, &place.service), "{decision:#?}");
}

/// Who serves on may have more until the base can serve; but nobody gets more than it had.
fn nobody_gets_more_than_its_share(world: &World, decision: &Decision, plan: &RoutePlan, share: Share) {
    let (wanted, base) = (wanted(world, &decision.ledger), services(world, decision.ledger.base.as_ref()));
    // One that can't be beside its old container stays replaced where it was.
    for (name, routes) in plan.services.iter().filter(|(name, _)| side_by_side(&wanted, &base, name)) {
        let body = |id: &str| world.bodies.values().find(|body| body.container.id == id).unwrap();
        let is_base = |id: &str| is_base(&base, body(id));
        let others: Vec<_> = routes.upstreams.iter().filter(|upstream| !is_base(&upstream.container)).collect();
        let divided = others.len() < routes.upstreams.len();
        for other in others {
            let is_new = wanted.get(name).is_some_and(|(_, new)| *new == body(&other.container).container.fingerprint);
            // Of one that does not answer only what it did last is known.
            let had = world.proxy.routes_to(&other.container) || world.proxy.is_down(world.now);
            assert!(had || (is_new && share > Share::NONE), "{name}: nobody new gets it at {share}: {plan:#?}");
            assert!(!divided || (is_new && other.weight == share.percent()), "{name} at {share}: {plan:#?}");
        }
        let of_base = routes.upstreams.iter().find(|upstream| is_base(&upstream.container));
        if let Some(of_base) = of_base.filter(|_| routes.upstreams.len() > 1) {
            assert_eq!((of_base.weight, routes.upstreams.len()), (share.rest(), 2), "{name} at {share}: {plan:#?}");
        }
    }
}

/// By the proxy's own books.
fn the_share_that_is_reported_is_in_force(world: &World, decision: &Decision, share: Share) {
    let Some(report) = decision.report.as_ref() else { return };
    let (wanted, base) = (wanted(world, &decision.ledger), services(world, decision.ledger.base.as_ref()));
    let plan = world.proxy.plan.clone().unwrap_or_default();
    for (name, (service, fingerprint)) in wanted.iter() {
        let is_routed = service.spec.routed_ports().next().is_some();
        let is_same = base.get(name).is_some_and(|(_, base)| base == fingerprint);
        if !is_routed || is_same || report.share != share {
            continue;
        }
        let upstreams = plan.services.get(name).map(|routes| routes.upstreams.as_slice()).unwrap_or_default();
        let is_new = |id: &str| {
            world.bodies.values().any(|body| body.container.id == id && body.container.fingerprint == *fingerprint)
        };
        let total: u32 = upstreams.iter().map(|upstream| upstream.weight).sum();
        let new: u32 =
            upstreams.iter().filter(|upstream| is_new(&upstream.container)).map(|upstream| upstream.weight).sum();
        let has_old = base.get(name).is_some_and(|(older, _)| older.spec.routed_ports().next().is_some());
        let in_force = match (new, total) {
            (0, _) => Share::NONE,
            (new, total) if new < total => Share::try_from(new * 100 / total).unwrap(),
            _ if share > Share::NONE && !has_old => share,
            _ => Share::ALL,
        };
        assert_eq!(in_force, share, "{name} has another share than reported: {plan:#?}");
    }
}
