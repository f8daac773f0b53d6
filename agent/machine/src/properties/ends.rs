//! What the world must have come to once the disasters are over.

use evenkeel_model::{Digest, Manifest, Stage};

use crate::End;
use crate::world::World;

fn fingerprints(content: Option<&evenkeel_model::Content>) -> Vec<(String, Digest)> {
    let Some(content) = content else { return Vec::new() };
    let manifest = Manifest::decode(&content.manifest).unwrap();
    manifest.services.iter().map(|(name, service)| (name.to_string(), service.fingerprint())).collect()
}

fn bodies(world: &World, running: bool) -> Vec<(String, Digest)> {
    let bodies = world.bodies.values().filter(|body| body.container.is_running() == running);
    let mut bodies: Vec<_> =
        bodies.map(|body| (body.container.place.service.to_string(), body.container.fingerprint.clone())).collect();
    bodies.sort();
    bodies
}

/// Whoever should serve has the traffic of its ports, and nobody else; nothing is held.
pub(super) fn the_right_one_is_routed_to(world: &World) {
    let Some(accepted) = &world.ledger.accepted else { return };
    let serves = match &accepted.end {
        Some(End::Reverting { .. } | End::Reverted { .. }) => world.ledger.base.as_ref(),
        Some(End::Committed) | None => accepted.assignment.content.as_ref(),
    };
    let manifest = serves.map(|content| Manifest::decode(&content.manifest).unwrap());
    let services = manifest.iter().flat_map(|manifest| &manifest.services);
    let expected: Vec<_> = services.filter(|(_, service)| service.spec.routed_ports().next().is_some()).collect();
    let plan = world.proxy.plan.clone().unwrap_or_default();
    assert_eq!(plan.services.len(), expected.len(), "{plan:#?} {:#?}", world.log);
    for (name, service) in expected {
        let routes = &plan.services[name];
        let ports: Vec<_> = service.spec.routed_ports().cloned().collect();
        let fingerprint = service.fingerprint();
        let body = world
            .bodies
            .values()
            .find(|body| body.container.fingerprint == fingerprint && body.container.place.service == *name);
        let upstreams: Vec<_> = routes.upstreams.iter().map(|upstream| upstream.container.clone()).collect();
        assert_eq!((&routes.ports, upstreams), (&ports, vec![body.unwrap().container.id.clone()]), "{:#?}", world.log);
        assert!(!routes.holding && !routes.failing, "nothing is held any more: {:#?}", world.log);
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
    match &accepted.end {
        Some(End::Committed) => assert_eq!((&running, stopped.len()), (&wanted, 0), "{:#?}", world.log),
        Some(End::Reverted { .. }) => assert_eq!((&running, stopped.len()), (&base, 0), "{:#?}", world.log),
        Some(End::Reverting { .. }) => {
            panic!("a revert that nothing stands in the way of has not ended: {:#?}", world.log)
        }
        None => {
            // Beside the wanted ones the base's may run on.
            let missing = wanted.iter().filter(|wanted| !running.contains(wanted)).count();
            assert_eq!(missing, 0, "{running:?} {wanted:?} {:#?}", world.log);
            assert!(running.iter().all(|body| wanted.contains(body) || base.contains(body)), "{:#?}", world.log);
            assert!(stopped.iter().all(|body| base.contains(body)), "{:#?}", world.log);
            let report = world.report.as_ref().unwrap();
            assert_eq!((report.stage, report.healthy), (Stage::Trial, true), "{report:#?}");
        }
    }
}
