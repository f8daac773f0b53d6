//! The way forward, row by row, and with every disaster at every step.

use evenkeel_model::{CauseKind, Monotonic, Phase};

use crate::world::{Disaster, Kill, World, assignment, check, release};

mod disasters;

#[test]
fn start_first_proves_the_new_before_the_old_is_stopped() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1");
    assert_eq!(world.log, ["pull good-2", "create web.b", "start web.b", "set-restart web.a No", "stop web.a"],);
    assert!(world.gaps.is_empty());
    assert!(world.report.as_ref().unwrap().healthy);
}

#[test]
fn stop_first_stops_the_old_only_when_all_is_ready() {
    let mut world = World::serving("web:good-1:stop-first");
    world.deploy("web:good-2:stop-first");
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1");
    assert_eq!(world.log, ["pull good-2", "create web.b", "set-restart web.a No", "stop web.a", "start web.b"],);
}

#[test]
fn trap_2_a_pull_that_fails_leaves_the_old_container_untouched() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:gone-2");
    check(&mut world, 20, "reverted | running web:good-1 | stopped -");
    assert_eq!(
        (world.log.as_slice(), world.cause()),
        (&["pull gone-2".to_owned()][..], Some(CauseKind::ImageNotFound))
    );
}

#[test]
fn a_registry_that_comes_back_within_the_budget_costs_nothing_but_time() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.fault("pull", CauseKind::RegistryUnreachable, 4);
    check(&mut world, 5, "working | running web:good-1 | stopped -");
    assert_eq!(world.cause(), Some(CauseKind::RegistryUnreachable));
    check(&mut world, 30, "trial | running web:good-2 | stopped web:good-1");
    assert_eq!(world.cause(), None);
}

#[test]
fn a_registry_that_stays_away_fails_the_host_at_the_pull_deadline() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.fault("pull", CauseKind::RegistryUnreachable, 1000);
    check(&mut world, 59, "working | running web:good-1 | stopped -");
    check(&mut world, 2, "reverted | running web:good-1 | stopped -");
    assert_eq!(world.cause(), Some(CauseKind::RegistryUnreachable));
    assert!(world.log.len() < 10, "{:?}", world.log);
}

#[test]
fn each_way_to_fail_ends_with_the_old_one_serving_and_the_true_cause() {
    let rows = [
        ("uncreatable-2", CauseKind::Unstartable),
        ("unstartable-2", CauseKind::Unstartable),
        ("taken-2", CauseKind::PortTaken),
        ("crash-2", CauseKind::Exited),
        ("oom-2", CauseKind::OutOfMemory),
        ("sick-2", CauseKind::Unhealthy),
        ("dies-2", CauseKind::Exited),
        ("unready-2", CauseKind::HealthTimeout),
        ("gone-2", CauseKind::ImageNotFound),
    ];
    for order in ["", ":stop-first"] {
        for (image, cause) in rows {
            let mut world = World::serving(&format!("web:good-1{order}"));
            world.deploy(&format!("web:{image}{order}"));
            check(&mut world, 60, "reverted | running web:good-1 | stopped -");
            assert_eq!(world.cause(), Some(cause), "{image}");
            assert_eq!(world.report.as_ref().unwrap().base.unwrap().0, 1);
            // Of the sick and the mortal ones the old one is stopped already when it shows.
            let late = ["sick-2", "dies-2"].contains(&image);
            assert!(late || !order.is_empty() || world.gaps.is_empty(), "{image}: {:?}", world.log);
        }
    }
}

#[test]
fn the_proof_is_gathered_once_and_before_anything_is_stopped() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:unready-2");
    world.run(60);
    let collected: Vec<_> = world.log.iter().filter(|action| action.starts_with("collect")).collect();
    assert_eq!(collected, ["collect web.b"]);
    let position = |action: &str| world.log.iter().position(|logged| logged == action).unwrap();
    assert!(position("collect web.b") < position("stop web.b"));
    let failure = world.report.unwrap().failure.unwrap();
    assert_eq!(failure.service, Some("web".parse().unwrap()));
    assert_eq!(failure.evidence.log, ["last words"]);
    assert!(failure.evidence.probe.unwrap().answer.starts_with("503"));
    assert!(failure.message.contains("not healthy within 30s"), "{}", failure.message);
}

#[test]
fn a_proof_that_can_not_be_had_does_not_hold_up_the_revert() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:crash-2");
    world.fault("collect", CauseKind::EngineUnavailable, 1000);
    check(&mut world, 20, "reverted | running web:good-1 | stopped -");
    let failure = world.report.unwrap().failure.unwrap();
    assert_eq!((failure.kind, failure.evidence.exit_code), (CauseKind::Exited, Some(1)));
}

#[test]
fn a_port_that_is_taken_for_a_while_is_waited_for() {
    let mut world = World::serving("web:good-1:stop-first");
    world.deploy("web:good-2:stop-first");
    world.fault("start", CauseKind::PortTaken, 3);
    check(&mut world, 4, "working | running - | stopped web:good-1 web:good-2");
    assert_eq!(world.cause(), Some(CauseKind::PortTaken));
    check(&mut world, 30, "trial | running web:good-2 | stopped web:good-1");
}

#[test]
fn an_old_one_that_can_not_be_stopped_fails_the_swap_in_the_end() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.fault("stop", CauseKind::EngineUnavailable, 6);
    check(&mut world, 120, "reverted | running web:good-1 | stopped -");
    assert_eq!(world.cause(), Some(CauseKind::EngineUnavailable));
}

#[test]
fn a_service_that_does_not_change_is_not_touched() {
    let mut world = World::serving("db:good-1 web:good-1");
    world.deploy("db:good-1 web:good-2");
    check(&mut world, 20, "trial | running db:good-1 web:good-2 | stopped web:good-1");
    assert!(world.log.iter().all(|action| !action.contains(" db.")), "{:?}", world.log);
    world.order(Phase::Committed).unwrap();
    check(&mut world, 20, "committed | running db:good-1 web:good-2 | stopped -");
    assert!(world.log.iter().all(|action| !action.contains(" db.")), "{:?}", world.log);
}

#[test]
fn a_generation_that_names_what_runs_changes_nothing() {
    let mut world = World::serving("db:good-1 web:good-1");
    world.deploy("db:good-1 web:good-1");
    check(&mut world, 20, "trial | running db:good-1 web:good-1 | stopped -");
    world.order(Phase::Committed).unwrap();
    check(&mut world, 20, "committed | running db:good-1 web:good-1 | stopped -");
    assert_eq!(world.log, [""; 0]);
}

#[test]
fn a_failure_in_the_second_service_takes_the_first_back_too() {
    let mut world = World::serving("db:good-1 web:good-1");
    world.deploy("db:good-2 web:crash-2");
    check(&mut world, 60, "reverted | running db:good-1 web:good-1 | stopped -");
    assert_eq!(world.cause(), Some(CauseKind::Exited));
    let starts: Vec<_> = world.log.iter().filter(|action| action.starts_with("start")).collect();
    assert_eq!(starts, ["start db.b", "start web.b", "start db.a"]);
}

#[test]
fn all_images_are_here_before_the_first_container_is_touched() {
    let mut world = World::serving("db:good-1 web:good-1");
    world.deploy("db:good-2 web:gone-2");
    check(&mut world, 60, "reverted | running db:good-1 web:good-1 | stopped -");
    assert_eq!(world.log, ["pull good-2", "pull gone-2"]);
}

#[test]
fn a_service_that_is_no_more_is_stopped_last_and_kept_until_the_commit() {
    let mut world = World::serving("db:good-1 web:good-1");
    world.deploy("web:good-2");
    check(&mut world, 20, "trial | running web:good-2 | stopped db:good-1 web:good-1");
    assert_eq!(world.log.last().unwrap(), "stop db.a");
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 20, "reverted | running db:good-1 web:good-1 | stopped -");
}

#[test]
fn an_image_that_is_here_is_not_pulled_and_one_that_vanishes_is_pulled_again() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.run_until(|world| world.log.contains(&"pull good-2".to_owned()));
    world.images.clear();
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1");
    assert_eq!(world.log[..3], ["pull good-2", "pull good-2", "create web.b"]);
}

#[test]
fn a_first_deploy_that_fails_leaves_nothing() {
    let mut world = World::new();
    world.deploy("web:crash-1");
    check(&mut world, 20, "reverted | running - | stopped -");
    assert_eq!(world.report.unwrap().base, None);
}

#[test]
fn a_removal_takes_everything_away_and_is_final() {
    for phase in [Phase::Trial, Phase::Committed] {
        let mut world = World::serving("db:good-1 web:good-1");
        world.deploy_as("", phase);
        check(&mut world, 20, "committed | running - | stopped -");
        assert_eq!(world.ledger.base, None);
        let report = world.report.unwrap();
        assert_eq!((report.healthy, report.release), (true, None));
    }
}

#[test]
fn a_newer_generation_in_mid_revert_brings_the_old_one_back_before_it_pulls() {
    let mut world = World::serving("web:good-1:stop-first");
    world.deploy("web:crash-2:stop-first");
    world.run_until(|world| world.log.contains(&"collect web.b".to_owned()));
    world.disaster = Some((world.steps, Disaster::Kill(Kill::BeforeAct)));
    world.step(Monotonic(u64::MAX));
    assert_eq!(world.state(), "reverting | running - | stopped web:good-1 web:crash-2");
    world.deploy("web:good-3:stop-first");
    world.fault("pull", CauseKind::RegistryUnreachable, 5);
    check(&mut world, 4, "working | running web:good-1 | stopped web:crash-2");
    check(&mut world, 60, "trial | running web:good-3 | stopped web:good-1");
}

#[test]
fn pulls_that_succeed_without_effect_end_at_the_pull_deadline() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:vanishing-2");
    check(&mut world, 59, "working | running web:good-1 | stopped -");
    check(&mut world, 2, "reverted | running web:good-1 | stopped -");
    assert_eq!(world.cause(), Some(CauseKind::PullTimeout));
}

#[test]
fn a_host_that_runs_no_service_of_the_release_is_in_trial_and_wakes_up() {
    let mut assignment = assignment(9, "web:good-1", Phase::Trial);
    assignment.content.as_mut().unwrap().services.clear();
    let mut world = World::serving("web:good-1");
    world.accept(&assignment).unwrap();
    world.connected = false;
    check(&mut world, 200, "trial | running - | stopped web:good-1");
    world.order(Phase::Committed).unwrap();
    check(&mut world, 40, "committed | running - | stopped -");
}

#[test]
fn an_old_one_that_says_no_does_not_hold_up_the_generation_that_mends_it() {
    let mut world = World::serving("web:good-1");
    let broken = release("web:unready-1").services.into_values().next().unwrap();
    world.bodies.values_mut().next().unwrap().service.image = broken.image;
    world.deploy("web:unready-2");
    world.run(10);
    world.deploy("web:good-3");
    check(&mut world, 20, "trial | running web:good-3 | stopped web:unready-1");
}

#[test]
fn an_old_one_that_ended_by_itself_is_not_started_on_the_way_forward() {
    let mut world = World::serving("web:good-1:restart-no");
    world.reboot();
    world.deploy("web:good-2:restart-no");
    world.fault("pull", CauseKind::RegistryUnreachable, 3);
    check(&mut world, 60, "trial | running web:good-2 | stopped web:good-1");
    assert!(!world.log.contains(&"start web.a".to_owned()), "{:?}", world.log);
}

#[test]
fn a_disk_that_is_nearly_full_is_waited_for_instead_of_pulling() {
    let mut world = World::serving("web:good-1");
    world.disk_low = Some("37 MiB are free in /var/lib/docker".to_owned());
    world.deploy("web:good-2");
    check(&mut world, 30, "working | running web:good-1 | stopped -");
    assert_eq!((world.cause(), world.log.len()), (Some(CauseKind::DiskFull), 0));
    let why = &world.report.as_ref().unwrap().why;
    assert!(why.contains("37 MiB are free"), "{why}");
    let mut room = world.clone();
    room.disk_low = None;
    check(&mut room, 30, "trial | running web:good-2 | stopped web:good-1");
    check(&mut world, 31, "reverted | running web:good-1 | stopped -");
    assert_eq!((world.cause(), world.log.len()), (Some(CauseKind::DiskFull), 0));
}

#[test]
fn until_it_has_been_healthy_once_it_is_asked_as_often_as_its_rule_says_for_that_time() {
    let proven_after = |text: &str| {
        let mut world = World::serving("web:good-1");
        world.deploy(text);
        world.run_until(|world| world.log.contains(&"start web.b".to_owned()));
        let started = world.now;
        world.run_until(|world| world.log.contains(&"stop web.a".to_owned()));
        world.now.since(started).0
    };
    assert_eq!((proven_after("web:good-2"), proven_after("web:good-2:hurried")), (2000, 500));
}
