//! The way back.

use evenkeel_model::{CauseKind, Digest, Millis, Phase, ProbeEvidence, Restart, Stage};

use crate::world::{World, check};
use crate::{Action, Inputs, Ledger, Memory, Outcome, decide};

#[test]
fn trap_1_stop_first_whose_create_or_start_fails_brings_the_old_one_back() {
    for image in ["uncreatable-2", "unstartable-2", "taken-2", "crash-2"] {
        let mut world = World::serving("web:good-1:stop-first");
        world.deploy(&format!("web:{image}:stop-first"));
        check(&mut world, 60, "reverted | running web:good-1 | stopped -");
    }
}

#[test]
fn stop_first_stops_the_new_before_the_old_starts() {
    let mut world = World::serving("web:good-1:stop-first");
    world.deploy("web:good-2:stop-first");
    world.run(20);
    world.forget_the_past();
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 20, "reverted | running web:good-1 | stopped -");
    assert_eq!(world.log, ["stop web.b", "start web.a", "set-restart web.a UnlessStopped", "remove web.b"]);
}

#[test]
fn start_first_brings_the_old_up_before_the_new_goes() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.run(20);
    world.forget_the_past();
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 20, "reverted | running web:good-1 | stopped -");
    assert_eq!(world.log, ["start web.a", "set-restart web.a UnlessStopped", "stop web.b", "remove web.b"]);
    assert!(world.gaps.is_empty());
}

#[test]
fn start_first_keeps_the_new_as_long_as_the_old_can_not_start() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.run(20);
    world.fault("start", CauseKind::Unstartable, 3);
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 50, "reverting | running web:good-2 | stopped web:good-1");
    check(&mut world, 60, "reverted | running web:good-1 | stopped -");
}

#[test]
fn a_base_container_removed_by_hand_is_made_anew() {
    for images_are_gone in [false, true] {
        let mut world = World::serving("web:good-1");
        world.deploy("web:good-2");
        world.run(20);
        world.bodies.retain(|_, body| body.container.is_running());
        if images_are_gone {
            world.images.clear();
        }
        world.order(Phase::Withdrawn).unwrap();
        check(&mut world, 20, "reverted | running web:good-1 | stopped -");
        let container = &world.bodies.values().next().unwrap().container;
        assert_eq!((container.release.0, container.restart), (1, Restart::UnlessStopped));
    }
}

#[test]
fn a_revert_never_gives_up_and_never_hurries() {
    for (kind, most) in [(CauseKind::RegistryUnreachable, 30), (CauseKind::ImageNotFound, 22)] {
        let mut world = World::serving("web:good-1");
        world.deploy("web:good-2");
        world.run(20);
        world.bodies.retain(|_, body| body.container.is_running());
        world.images.clear();
        world.fault("pull", kind, 1000);
        world.forget_the_past();
        world.order(Phase::Withdrawn).unwrap();
        check(&mut world, 600, "reverting | running web:good-2 | stopped -");
        assert!((15..most).contains(&world.log.len()), "{:?}", world.log);
        assert!(world.report.as_ref().unwrap().why.contains("pulling"), "{}", world.report.unwrap().why);
        world.faults.clear();
        check(&mut world, 60, "reverted | running web:good-1 | stopped -");
    }
}

#[test]
fn each_service_comes_back_without_waiting_for_another_s_trouble() {
    let mut world = World::serving("db:good-1 web:good-1:stop-first");
    world.deploy("db:good-2 web:good-2:stop-first");
    world.run(20);
    world.bodies.retain(|place, body| body.container.is_running() || place.service.as_str() == "web");
    world.images.clear();
    world.fault("pull", CauseKind::RegistryUnreachable, 1000);
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 60, "reverting | running db:good-2 web:good-1 | stopped -");
}

#[test]
fn after_the_revert_the_base_is_probed_and_reported_as_it_is() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:crash-2");
    world.run(30);
    let report = world.report.clone().unwrap();
    let web = &report.services[&"web".parse().unwrap()];
    assert_eq!((web.release.0, web.running, web.healthy, report.healthy), (1, true, true, false));
    assert_eq!((report.release.unwrap().0, report.base.unwrap().0), (2, 1));
}

#[test]
fn a_base_that_does_not_answer_ends_the_revert_all_the_same() {
    let mut world = World::serving("web:good-1");
    world
        .bodies
        .values_mut()
        .for_each(|body| body.service = crate::world::release("web:unready-1").services.into_values().next().unwrap());
    world.deploy("web:crash-2");
    world.run(30);
    let report = world.report.clone().unwrap();
    assert_eq!((world.end(), report.services[&"web".parse().unwrap()].healthy), ("reverted", false));
}

/// As after a downgrade of the agent. What the world does by itself can't be asked here: its books read every manifest.
#[test]
fn a_base_that_can_not_be_read_leaves_whatever_may_be_needed_alone_and_is_said() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.run(20);
    let mut ledger = world.ledger.clone();
    let base = ledger.base.as_mut().unwrap();
    base.manifest = b"{\"format\":99}".to_vec();
    base.digest = Digest::of(&base.manifest);
    let (observed, mut memory, mut now) = (world.observed(), Memory::default(), world.now);
    let mut step = |ledger: &Ledger| {
        now = now + Millis::seconds(3);
        memory.observe(ledger, &observed, now);
        let decision = decide(&Inputs { ledger, observed: &observed, memory: &memory, now });
        assert!(matches!(decision.action, Action::Wait | Action::Probe { .. }), "{:?}", decision.action);
        let evidence = ProbeEvidence { request: String::new(), answer: String::new() };
        memory.record(&decision.action, &Outcome::Probed { healthy: true, evidence }, now);
        decision
    };
    let proven = (0..6).map(|_| step(&ledger)).last().unwrap();
    assert_eq!(proven.report.unwrap().stage, Stage::Trial, "the other container is kept: the base may be in it");
    ledger.accepted.as_mut().unwrap().assignment.phase = Phase::Withdrawn;
    let stuck = (0..6).map(|_| step(&ledger)).last().unwrap();
    assert_eq!(stuck.report.unwrap().stage, Stage::Reverting);
    assert!(stuck.wake_at.is_some() && stuck.why.contains("can't be read"), "{}", stuck.why);
}

#[test]
fn a_revert_that_would_have_to_pull_waits_for_room_on_the_disk() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.run(20);
    world.bodies.retain(|_, body| body.container.is_running());
    world.images.clear();
    world.disk_low = Some("the disk is nearly full".to_owned());
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 600, "reverting | running web:good-2 | stopped -");
    world.disk_low = None;
    check(&mut world, 60, "reverted | running web:good-1 | stopped -");
}
