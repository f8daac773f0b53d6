//! Services that can't run twice: requests wait while one is stopped and the other is started and proven.

use evenkeel_model::{CauseKind, Phase};

use crate::world::{World, check};

#[test]
fn requests_are_held_while_the_old_is_stopped_and_the_new_is_proven() {
    let mut world = World::serving("db:good-1:routed:stop-first");
    world.deploy("db:good-2:routed:stop-first");
    check(&mut world, 40, "trial | running db:good-2 | stopped db:good-1 | to db:good-2");
    let expected = [
        "pull good-2",
        "create db.b",
        "route db:holding",
        "set-restart db.a No",
        "stop db.a",
        "start db.b",
        "route db:good-2",
    ];
    assert_eq!(world.log, expected);
    world.order(Phase::Committed).unwrap();
    check(&mut world, 40, "committed | running db:good-2 | stopped - | to db:good-2");
}

#[test]
fn the_readiness_path_says_no_for_a_while_before_requests_are_held() {
    let mut world = World::serving("db:good-1:routed:stop-first:lb");
    world.deploy("db:good-2:routed:stop-first:lb");
    world.run_until(|world| world.log.last().is_some_and(|action| action == "route db:good-1+failing"));
    let failing_since = world.now;
    world.step(evenkeel_model::Monotonic(u64::MAX));
    let why = world.report.clone().unwrap().why;
    assert_eq!(why, "the readiness path of db says no for 5s before it is replaced");
    world.run_until(|world| world.log.last().is_some_and(|action| action == "route db:holding+failing"));
    assert!(world.now.since(failing_since).0 >= 5000);
    check(&mut world, 40, "trial | running db:good-2 | stopped db:good-1 | to db:good-2");
}

#[test]
fn what_is_held_is_said() {
    let mut world = World::serving("db:good-1:routed:stop-first");
    world.proxy.lasting = None;
    world.deploy("db:unready-2:routed:stop-first");
    world.run(8);
    assert_eq!(world.report.clone().unwrap().why, "draining db: 3 under way");
    world.run_until(|world| world.log.last().is_some_and(|action| action == "start db.b"));
    world.run(3);
    let why = world.report.clone().unwrap().why;
    assert_eq!(why, "holding requests for db while it is replaced; waiting for db to become healthy");
    check(&mut world, 100, "reverted | running db:good-1 | stopped - | to db:good-1");
}

#[test]
fn each_way_to_fail_ends_the_hold_with_the_old_one_serving() {
    let rows = [
        ("uncreatable-2", CauseKind::Unstartable),
        ("unstartable-2", CauseKind::Unstartable),
        ("taken-2", CauseKind::PortTaken),
        ("crash-2", CauseKind::Exited),
        ("sick-2", CauseKind::Unhealthy),
        ("unready-2", CauseKind::HealthTimeout),
        ("gone-2", CauseKind::ImageNotFound),
    ];
    for lb in ["", ":lb"] {
        for (image, cause) in rows {
            let mut world = World::serving(&format!("db:good-1:routed:stop-first{lb}"));
            world.deploy(&format!("db:{image}:routed:stop-first{lb}"));
            check(&mut world, 120, "reverted | running db:good-1 | stopped - | to db:good-1");
            assert_eq!(world.cause(), Some(cause), "{image}");
        }
    }
}

#[test]
fn a_revert_from_the_trial_holds_stops_the_new_starts_the_old_and_proves_it() {
    let mut world = World::serving("db:good-1:routed:stop-first");
    world.deploy("db:good-2:routed:stop-first");
    world.run(40);
    world.forget_the_past();
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 40, "reverted | running db:good-1 | stopped - | to db:good-1");
    let expected = [
        "route db:holding",
        "stop db.b",
        "start db.a",
        "route db:good-1",
        "set-restart db.a UnlessStopped",
        "remove db.b",
    ];
    assert_eq!(world.log, expected);
}

#[test]
fn the_second_service_is_not_held_while_the_first_has_its_turn() {
    let mut world = World::serving("api:good-1:routed=81 db:good-1:routed:stop-first");
    world.deploy("api:good-2:routed=81 db:good-2:routed:stop-first");
    world.run_until(|world| world.log.contains(&"create db.b".to_owned()));
    world.kill();
    world.step(evenkeel_model::Monotonic(u64::MAX));
    assert!(!world.state().contains("holding"), "{}", world.state());
    let expected = "trial | running api:good-1 api:good-2 db:good-2 | stopped db:good-1 | to api:good-2+81 db:good-2";
    check(&mut world, 60, expected);
}
