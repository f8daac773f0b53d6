//! What the world must have come to once the disasters are over.

use evenkeel_model::{CauseKind, Content, Digest, Manifest, Service, ServiceName, Share, Stage};

use crate::world::{World, share};
use crate::{Container, End, Upstream};

fn fingerprints(content: Option<&Content>) -> Vec<(String, Digest)> {
    let services = services(content).into_iter();
    services.map(|(name, service)| (name.to_string(), service.fingerprint())).collect()
}

fn services(content: Option<&Content>) -> Vec<(ServiceName, Service)> {
    let manifest = content.map(|content| Manifest::decode(&content.manifest).unwrap());
    manifest.into_iter().flat_map(|manifest| manifest.services).collect()
}

fn bodies(world: &World, running: bool) -> Vec<(String, Digest)> {
    let bodies = world.bodies.values().filter(|body| body.container.is_running() == running);
    let mut bodies: Vec<_> =
        bodies.map(|body| (body.container.place.service.to_string(), body.container.fingerprint.clone())).collect();
    bodies.sort();
    bodies
}

/// What should have the traffic of a service: its ports, and who gets what of it.
type Routed = (ServiceName, Service, Vec<(Service, u32)>);

/// Whoever should serve has the traffic of its ports, and nobody else; nothing is held.
pub(super) fn the_right_one_is_routed_to(world: &World) {
    let Some(accepted) = &world.ledger.accepted else { return };
    if world.is_hindered() {
        return the_base_serves_somehow(world);
    }
    let wanted = services(accepted.assignment.content.as_ref());
    let base = services(world.ledger.base.as_ref());
    let below = share(&world.ledger).filter(|share| *share < Share::ALL);
    let expected = match (&accepted.end, below) {
        (Some(End::Reverting { .. } | End::Reverted { .. }), _) => alone(&base),
        (None, Some(share)) => beside(&wanted, &base, share),
        _ => alone(&wanted),
    };
    let plan = world.proxy.plan.clone().unwrap_or_default();
    for (name, service, upstreams) in &expected {
        let routes = &plan.services[name];
        assert!(below.is_some() || plan.services.len() == expected.len(), "{plan:#?} {:#?}", world.log);
        let ports: Vec<_> = service.spec.routed_ports().collect();
        let has_all = ports.iter().all(|port| routes.ports.contains(port));
        assert!(has_all && (below.is_some() || routes.ports.len() == ports.len()), "{plan:#?} {:#?}", world.log);
        let mut told: Vec<_> = routes.upstreams.iter().map(|upstream| told(world, upstream)).collect();
        let mut should: Vec<_> = upstreams.iter().map(|(service, weight)| (service.fingerprint(), *weight)).collect();
        told.sort();
        should.sort();
        assert_eq!(told, should, "{name}: {:#?}", world.log);
        assert!(!routes.holding && !routes.failing, "nothing is held any more: {:#?}", world.log);
    }
}

fn told(world: &World, upstream: &Upstream) -> (Digest, u32) {
    let is_it = |container: &Container| container.id == upstream.container;
    let body = world.bodies.values().find(|body| is_it(&body.container));
    (body.unwrap().container.fingerprint.clone(), upstream.weight)
}

fn is_routed(service: &Service) -> bool {
    service.spec.routed_ports().next().is_some()
}

fn alone(serves: &[(ServiceName, Service)]) -> Vec<Routed> {
    let routed = serves.iter().filter(|(_, service)| is_routed(service));
    routed.map(|(name, service)| (name.clone(), service.clone(), vec![(service.clone(), 1)])).collect()
}

/// What the old release has it keeps, and the new one gets its share of that.
fn beside(wanted: &[(ServiceName, Service)], base: &[(ServiceName, Service)], share: Share) -> Vec<Routed> {
    let newer = |name: &ServiceName| {
        wanted.iter().find(|(other, newer)| other == name && is_routed(newer)).map(|(_, newer)| newer)
    };
    let of_base = base.iter().filter(|(_, older)| is_routed(older)).map(|(name, older)| {
        let new = newer(name).filter(|newer| newer.fingerprint() != older.fingerprint());
        let new = new.filter(|newer| share > Share::NONE && newer.spec.why_not_divided(&older.spec).is_none());
        let upstreams = match new {
            Some(new) => vec![(older.clone(), share.rest()), (new.clone(), share.percent())],
            None => vec![(older.clone(), 1)],
        };
        (name.clone(), older.clone(), upstreams)
    });
    let old = |name: &ServiceName| base.iter().any(|(other, older)| other == name && is_routed(older));
    let ports: Vec<_> = base.iter().flat_map(|(_, older)| older.spec.routed_ports()).collect();
    let is_free = |newer: &Service| newer.spec.routed_ports().all(|port| !ports.iter().any(|had| had.meets(port)));
    let is_new = |(name, newer): &&(ServiceName, Service)| is_routed(newer) && !old(name) && is_free(newer);
    let of_new = wanted.iter().filter(is_new).map(|(name, newer)| {
        let upstreams = if share > Share::NONE { vec![(newer.clone(), 1)] } else { vec![] };
        (name.clone(), newer.clone(), upstreams)
    });
    of_base.chain(of_new).collect()
}

/// The service that can't be beside its old container may have been replaced before; whichever it is, it serves.
fn the_base_serves_somehow(world: &World) {
    let report = world.report.as_ref().unwrap();
    let cause = report.failure.as_ref().map(|failure| failure.kind);
    assert_eq!((report.stage, cause), (Stage::Working, Some(CauseKind::Unstartable)), "{report:#?}");
    let plan = world.proxy.plan.clone().unwrap_or_default();
    let wanted = services(world.ledger.accepted.as_ref().unwrap().assignment.content.as_ref());
    let gone = |name: &ServiceName| !wanted.iter().any(|(other, newer)| other == name && is_routed(newer));
    for (name, _) in services(world.ledger.base.as_ref()).into_iter().filter(|(_, older)| is_routed(older)) {
        let serves = plan.services.get(&name).is_some_and(|routes| !routes.upstreams.is_empty() && !routes.holding);
        assert!(serves || gone(&name), "{name}: {plan:#?} {:#?}", world.log);
    }
}

/// Exactly the right containers run, and nothing else is left but, before the commit, the base's.
pub(super) fn the_right_set_is_left(world: &World) {
    let Some(accepted) = &world.ledger.accepted else {
        assert!(world.bodies.is_empty());
        return;
    };
    let base = fingerprints(world.ledger.base.as_ref());
    let wanted = fingerprints(accepted.assignment.content.as_ref());
    let (running, stopped) = (bodies(world, true), bodies(world, false));
    let kept = fingerprints(world.ledger.blue.as_ref().map(|blue| &blue.content));
    let is_kept = |body: &&(String, Digest)| kept.contains(body) && !base.contains(body);
    let serving: Vec<_> = running.iter().filter(|body| !is_kept(body)).cloned().collect();
    match &accepted.end {
        Some(End::Committed) => assert_eq!((&serving, stopped.len()), (&wanted, 0), "{:#?}", world.log),
        Some(End::Reverted { .. }) => assert_eq!((&serving, stopped.len()), (&base, 0), "{:#?}", world.log),
        Some(End::Reverting { .. }) => {
            panic!("a revert that nothing stands in the way of has not ended: {:#?}", world.log)
        }
        None if world.is_hindered() => {
            let serves = |(name, _): &(String, Digest)| running.iter().any(|(other, _)| other == name);
            assert!(base.iter().all(serves), "{running:?} {base:?} {:#?}", world.log);
        }
        None => {
            let below = share(&world.ledger).is_some_and(|share| share < Share::ALL);
            // Beside the wanted ones the base's may run on, and have to below the full share.
            let missing = wanted.iter().filter(|wanted| !running.contains(wanted)).count();
            assert_eq!(missing, 0, "{running:?} {wanted:?} {:#?}", world.log);
            let serve_on = base.iter().all(|base| running.contains(base));
            assert!(!below || (serve_on && stopped.is_empty()), "{running:?} {base:?} {:#?}", world.log);
            let is_known = |body: &&(String, Digest)| wanted.contains(body) || base.contains(body);
            assert!(serving.iter().all(|body| is_known(&body)), "{:#?}", world.log);
            assert!(stopped.iter().all(|body| base.contains(body)), "{:#?}", world.log);
            let report = world.report.as_ref().unwrap();
            let undivided = report.failure.as_ref().is_some_and(|failure| failure.message.contains("can't be divided"));
            let stage = if undivided { Stage::Working } else { Stage::Trial };
            assert_eq!((report.stage, report.healthy), (stage, true), "{report:#?}");
        }
    }
}
