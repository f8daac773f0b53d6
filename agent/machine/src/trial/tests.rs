//! The trial: its probes, its end by commit or withdrawal, and orphans.

use evenkeel_model::{CauseKind, Phase, Refusal};

use crate::End;
use crate::world::{World, check};

fn in_trial(text: &str) -> World {
    let mut world = World::serving("web:good-1");
    world.deploy(text);
    world.run(8);
    assert_eq!(world.end(), "trial");
    world
}

#[test]
fn a_container_that_turns_sick_or_ends_in_the_bake_is_taken_back() {
    for (text, cause) in [("web:sick-2", CauseKind::Unhealthy), ("web:dies-2", CauseKind::Exited)] {
        let mut world = in_trial(text);
        world.connected = false;
        check(&mut world, 40, "reverted | running web:good-1 | stopped -");
        assert_eq!(world.cause(), Some(cause));
    }
}

#[test]
fn a_kept_container_that_crashes_and_is_started_again_by_the_engine_counts_as_ended() {
    let mut world = World::serving("db:good-1 web:good-1");
    world.deploy("db:good-1 web:good-2");
    world.run(8);
    world.bodies.values_mut().next().unwrap().crash(1, false);
    check(&mut world, 40, "reverted | running db:good-1 web:good-1 | stopped -");
    assert_eq!(world.cause(), Some(CauseKind::Exited));
}

#[test]
fn commit_and_base_are_one_write_and_then_the_old_one_goes() {
    let mut world = in_trial("web:good-2");
    world.order(Phase::Committed).unwrap();
    check(&mut world, 20, "committed | running web:good-2 | stopped -");
    let accepted = world.ledger.accepted.as_ref().unwrap();
    assert_eq!((&accepted.end, &world.ledger.base), (&Some(End::Committed), &accepted.assignment.content));
    assert_eq!(world.order(Phase::Withdrawn), Err(Refusal::AlreadyCommitted));
}

#[test]
fn a_commit_that_comes_early_waits_for_the_proof_and_for_nothing_if_that_fails() {
    let mut world = World::serving("web:good-1");
    world.deploy_as("web:unready-2", Phase::Committed);
    check(&mut world, 60, "reverted | running web:good-1 | stopped -");
    assert_eq!(world.order(Phase::Committed), Err(Refusal::AlreadyReverted));
}

#[test]
fn withdrawn_in_trial_goes_back_and_can_not_be_committed_any_more() {
    let mut world = in_trial("web:good-2");
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 20, "reverted | running web:good-1 | stopped -");
    assert_eq!(world.cause(), Some(CauseKind::Withdrawn));
    let before = world.ledger.clone();
    assert_eq!(world.order(Phase::Committed), Err(Refusal::AlreadyReverted));
    assert_eq!(world.ledger, before);
}

#[test]
fn an_orphan_stays_or_goes_back_as_its_release_says() {
    for (text, end) in [("web:good-2", "trial"), ("web:good-2 orphans-revert", "reverted")] {
        let mut world = in_trial(text);
        world.connected = false;
        world.run(80);
        assert_eq!(world.end(), "trial", "{text}");
        world.run(30);
        assert_eq!(world.end(), end, "{text}");
    }
}

#[test]
fn an_orphan_that_stays_says_so_and_goes_on_probing() {
    let mut world = in_trial("web:good-2");
    world.connected = false;
    world.run(300);
    let report = world.report.clone().unwrap();
    assert!(report.healthy && report.why.contains("no coordinator is heard"), "{}", report.why);
    let body = world.bodies.values().find(|body| body.container.is_running()).unwrap();
    assert!(body.good > 100);
}

#[test]
fn waiting_at_a_gate_with_the_coordinator_alive_never_orphans() {
    let mut world = in_trial("web:good-2 orphans-revert");
    world.run(3600);
    assert_eq!(world.end(), "trial");
}

#[test]
fn an_agent_that_starts_unheard_counts_from_its_own_start() {
    let mut world = in_trial("web:good-2 orphans-revert");
    world.connected = false;
    world.run(80);
    world.kill();
    world.run(80);
    assert_eq!(world.end(), "trial");
    world.run(20);
    assert_eq!((world.end(), world.cause()), ("reverted", Some(CauseKind::Orphaned)));
}

#[test]
fn a_reboot_in_trial_starts_the_new_one_again_and_proves_it_afresh() {
    let mut world = in_trial("web:good-2");
    world.reboot();
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1");
    world.reboot();
    world.bodies.values_mut().for_each(|body| {
        body.service.image = crate::world::release("web:unready-9").services.into_values().next().unwrap().image;
    });
    world.run(60);
    assert_eq!((world.end(), world.cause()), ("reverted", Some(CauseKind::HealthTimeout)));
}

#[test]
fn an_engine_that_is_down_is_the_obstacle_while_working_and_no_reason_to_revert() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.engine_down(600);
    world.run(300);
    let report = world.report.clone().unwrap();
    assert_eq!((report.healthy, world.cause(), world.end()), (false, Some(CauseKind::EngineUnavailable), "working"));
    world.run(300);
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1");
}
