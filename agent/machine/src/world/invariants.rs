//! What must hold of every decision, each a named function. The world's own books, not the machine's memory, say what is proven.

use std::collections::BTreeMap;
use std::rc::Rc;

use evenkeel_model::{Content, Digest, Manifest, Monotonic, Order, Restart, Service, ServiceName, Stage};

use super::World;
use crate::report::stage_of;
use crate::{Action, Container, Decision, End, Engine, Ledger, Observed, Place};

/// More actions than any swap of the tests needs at one moment: beyond it, it is a busy loop.
const MOST_AT_ONCE: u32 = 60;

/// A release's services with what identifies their containers.
pub(super) type Services = BTreeMap<ServiceName, (Service, Digest)>;

/// What the invariants remember of the decisions before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    at_once: (Monotonic, u32),
    releases: BTreeMap<Digest, Rc<Services>>,
    /// The kept release, and since when this life of the agent has known of it.
    pub(super) blue: Option<(Digest, Monotonic)>,
}

impl Books {
    /// Another life of the agent counts anew.
    pub(super) fn forget_blue(&mut self) {
        self.blue = None;
    }
}

pub(crate) fn hold(world: &mut World, observed: &Observed, decision: &Decision) {
    learn(&mut world.books, &decision.ledger);
    waits_have_an_end(world.now, decision);
    only_known_containers_are_named(observed, &decision.action);
    a_down_engine_is_left_alone(observed, &decision.action);
    the_old_outlives_the_proof_of_the_new(world, decision);
    the_base_is_kept_until_the_commit(world, decision);
    a_reverted_release_is_not_tried_again(world, decision);
    health_is_never_claimed_without_proof(world, decision);
    it_ends_once(world, decision);
    attempts_are_bounded(world, &decision.action);
}

pub(crate) fn an_accepted_offer_keeps_the_base(before: &Ledger, after: &Ledger) {
    assert_eq!(before.base, after.base);
}

fn waits_have_an_end(now: Monotonic, decision: &Decision) {
    if decision.action != Action::Wait {
        return;
    }
    if let Some(wake_at) = decision.wake_at {
        assert!(wake_at > now, "a wait must not end before it begins: {decision:#?}");
    } else {
        let end = decision.ledger.accepted.as_ref().and_then(|accepted| accepted.end.as_ref());
        let ended = matches!(end, Some(End::Committed | End::Reverted { .. }));
        assert!(ended || decision.ledger.accepted.is_none(), "what has not ended must wake up: {decision:#?}");
    }
}

fn place(action: &Action) -> Option<&Place> {
    match action {
        Action::Start(place)
        | Action::Remove(place)
        | Action::Collect(place)
        | Action::Probe { place, .. }
        | Action::SetRestart { place, .. }
        | Action::Stop { place, .. } => Some(place),
        Action::Pull { .. }
        | Action::Create(_)
        | Action::Route(_)
        | Action::Cut { .. }
        | Action::Forget { .. }
        | Action::Wait => None,
    }
}

fn at<'a>(observed: &'a Observed, place: &Place) -> Option<&'a Container> {
    observed.containers.iter().find(|container| container.place == *place)
}

fn only_known_containers_are_named(observed: &Observed, action: &Action) {
    if let Some(place) = place(action) {
        assert!(at(observed, place).is_some(), "{action:?} names a container that was not seen");
    }
    if let Action::Create(plan) = action {
        assert!(at(observed, &plan.place).is_none(), "{action:?} goes where a container is");
    }
}

fn a_down_engine_is_left_alone(observed: &Observed, action: &Action) {
    assert!(
        matches!(observed.engine, Engine::Up { .. }) || *action == Action::Wait,
        "{action:?} of an engine that is down"
    );
}

fn learn(books: &mut Books, ledger: &Ledger) {
    let accepted = ledger.accepted.as_ref().and_then(|accepted| accepted.assignment.content.as_ref());
    let blue = ledger.blue.as_ref().map(|blue| &blue.content);
    for content in accepted.into_iter().chain(&ledger.base).chain(blue) {
        if !books.releases.contains_key(&content.digest) {
            let services = Manifest::decode(&content.manifest).unwrap().services.into_iter();
            let services = services.map(|(name, service)| (name, (service.clone(), service.fingerprint())));
            books.releases.insert(content.digest.clone(), Rc::new(services.collect()));
        }
    }
}

pub(super) fn services(world: &World, content: Option<&Content>) -> Rc<Services> {
    let Some(content) = content else { return Rc::default() };
    let all = &world.books.releases[&content.digest];
    if all.len() == content.services.len() {
        return all.clone();
    }
    let here = all.iter().filter(|(name, _)| content.services.contains(*name));
    Rc::new(here.map(|(name, service)| (name.clone(), service.clone())).collect())
}

pub(super) fn wanted(world: &World, ledger: &Ledger) -> Rc<Services> {
    services(world, ledger.accepted.as_ref().and_then(|accepted| accepted.assignment.content.as_ref()))
}

/// Whether the world itself has seen this service's container answer well as often as its rule asks.
fn is_proven(world: &World, name: &ServiceName, (service, fingerprint): &(Service, Digest)) -> bool {
    world.bodies.values().any(|body| {
        body.container.place.service == *name
            && body.container.fingerprint == *fingerprint
            && body.container.is_running()
            && body.good >= service.spec.health.successes
    })
}

/// Of a start-first service the base's container is not touched before the new one is proven; of a service that is no more,
/// not before all are.
fn the_old_outlives_the_proof_of_the_new(world: &World, decision: &Decision) {
    let (Action::Stop { place: taken, .. }
    | Action::SetRestart { place: taken, restart: Restart::No }
    | Action::Remove(taken)) = &decision.action
    else {
        return;
    };
    let ledger = &decision.ledger;
    let accepted = ledger.accepted.as_ref().unwrap();
    let container = &world.bodies[taken].container;
    let base = services(world, ledger.base.as_ref());
    let is_base = base.get(&taken.service).is_some_and(|(_, base)| *base == container.fingerprint);
    let is_stop = matches!(decision.action, Action::Stop { .. });
    let is_revival = is_stop && super::traffic::is_revival(world, decision, &world.bodies[taken]);
    let untouched = accepted.end.is_some() || accepted.assignment.content.is_none() || !is_base || is_revival;
    if untouched || !container.is_running() {
        return;
    }
    let wanted = wanted(world, ledger);
    match wanted.get(&taken.service) {
        Some((service, _)) if service.spec.order == Order::StopFirst => {}
        Some((service, _)) if is_adopted(service, &base[&taken.service].0) => {}
        Some(service) => {
            let duplicate = service.1 == container.fingerprint;
            assert!(!duplicate && is_proven(world, &taken.service, service), "{decision:#?}");
        }
        None => assert!(wanted.iter().all(|(name, service)| is_proven(world, name, service)), "{decision:#?}"),
    }
}

/// Whether the proxy takes over a port that the engine publishes for the base's container.
pub(super) fn is_adopted(wanted: &Service, base: &Service) -> bool {
    let direct = base.spec.ports.iter().filter(|port| !port.is_routed());
    direct.into_iter().any(|direct| wanted.spec.routed_ports().any(|routed| routed.published == direct.published))
}

fn the_base_is_kept_until_the_commit(world: &World, decision: &Decision) {
    let Action::Remove(place) = &decision.action else { return };
    let accepted = decision.ledger.accepted.as_ref().unwrap();
    if accepted.assignment.content.is_none() && accepted.end.is_none() {
        return;
    }
    let fingerprint = &world.bodies[place].container.fingerprint;
    let same = |of: &Digest| of == fingerprint;
    let base = services(world, decision.ledger.base.as_ref());
    let is_base = base.get(&place.service).is_some_and(|(_, base)| same(base));
    let twins = world
        .bodies
        .values()
        .filter(|body| body.container.place.service == place.service && same(&body.container.fingerprint));
    assert!(!is_base || twins.count() > 1, "the only container to go back to is removed: {decision:#?}");
}

fn a_reverted_release_is_not_tried_again(world: &World, decision: &Decision) {
    let accepted = decision.ledger.accepted.as_ref();
    let end = accepted.and_then(|accepted| accepted.end.as_ref());
    if let (Some(End::Reverting { .. } | End::Reverted { .. }), Action::Create(plan)) = (end, &decision.action) {
        let base = services(world, decision.ledger.base.as_ref());
        assert_eq!(base.get(&plan.place.service).map(|(service, _)| service), Some(&plan.service), "{decision:#?}");
    }
}

fn health_is_never_claimed_without_proof(world: &World, decision: &Decision) {
    let Some(report) = &decision.report else { return };
    let trial = report.stage == Stage::Trial;
    assert!(!trial || decision.ledger.accepted.as_ref().is_some_and(|accepted| accepted.end.is_none()));
    if !report.healthy {
        return;
    }
    for (name, (_, fingerprint)) in wanted(world, &decision.ledger).iter() {
        let runs = world.bodies.values().any(|body| {
            body.container.place.service == *name
                && body.container.fingerprint == *fingerprint
                && body.container.is_running()
                && body.proven
        });
        assert!(runs, "{name} is reported healthy without a proof: {decision:#?}");
    }
}

/// Compared with what is durable: a decision that was killed before its ledger was written has not been made.
fn it_ends_once(world: &World, decision: &Decision) {
    let (Some(before), Some(after)) = (&world.ledger.accepted, &decision.ledger.accepted) else { return };
    assert_eq!(before.assignment, after.assignment, "a decision changes no assignment");
    let (before, after) = (stage_of(before), stage_of(after));
    let allowed = match before {
        Stage::Working | Stage::Trial => true,
        Stage::Reverting => matches!(after, Stage::Reverting | Stage::Reverted),
        Stage::Committed | Stage::Reverted => after == before,
    };
    assert!(allowed, "it went from {before} to {after}: {decision:#?}");
}

fn attempts_are_bounded(world: &mut World, action: &Action) {
    let (now, count) = &mut world.books.at_once;
    if *now != world.now {
        (*now, *count) = (world.now, 0);
    }
    if *action != Action::Wait {
        *count += 1;
    }
    assert!(*count <= MOST_AT_ONCE, "a busy loop ends in {action:?}: {:#?}", world.log);
}
