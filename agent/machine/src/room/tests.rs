//! Room for a third release: whoever serves meanwhile can.

use crate::world::{World, check};

/// Where the second release has the traffic, and the base has been stopped and takes long to start; a third comes.
fn third(text: &str, second: &str) -> World {
    let mut world = World::serving(text);
    world.deploy(second);
    world.run(20);
    assert_eq!(world.end(), "trial");
    world.forget_the_past();
    world.deploy("web:good-3:routed");
    world
}

#[test]
fn a_base_that_boots_slowly_gets_the_traffic_only_when_it_is_ready() {
    let mut world = third("web:slow-1:routed", "web:good-2:routed:keep-stopped");
    world.run_until(|world| world.log.contains(&"route web:slow-1".to_owned()));
    assert!(world.bodies.values().all(|body| body.proven), "not before it is proven: {:?}", world.log);
    check(&mut world, 40, "trial | running web:slow-1 web:good-3 | stopped - | to web:good-3");
    let expected = [
        "pull good-3",
        "start web.a",
        "route web:slow-1",
        "stop web.b",
        "remove web.b",
        "create web.b",
        "start web.b",
        "route web:good-3",
    ];
    assert_eq!(world.log, expected);
}

#[test]
fn a_base_that_is_never_ready_gets_the_traffic_when_its_time_is_up() {
    let mut world = third("web:good-1:routed", "web:good-2:routed:keep-stopped");
    let unready = crate::world::release("web:unready-1").services.into_values().next().unwrap();
    world.bodies.values_mut().filter(|body| !body.container.is_running()).for_each(|body| {
        body.service.image = unready.image.clone();
    });
    world.run(25);
    assert!(!world.log.contains(&"stop web.b".to_owned()), "{:?}", world.log);
    world.run_until(|world| world.log.contains(&"route web:good-3".to_owned()));
}

#[test]
fn what_never_had_the_traffic_makes_room_without_waiting_for_a_base_that_says_no() {
    let mut world = World::serving("web:good-1:routed");
    let unready = crate::world::release("web:unready-1").services.into_values().next().unwrap();
    world.bodies.values_mut().for_each(|body| body.service.image = unready.image.clone());
    world.deploy("web:unready-2:routed");
    world.run(10);
    world.forget_the_past();
    world.deploy("web:good-3:routed");
    world.run(15);
    assert!(world.log.contains(&"remove web.b".to_owned()), "{:?}", world.log);
}
