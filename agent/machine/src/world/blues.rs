//! What must hold of every decision as long as what a commit replaced is kept: it runs on for its time, gets nothing, and is never started.

use evenkeel_model::{Digest, Restart};

use super::World;
use super::engine::Body;
use super::invariants::{services, wanted};
use super::shares::side_by_side;
use crate::{Action, Decision, End};

pub(super) fn hold(world: &mut World, decision: &Decision) {
    let known = decision.ledger.blue.as_ref().map(|blue| blue.content.digest.clone());
    let before = world.books.blue.take();
    let fresh = || known.clone().map(|digest| (digest, world.now));
    world.books.blue = before.filter(|(digest, _)| Some(digest) == known.as_ref()).or_else(fresh);
    what_is_kept_gets_nothing(world, decision);
    what_is_kept_runs_on_for_its_time(world, decision);
    what_is_kept_is_never_started(world, decision);
}

/// Whether the container was made of the kept release alone.
fn is_blue(world: &World, decision: &Decision, fingerprint: &Digest, body: &Body) -> bool {
    let name = &body.container.place.service;
    let same = |content| services(world, content).get(name).is_some_and(|(_, digest)| digest == fingerprint);
    let blue = decision.ledger.blue.as_ref().map(|blue| &blue.content);
    let new = wanted(world, &decision.ledger).get(name).is_some_and(|(_, digest)| digest == fingerprint);
    same(blue) && !new && !same(decision.ledger.base.as_ref())
}

fn what_is_kept_gets_nothing(world: &World, decision: &Decision) {
    let Action::Route(plan) = &decision.action else { return };
    for upstream in plan.services.values().flat_map(|routes| &routes.upstreams) {
        let body = world.bodies.values().find(|body| body.container.id == upstream.container).unwrap();
        assert!(!is_blue(world, decision, &body.container.fingerprint, body), "{decision:#?}");
    }
}

fn what_is_kept_runs_on_for_its_time(world: &World, decision: &Decision) {
    let place = match &decision.action {
        Action::Stop { place, .. } | Action::Remove(place) => place,
        Action::SetRestart { place, restart } if *restart != Restart::No => place,
        _ => return,
    };
    let (Some(blue), Some((_, since))) = (&decision.ledger.blue, &world.books.blue) else { return };
    let body = &world.bodies[place];
    let committed = decision.ledger.accepted.as_ref().is_some_and(|accepted| accepted.end == Some(End::Committed));
    let (before, serves) = (services(world, Some(&blue.content)), services(world, decision.ledger.base.as_ref()));
    let is_alone = !serves.contains_key(&place.service);
    let has_place = side_by_side(&serves, &before, &place.service) && !(is_alone && body.alone());
    let is_kept =
        is_blue(world, decision, &body.container.fingerprint, body) && body.container.is_running() && has_place;
    let in_time = world.now < *since + blue.keep;
    assert!(!(committed && is_kept && in_time), "{decision:#?}");
}

fn what_is_kept_is_never_started(world: &World, decision: &Decision) {
    if let Action::Start(place) = &decision.action {
        let body = &world.bodies[place];
        assert!(!is_blue(world, decision, &body.container.fingerprint, body), "{decision:#?}");
    }
}
