//! What is under way has its time, and no more.

use evenkeel_model::{CauseKind, Phase};

use crate::world::{World, check};

/// Switched to the new one, with the old one, which need not run on, draining.
fn draining(lasting: Option<u32>) -> World {
    let mut world = World::serving("web:good-1:routed");
    world.proxy.lasting = lasting;
    world.deploy("web:good-2:routed:keep-stopped");
    world.run_until(|world| world.log.contains(&"route web:good-2".to_owned()));
    world.forget_the_past();
    world
}

#[test]
fn what_never_ends_is_cut_when_its_time_is_up_and_only_then_the_old_one_is_stopped() {
    let mut world = draining(None);
    world.run(29);
    assert_eq!(world.log, [""; 0]);
    assert_eq!(world.report.clone().unwrap().why, "draining web: 3 under way");
    check(&mut world, 10, "trial | running web:good-2 | stopped web:good-1 | to web:good-2");
    assert_eq!(world.log, ["cut good-1", "set-restart web.a No", "stop web.a"]);
}

#[test]
fn what_ends_by_itself_is_not_cut() {
    let mut world = draining(Some(8));
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1 | to web:good-2");
    assert_eq!(world.log, ["set-restart web.a No", "stop web.a"]);
}

#[test]
fn a_cut_that_fails_or_has_no_effect_is_tried_once_more_and_then_the_old_one_is_stopped() {
    let mut fails = draining(None);
    fails.fault("cut", CauseKind::ProxyUnavailable, 5);
    let mut deaf = draining(None);
    deaf.proxy.deaf = true;
    for mut world in [fails, deaf] {
        check(&mut world, 40, "trial | running web:good-2 | stopped web:good-1 | to web:good-2");
        assert_eq!(world.log, ["cut good-1", "cut good-1", "set-restart web.a No", "stop web.a"]);
    }
}

#[test]
fn a_restart_of_the_agent_counts_the_drain_anew() {
    let mut world = draining(None);
    world.run(20);
    world.kill();
    world.run(28);
    assert_eq!(world.log, [""; 0]);
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1 | to web:good-2");
}

#[test]
fn one_that_was_unrouted_all_through_the_trial_has_had_its_time_at_the_commit() {
    let mut world = World::serving("web:good-1:routed");
    world.proxy.lasting = None;
    world.deploy("web:good-2:routed");
    world.run(60);
    world.forget_the_past();
    world.order(Phase::Committed).unwrap();
    check(&mut world, 5, "committed | running web:good-2 | stopped - | to web:good-2");
    let expected =
        ["set-restart web.b UnlessStopped", "cut good-1", "set-restart web.a No", "stop web.a", "remove web.a"];
    assert_eq!(world.log, expected);
}

#[test]
fn one_that_is_given_up_is_drained_after_the_switch_back() {
    let mut world = World::serving("web:good-1:routed");
    world.proxy.lasting = None;
    world.deploy("web:good-2:routed");
    world.run(60);
    world.forget_the_past();
    world.order(Phase::Withdrawn).unwrap();
    world.run(25);
    assert_eq!((world.end(), world.log.as_slice()), ("reverting", &["route web:good-1".to_owned()][..]));
    check(&mut world, 20, "reverted | running web:good-1 | stopped - | to web:good-1");
}

#[test]
fn a_removal_drains_first() {
    let mut world = World::serving("web:good-1:routed");
    world.proxy.lasting = None;
    world.deploy("");
    world.run(29);
    assert_eq!(world.log, ["route -"]);
    check(&mut world, 20, "committed | running - | stopped -");
}

#[test]
fn with_the_proxy_down_nothing_that_has_the_traffic_is_stopped_on_the_way_forward_or_back() {
    let mut world = draining(None);
    world.proxy_down(300);
    world.run(25);
    assert_eq!((world.end(), world.cause()), ("working", Some(CauseKind::ProxyUnavailable)));
    assert!(!world.log.contains(&"stop web.a".to_owned()), "{:?}", world.log);
    // It goes back, but not behind the proxy's back: the new one serves on.
    check(&mut world, 240, "reverting | running web:good-1 web:good-2 | stopped - | to web:good-2");
    assert_eq!(world.cause(), Some(CauseKind::ProxyUnavailable));
    let why = world.report.clone().unwrap().why;
    assert!(why.contains("telling the proxy who gets the traffic"), "{why}");
    check(&mut world, 100, "reverted | running web:good-1 | stopped - | to web:good-1");
}

#[test]
fn a_release_that_never_had_the_traffic_goes_back_though_the_proxy_was_never_heard() {
    let mut world = World::serving("web:good-1:routed");
    world.proxy_down(300);
    world.kill();
    world.deploy("web:good-2:routed");
    check(&mut world, 100, "reverted | running web:good-1 | stopped - | to web:good-1");
    assert_eq!(world.cause(), Some(CauseKind::ProxyUnavailable));
}

/// In trial, and then withdrawn while the proxy does not answer.
fn withdrawn_unheard(from: &str, to: &str) -> World {
    let mut world = World::serving(from);
    world.deploy(to);
    world.run(60);
    assert_eq!(world.end(), "trial");
    world.forget_the_past();
    world.proxy_down(300);
    world.order(Phase::Withdrawn).unwrap();
    world
}

#[test]
fn an_agent_that_has_never_heard_the_proxy_stops_nothing_that_may_have_the_traffic() {
    for kills in [0, 1] {
        let mut world = withdrawn_unheard("web:good-1:routed", "web:good-2:routed");
        for _ in 0..kills {
            world.kill();
        }
        check(&mut world, 200, "reverting | running web:good-1 web:good-2 | stopped - | to web:good-2");
        assert!(world.log.iter().all(|action| action.starts_with("route")), "{:?}", world.log);
        check(&mut world, 160, "reverted | running web:good-1 | stopped - | to web:good-1");
    }
}

#[test]
fn a_service_of_another_name_that_has_the_traffic_is_not_stopped_either() {
    let mut world = withdrawn_unheard("web:good-1:routed", "site:good-2:routed");
    check(&mut world, 200, "reverting | running site:good-2 web:good-1 | stopped - | to site:good-2");
    check(&mut world, 160, "reverted | running web:good-1 | stopped - | to web:good-1");
}

#[test]
fn with_the_proxy_down_what_can_not_run_twice_makes_room_after_its_time_and_the_end_waits_for_the_proxy() {
    let mut world = withdrawn_unheard("db:good-1:routed:stop-first", "db:good-2:routed:stop-first");
    world.run(28);
    assert!(!world.log.contains(&"stop db.b".to_owned()), "{:?}", world.log);
    // The base runs, and has no traffic as far as is known.
    check(&mut world, 30, "reverting | running db:good-1 | stopped - | to db:gone");
    check(&mut world, 300, "reverted | running db:good-1 | stopped - | to db:good-1");
}

#[test]
fn with_the_proxy_down_a_removal_goes_on_after_its_time() {
    let mut world = World::serving("web:good-1:routed");
    world.proxy_down(300);
    world.deploy("");
    world.run(28);
    assert!(!world.log.contains(&"stop web.a".to_owned()), "{:?}", world.log);
    world.run(20);
    assert!(world.bodies.is_empty(), "{:?}", world.log);
}

#[test]
fn after_the_commit_an_agent_that_has_never_heard_the_proxy_leaves_the_old_one() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy_as("web:good-2:routed", Phase::Committed);
    world.run_until(|world| world.ledger.base == world.ledger.accepted.as_ref().unwrap().assignment.content);
    world.kill();
    world.proxy_down(300);
    check(&mut world, 200, "committed | running web:good-1 web:good-2 | stopped - | to web:good-2");
    check(&mut world, 160, "committed | running web:good-2 | stopped - | to web:good-2");
}

#[test]
fn with_the_proxy_down_a_new_one_waits_for_its_traffic_and_then_goes_back() {
    let mut world = World::serving("web:good-1:routed");
    world.proxy_down(300);
    world.deploy("web:good-2:routed");
    world.run(20);
    assert_eq!((world.end(), world.cause()), ("working", Some(CauseKind::ProxyUnavailable)));
    check(&mut world, 80, "reverted | running web:good-1 | stopped - | to web:good-1");
}

#[test]
fn a_trial_does_not_mind_a_proxy_that_stops_answering() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed");
    world.run(20);
    world.proxy_down(300);
    check(&mut world, 200, "trial | running web:good-1 web:good-2 | stopped - | to web:good-2");
    world.order(Phase::Committed).unwrap();
    check(&mut world, 60, "committed | running web:good-2 | stopped - | to web:good-2");
}
