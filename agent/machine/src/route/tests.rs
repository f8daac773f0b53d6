//! Swaps with routed ports, row by row. Not here: the same with disasters (`disasters`), one at a time (`stop_first`), draining (`drain`).

use evenkeel_model::{CauseKind, Phase};

use crate::world::{World, check};

mod adoption;
mod disasters;
mod stop_first;

#[test]
fn a_first_deploy_claims_its_ports_before_anything_is_made() {
    let mut world = World::new();
    world.deploy("web:good-1:routed");
    check(&mut world, 20, "trial | running web:good-1 | stopped - | to web:good-1");
    assert_eq!(world.log, ["route web:", "pull good-1", "create web.a", "start web.a", "route web:good-1"]);
}

#[test]
fn the_old_one_runs_on_through_the_trial_and_is_drained_and_stopped_after_the_commit() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed");
    check(&mut world, 20, "trial | running web:good-1 web:good-2 | stopped - | to web:good-2");
    assert_eq!(world.log, ["pull good-2", "create web.b", "start web.b", "route web:good-2"]);
    world.forget_the_past();
    world.order(Phase::Committed).unwrap();
    check(&mut world, 20, "committed | running web:good-2 | stopped - | to web:good-2");
    assert_eq!(world.log, ["set-restart web.b UnlessStopped", "set-restart web.a No", "stop web.a", "remove web.a"]);
}

#[test]
fn one_that_need_not_run_on_is_drained_and_stopped_before_the_trial() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed:keep-stopped");
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1 | to web:good-2");
    let expected =
        ["pull good-2", "create web.b", "start web.b", "route web:good-2", "set-restart web.a No", "stop web.a"];
    assert_eq!(world.log, expected);
}

#[test]
fn a_revert_to_one_that_runs_is_one_switch_before_anything_is_stopped() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed");
    world.run(20);
    world.forget_the_past();
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 20, "reverted | running web:good-1 | stopped - | to web:good-1");
    assert_eq!(world.log, ["route web:good-1", "stop web.b", "remove web.b"]);
}

#[test]
fn a_revert_to_one_that_was_stopped_switches_when_it_is_proven() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed:keep-stopped");
    world.run(20);
    world.forget_the_past();
    world.order(Phase::Withdrawn).unwrap();
    world.run_until(|world| world.log.contains(&"route web:good-1".to_owned()));
    assert!(world.bodies.values().all(|body| body.proven), "not before it is proven");
    check(&mut world, 20, "reverted | running web:good-1 | stopped - | to web:good-1");
    let expected = ["start web.a", "route web:good-1", "set-restart web.a UnlessStopped", "stop web.b", "remove web.b"];
    assert_eq!(world.log, expected);
}

#[test]
fn while_the_old_one_comes_back_for_one_that_failed_requests_are_held() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:sick-2:routed:keep-stopped");
    check(&mut world, 60, "reverted | running web:good-1 | stopped - | to web:good-1");
    let from = world.log.iter().position(|action| action == "collect web.b").unwrap();
    let expected = [
        "collect web.b",
        "route web:holding",
        "start web.a",
        "route web:good-1",
        "set-restart web.a UnlessStopped",
        "stop web.b",
        "remove web.b",
    ];
    assert_eq!(world.log[from..], expected);
}

#[test]
fn an_old_one_that_does_not_answer_any_more_gets_the_traffic_back_when_its_time_is_up() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:sick-2:routed:keep-stopped");
    world.run_until(|world| world.end() == "trial");
    world.bodies.values_mut().filter(|body| !body.container.is_running()).for_each(|body| {
        body.service.image = crate::world::release("web:unready-1").services.into_values().next().unwrap().image;
    });
    world.run(100);
    assert_eq!(world.end(), "reverted");
    assert!(world.log.contains(&"route web:unready-1".to_owned()), "{:?}", world.log);
}

#[test]
fn a_port_that_somebody_else_has_is_said_before_anything_is_touched() {
    for (from, to) in [("", "web:good-2:routed"), ("web:good-1:routed", "web:good-2:routed:routed=81")] {
        let mut world = if from.is_empty() { World::new() } else { World::serving(from) };
        world.proxy.taken = [80, 81].into_iter().filter(|port| !world.proxy.has(*port)).collect();
        let before = world.state();
        world.deploy(to);
        world.run(10);
        assert_eq!((world.end(), world.cause()), ("working", Some(CauseKind::PortTaken)));
        world.run(60);
        assert_eq!((world.end(), world.cause()), ("reverted", Some(CauseKind::PortTaken)));
        assert!(
            world.log.iter().all(|action| action.starts_with("route") || action.starts_with("pull")),
            "{:?}",
            world.log
        );
        assert_eq!(world.state().split_once('|').unwrap().1, before.split_once('|').map_or(before.as_str(), |it| it.1));
    }
}

#[test]
fn a_port_that_is_taken_for_a_while_is_waited_for() {
    let mut world = World::serving("web:good-1:routed");
    world.proxy.taken.insert(81);
    world.deploy("web:good-2:routed:routed=81");
    world.run(10);
    world.proxy.taken.clear();
    check(&mut world, 40, "trial | running web:good-1 web:good-2 | stopped - | to web:good-2+81");
    let routes: Vec<_> = world.log.iter().filter(|action| action.starts_with("route")).collect();
    assert_eq!(routes.last().unwrap().as_str(), "route web:good-2+81");
    assert!(routes[..routes.len() - 1].iter().all(|route| *route == "route web:good-1+81"), "{routes:?}");
}

#[test]
fn ports_alone_change_without_a_new_container_and_come_back_in_a_revert() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-1:routed=81");
    check(&mut world, 20, "trial | running web:good-1 | stopped - | to web:good-1+81");
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 20, "reverted | running web:good-1 | stopped - | to web:good-1");
    assert_eq!(world.log, ["route web:good-1+81", "route web:good-1"]);
}

#[test]
fn a_restart_of_the_agent_alone_takes_the_traffic_from_nobody() {
    let mut world = World::serving("db:good-1:routed=81 web:good-1:routed worker:good-1");
    world.deploy("db:good-2:routed=81 web:good-2:routed worker:good-2");
    world.run(40);
    assert_eq!(world.end(), "trial");
    world.forget_the_past();
    for _ in 0..3 {
        world.kill();
        world.run(20);
    }
    assert_eq!((world.end(), world.log.len()), ("trial", 0), "{:?}", world.log);
}

#[test]
fn each_service_has_its_turn_and_the_others_keep_what_they_have() {
    let mut world = World::serving("api:good-1:routed=81 web:good-1:routed");
    world.deploy("api:good-2:routed=81 web:good-2:routed");
    world.run(40);
    let routes: Vec<_> = world.log.iter().filter(|action| action.starts_with("route")).collect();
    assert_eq!(routes, ["route api:good-2+81 web:good-1", "route api:good-2+81 web:good-2"]);
}

#[test]
fn a_failure_in_the_second_service_switches_the_first_back_at_once() {
    let mut world = World::serving("api:good-1:routed=81 web:good-1:routed");
    world.deploy("api:good-2:routed=81 web:crash-2:routed");
    check(&mut world, 60, "reverted | running api:good-1 web:good-1 | stopped - | to api:good-1+81 web:good-1");
    let from = world.log.iter().position(|action| action == "collect web.b").unwrap();
    assert_eq!(world.log[from + 1], "route api:good-1+81 web:good-1");
}

#[test]
fn a_service_that_is_no_more_loses_its_routes_last_and_has_them_back_in_a_revert() {
    let mut world = World::serving("api:good-1:routed=81 web:good-1:routed");
    world.deploy("web:good-2:routed");
    check(&mut world, 40, "trial | running api:good-1 web:good-1 web:good-2 | stopped - | to web:good-2");
    assert_eq!(world.log[3..], ["route web:good-2"]);
    world.kill();
    check(&mut world, 40, "trial | running api:good-1 web:good-1 web:good-2 | stopped - | to web:good-2");
    assert_eq!(world.log.len(), 4, "{:?}", world.log);
    let mut committed = world.clone();
    committed.order(Phase::Committed).unwrap();
    check(&mut committed, 40, "committed | running web:good-2 | stopped - | to web:good-2");
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 40, "reverted | running api:good-1 web:good-1 | stopped - | to api:good-1+81 web:good-1");
}

#[test]
fn a_service_of_another_name_takes_the_port_over_in_one_switch() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("site:good-2:routed");
    check(&mut world, 40, "trial | running site:good-2 web:good-1 | stopped - | to site:good-2");
    assert_eq!(world.log, ["pull good-2", "create site.a", "start site.a", "route site:good-2"]);
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 40, "reverted | running web:good-1 | stopped - | to web:good-1");
    assert_eq!(world.log[4..], ["route web:good-1", "stop site.a", "remove site.a"]);
}

#[test]
fn a_service_that_is_not_routed_any_more_is_withdrawn_when_the_new_one_is_proven() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2");
    check(&mut world, 40, "trial | running web:good-2 | stopped web:good-1");
    assert_eq!(world.log[2..], ["start web.b", "route -", "set-restart web.a No", "stop web.a"]);
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 40, "reverted | running web:good-1 | stopped - | to web:good-1");
}

#[test]
fn a_removal_withdraws_the_routes_drains_and_takes_all_away() {
    let mut world = World::serving("web:good-1:routed worker:good-1");
    world.deploy("");
    check(&mut world, 40, "committed | running - | stopped -");
    assert_eq!(world.log[0], "route -");
}

#[test]
fn a_first_deploy_that_fails_leaves_no_route() {
    let mut world = World::new();
    world.deploy("web:crash-1:routed");
    world.run_until(|world| world.log.contains(&"collect web.a".to_owned()));
    world.fault("route", CauseKind::ProxyUnavailable, 5);
    check(&mut world, 4, "reverting | running - | stopped - | to web:");
    check(&mut world, 40, "reverted | running - | stopped -");
}

#[test]
fn after_the_end_the_route_stays_with_the_container_whatever_becomes_of_it() {
    let mut world = World::serving("web:good-1:routed");
    world.reboot();
    world.run(60);
    world.bodies.values_mut().for_each(|body| body.crash(1, false));
    world.run(60);
    assert!(world.log.iter().all(|action| !action.starts_with("route")), "{:?}", world.log);
}

#[test]
fn a_container_without_an_address_can_not_be_routed_to_and_that_is_said() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed");
    world.run_until(|world| world.bodies.len() == 2);
    world.bodies.values_mut().for_each(|body| {
        if body.image() == "good-2" {
            body.container.address = None;
        }
    });
    world.run(20);
    assert_eq!((world.end(), world.cause()), ("working", Some(CauseKind::ProxyUnavailable)));
    assert!(world.report.as_ref().unwrap().why.contains("has no address"), "{}", world.report.unwrap().why);
    check(&mut world, 60, "reverted | running web:good-1 | stopped - | to web:good-1");
}

#[test]
fn an_app_without_routed_ports_does_not_mind_a_proxy_that_is_down() {
    let mut world = World::serving("web:good-1");
    world.proxy_down(10_000);
    world.deploy("web:good-2");
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1");
    world.order(Phase::Committed).unwrap();
    check(&mut world, 20, "committed | running web:good-2 | stopped -");
}

#[test]
fn a_service_without_routed_ports_runs_on_if_that_is_written() {
    let mut world = World::serving("worker:good-1");
    world.deploy("worker:good-2:keep-running");
    check(&mut world, 20, "trial | running worker:good-1 worker:good-2 | stopped -");
    let mut committed = world.clone();
    committed.order(Phase::Committed).unwrap();
    check(&mut committed, 20, "committed | running worker:good-2 | stopped -");
    world.forget_the_past();
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 20, "reverted | running worker:good-1 | stopped -");
    assert_eq!(world.log, ["stop worker.b", "remove worker.b"]);
}

#[test]
fn an_old_one_that_died_in_the_trial_is_started_again_by_a_revert() {
    let mut world = World::serving("web:good-1:routed:restart-no");
    world.deploy("web:good-2:routed");
    world.run(20);
    let old = world.bodies.values_mut().find(|body| body.image() == "good-1").unwrap();
    old.crash(1, false);
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1 | to web:good-2");
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 30, "reverted | running web:good-1 | stopped - | to web:good-1");
}
