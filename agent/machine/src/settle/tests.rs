//! After the end.

use evenkeel_model::{Phase, Restart};

use crate::ContainerState;
use crate::world::{World, check};

#[test]
fn what_serves_gets_its_restart_and_all_else_goes() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.run(20);
    world.forget_the_past();
    world.order(Phase::Committed).unwrap();
    check(&mut world, 20, "committed | running web:good-2 | stopped -");
    assert_eq!(world.log, ["set-restart web.b UnlessStopped", "remove web.a"]);
}

#[test]
fn a_committed_container_found_ended_is_started_once_in_a_session() {
    let mut world = World::serving("web:good-1");
    for body in world.bodies.values_mut() {
        body.container.state = ContainerState::Exited { code: 0, oom_killed: false };
    }
    world.run(60);
    assert_eq!((world.log.len(), world.report.clone().unwrap().healthy), (0, false), "it was seen running before");
    world.kill();
    check(&mut world, 20, "committed | running web:good-1 | stopped -");
    assert_eq!(world.log, ["start web.a"]);
    assert!(world.report.unwrap().healthy);
}

#[test]
fn a_committed_container_that_may_stay_ended_is_left_alone() {
    let mut world = World::serving("web:good-1:restart-no");
    world.reboot();
    check(&mut world, 60, "committed | running - | stopped web:good-1");
    assert!(world.log.is_empty());
}

#[test]
fn a_committed_container_that_is_missing_is_made_again_once_in_a_session() {
    let mut world = World::serving("web:good-1");
    world.kill();
    world.bodies.clear();
    check(&mut world, 20, "committed | running web:good-1 | stopped -");
    world.bodies.clear();
    check(&mut world, 300, "committed | running - | stopped -");
    assert_eq!(world.log.iter().filter(|action| action.starts_with("create")).count(), 1);
}

#[test]
fn a_committed_release_that_turns_sick_is_reported_and_never_reverted() {
    let mut world = World::new();
    world.deploy_as("web:sick-1", Phase::Committed);
    world.run_until(|world| world.log.contains(&"stop web.a".to_owned()));
    let report = world.report.clone().unwrap();
    assert_eq!((report.healthy, report.failure), (false, None));
    check(&mut world, 60, "committed | running web:sick-1 | stopped -");
}

#[test]
fn services_that_are_well_are_asked_at_the_same_moments_whenever_they_began() {
    let mut world = World::new();
    world.deploy_as("web:good-1", Phase::Committed);
    world.run(33);
    world.deploy_as("web:good-1 api:good-1", Phase::Committed);
    let asked = |world: &World| -> Vec<u64> {
        let seen = world.bodies.values().filter_map(|body| world.memory.seen(&body.container.id)?.asked);
        seen.map(|at| at.0 / 1000).collect()
    };
    world.run(61);
    let before = asked(&world);
    assert!(before.len() == 2 && before[0] == before[1], "in one go, in seconds: {before:?}");
    world.run(10);
    assert_eq!(asked(&world), [before[0] + 10; 2]);
}

#[test]
fn a_crash_between_commit_and_restart_policy_does_not_leave_it_dead() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.run(20);
    world.order(Phase::Committed).unwrap();
    world.fault("set-restart", evenkeel_model::CauseKind::EngineUnavailable, 1);
    world.run_until(|world| world.ledger.accepted.as_ref().unwrap().end.is_some());
    world.bodies.values_mut().for_each(|body| {
        if body.container.is_running() {
            body.crash(1, false);
        }
    });
    check(&mut world, 30, "committed | running web:good-2 | stopped -");
    assert_eq!(world.bodies.values().next().unwrap().container.restart, Restart::UnlessStopped);
}

#[test]
fn after_a_revert_the_base_is_kept_up_likewise() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:crash-2");
    world.run(20);
    world.kill();
    world.bodies.clear();
    check(&mut world, 20, "reverted | running web:good-1 | stopped -");
}

#[test]
fn the_report_of_the_end_says_what_the_host_has_come_to_while_it_still_tidies_up() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.run(20);
    world.order(Phase::Committed).unwrap();
    world.run_until(|world| world.end() == "committed");
    let why = world.report.as_ref().unwrap().why.clone();
    assert_eq!(why, "the release is final here; setting what the engine does when web.b ends");
    world.run(20);
    assert_eq!(world.report.unwrap().why, "the release is final here");
}

#[test]
fn what_is_well_is_asked_less_often_after_the_end_and_what_said_no_as_its_rule_says() {
    let mut world = World::serving("web:good-1");
    let probes = |world: &mut World, seconds: u64| {
        let before = world.steps;
        world.run(seconds);
        world.steps - before
    };
    // Each probe is a step, and so is each wait between two.
    assert!(probes(&mut world, 60) <= 14);
    let sick = crate::world::release("web:unready-1").services.into_values().next().unwrap();
    world.bodies.values_mut().for_each(|body| body.service.image = sick.image.clone());
    world.run(15);
    assert!(!world.report.as_ref().unwrap().healthy, "ten seconds, and the two it needs after the first bad answer");
    assert!(probes(&mut world, 60) >= 58);
}

#[test]
fn a_container_that_is_seen_without_an_address_is_named_and_keeps_its_route() {
    let mut world = World::serving("web:good-1:routed");
    world.bodies.values_mut().for_each(|body| body.container.address = None);
    world.run(20);
    let why = world.report.as_ref().unwrap().why.clone();
    assert!(why.contains("web.a has no address of its own"), "{why}");
    assert_eq!(world.state(), "committed | running web:good-1 | stopped - | to web:good-1");
}
