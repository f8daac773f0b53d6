//! What must hold of every decision as far as the traffic goes. The fake proxy's own books say what is routed and what is under way.

use evenkeel_model::{CauseClass, Order, Restart, ServiceName};

use super::World;
use super::engine::Body;
use super::invariants::{services, wanted};
use crate::{Action, Decision, End, RoutePlan};

pub(super) fn hold(world: &World, decision: &Decision) {
    match &decision.action {
        Action::Route(plan) => {
            who_serves_is_replaced_only_by_the_proven(world, decision, plan);
            only_what_has_ended_is_not_held(decision, plan);
        }
        Action::Stop { place, .. } => {
            let body = &world.bodies[place];
            if body.container.is_running()
                && !is_revival(world, decision, body)
                && !is_unknowable(world, decision, body)
            {
                nothing_is_stopped_that_gets_what_is_new(world, decision, body);
                what_is_under_way_has_its_time(world, decision, body);
            }
        }
        _ => {}
    }
}

/// After the end, and beside one in trial, what serves may be stopped, in order to be started again.
pub(super) fn is_revival(world: &World, decision: &Decision, body: &Body) -> bool {
    let accepted = decision.ledger.accepted.as_ref().unwrap();
    let base = services(world, decision.ledger.base.as_ref());
    let serves = base.get(&body.container.place.service).is_some_and(|(_, base)| *base == body.container.fingerprint);
    let ended = matches!(accepted.end, Some(End::Committed | End::Reverted { .. }));
    let serves_on = super::shares::is_below(&decision.ledger) && body.good == 0;
    (ended || serves_on) && serves && body.service.spec.restart != Restart::No
}

/// Whether no release that is known routes the service, and the proxy can't be asked: after a restart of the agent nobody knows.
fn is_unknowable(world: &World, decision: &Decision, body: &Body) -> bool {
    let releases = [wanted(world, &decision.ledger), services(world, decision.ledger.base.as_ref())];
    let mut services = releases.iter().filter_map(|release| release.get(&body.container.place.service));
    let is_routed = services.any(|(service, _)| service.spec.routed_ports().next().is_some());
    world.proxy.is_down(world.now) && !is_routed
}

/// Whether a generation goes forward: then nothing is risked, whatever it takes.
fn is_forward(decision: &Decision) -> bool {
    let accepted = decision.ledger.accepted.as_ref().unwrap();
    accepted.end.is_none() && accepted.assignment.content.is_some()
}

fn nothing_is_stopped_that_gets_what_is_new(world: &World, decision: &Decision, body: &Body) {
    let excused = world.proxy.is_down(world.now) && !is_forward(decision) && must_make_room(world, decision, body);
    let routed = world.proxy.routes_to(&body.container.id);
    assert!(!routed || excused, "{} is stopped while it is routed to: {:#?}", body.container.place, world.log);
}

/// Whether what should be cannot be beside this container: nothing should run, or the service can't run twice.
fn must_make_room(world: &World, decision: &Decision, body: &Body) -> bool {
    let accepted = decision.ledger.accepted.as_ref().unwrap();
    let releases = [wanted(world, &decision.ledger), services(world, decision.ledger.base.as_ref())];
    let goes_back = matches!(accepted.end, Some(End::Reverting { .. } | End::Reverted { .. }));
    let known = releases.iter().filter_map(|release| release.get(&body.container.place.service));
    let mut specs = known.map(|(service, _)| &service.spec).chain([&body.service.spec]);
    releases[usize::from(goes_back)].is_empty() || specs.any(|spec| spec.order == Order::StopFirst)
}

fn what_is_under_way_has_its_time(world: &World, decision: &Decision, body: &Body) {
    let id = &body.container.id;
    if !world.proxy.under_way(id) {
        return;
    }
    let down = world.proxy.is_down(world.now);
    assert!(!down || !is_forward(decision), "with the proxy down nothing is risked: {:#?}", world.log);
    if !world.proxy.routes_to(id) {
        let drained = world.proxy.unrouted[id] + body.service.spec.traffic.drain;
        assert!(
            world.now >= drained,
            "{} is stopped before its drain has passed: {:#?}",
            body.container.place,
            world.log
        );
        assert!(down || world.proxy.cuts.contains(id), "it is cut first: {:#?}", world.log);
    }
}

/// In a swap and in a revert a start-first service that is served goes on being served, by a container that has proved itself. One that is
/// given up because it failed itself is no service.
fn who_serves_is_replaced_only_by_the_proven(world: &World, decision: &Decision, plan: &RoutePlan) {
    let Some(before) = &world.proxy.plan else { return };
    let (wanted, base) = (wanted(world, &decision.ledger), services(world, decision.ledger.base.as_ref()));
    for (name, routes) in &before.services {
        let served = |id: &str| world.bodies.values().any(|body| body.container.id == id && serves(body));
        let both = [&wanted, &base].map(|release| release.get(name).map(|(service, _)| &service.spec));
        let [Some(newer), Some(older)] = both else { continue };
        let side_by_side = newer.order == Order::StartFirst && older.order == Order::StartFirst;
        let is_routed = [newer, older].iter().all(|spec| spec.routed_ports().next().is_some());
        if !side_by_side || !is_routed || failed_itself(decision, name) {
            continue;
        }
        if routes.upstreams.iter().any(|upstream| served(&upstream.container)) {
            let next = &plan.services[name].upstreams;
            let proven = !next.is_empty() && next.iter().all(|upstream| served(&upstream.container));
            assert!(proven, "{name} is served, and would not be by {plan:#?}: {:#?}", world.log);
        }
    }
}

fn serves(body: &Body) -> bool {
    body.container.is_running() && body.ever_proven
}

fn failed_itself(decision: &Decision, name: &ServiceName) -> bool {
    let accepted = decision.ledger.accepted.as_ref().unwrap();
    let Some(End::Reverting { failure } | End::Reverted { failure }) = &accepted.end else { return false };
    failure.service.as_ref() == Some(name) && failure.kind.class() == CauseClass::Release
}

/// Holding does not outlive the swap.
fn only_what_has_ended_is_not_held(decision: &Decision, plan: &RoutePlan) {
    let accepted = decision.ledger.accepted.as_ref().unwrap();
    let ended = matches!(accepted.end, Some(End::Committed | End::Reverted { .. }));
    let held = plan.services.values().any(|routes| routes.holding || routes.failing);
    assert!(!ended || !held, "after the end nothing is held: {plan:#?}");
}
