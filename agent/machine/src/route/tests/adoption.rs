//! Ports that pass from the engine to the proxy, and back.

use evenkeel_model::{CauseKind, Phase};

use crate::world::{World, check};

#[test]
fn a_port_passes_from_the_engine_to_the_proxy_when_the_old_one_is_stopped() {
    let mut world = World::serving("web:good-1:direct");
    world.deploy("web:good-2:routed");
    world.run_until(|world| world.log.contains(&"stop web.a".to_owned()));
    let why = &world.report.as_ref().unwrap().why;
    assert!(why.contains("port 80 passes from the engine to the proxy"), "{why}");
    check(&mut world, 40, "trial | running web:good-2 | stopped web:good-1 | to web:good-2");
    let expected = [
        "pull good-2",
        "create web.b",
        "set-restart web.a No",
        "stop web.a",
        "route web:holding",
        "start web.b",
        "route web:good-2",
    ];
    assert_eq!(world.log, expected);
}

#[test]
fn it_is_withdrawn_before_the_old_one_starts_again() {
    let mut world = World::serving("web:good-1:direct");
    world.deploy("web:good-2:routed");
    world.run(40);
    world.forget_the_past();
    world.fault("route", CauseKind::ProxyUnavailable, 2);
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 40, "reverted | running web:good-1 | stopped -");
    let expected = [
        "route -",
        "route -",
        "route -",
        "start web.a",
        "set-restart web.a UnlessStopped",
        "stop web.b",
        "remove web.b",
    ];
    assert_eq!(world.log, expected);
}

#[test]
fn one_that_fails_gives_the_port_back() {
    for image in ["crash-2", "unready-2", "sick-2", "unstartable-2"] {
        let mut world = World::serving("web:good-1:direct");
        world.deploy(&format!("web:{image}:routed"));
        check(&mut world, 100, "reverted | running web:good-1 | stopped -");
    }
}

#[test]
fn a_port_that_was_lost_on_the_way_is_waited_for_and_then_given_up() {
    let mut world = World::serving("web:good-1:direct");
    world.proxy.taken.insert(80);
    world.deploy("web:good-2:routed");
    check(&mut world, 100, "reverted | running web:good-1 | stopped -");
    assert_eq!(world.cause(), Some(CauseKind::PortTaken));
}

#[test]
fn a_port_passes_back_to_the_engine() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:direct");
    check(&mut world, 40, "trial | running web:good-2 | stopped web:good-1");
    assert_eq!(world.log[2..], ["route -", "set-restart web.a No", "stop web.a", "start web.b"]);
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 60, "reverted | running web:good-1 | stopped - | to web:good-1");
}

#[test]
fn an_adoption_is_committed() {
    let mut world = World::serving("web:good-1:direct");
    world.deploy_as("web:good-2:routed", Phase::Committed);
    check(&mut world, 60, "committed | running web:good-2 | stopped - | to web:good-2");
    world.deploy_as("web:good-3:routed", Phase::Committed);
    check(&mut world, 60, "committed | running web:good-3 | stopped - | to web:good-3");
}

#[test]
fn a_port_passes_from_one_service_s_engine_port_to_another_service_s_route() {
    let mut world = World::serving("old:good-1:direct web:good-1:routed=81");
    world.deploy("web:good-2:routed:routed=81");
    check(&mut world, 40, "trial | running web:good-1 web:good-2 | stopped old:good-1 | to web:good-2+81");
    let end = world.log.len() - 3;
    assert_eq!(world.log[end..], ["set-restart old.a No", "stop old.a", "route web:good-2+81"]);
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 40, "reverted | running old:good-1 web:good-1 | stopped - | to web:good-1+81");
}
