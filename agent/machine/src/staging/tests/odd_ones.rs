//! Services that are not simply the same in both releases.

use evenkeel_model::{CauseKind, Phase};

use super::reported;
use crate::world::{World, check};

fn why(world: &World) -> String {
    world.report.as_ref().unwrap().why.clone()
}

#[test]
fn nothing_is_made_of_a_release_with_a_service_that_can_not_be_beside_its_old_container_and_that_is_said() {
    let rows = [
        ("db:good-1:routed:stop-first web:good-1", "db:good-2:routed:stop-first web:good-2", "db", "stop-first"),
        ("db:good-1:stop-first", "db:good-2", "db", "in the release before, its order is stop-first"),
        ("web:good-1:direct", "web:good-2:routed", "web", "port 80"),
    ];
    for (from, to, service, reason) in rows {
        for percent in [0, 50] {
            let mut world = World::serving(from);
            let before = world.state().replace("committed", "working");
            world.deploy(&format!("{to} share={percent}"));
            check(&mut world, 300, &before);
            let failure = world.report.clone().unwrap().failure.unwrap();
            assert_eq!((failure.kind, failure.service), (CauseKind::Unstartable, Some(service.parse().unwrap())));
            assert!(failure.message.contains(reason) && why(&world) == failure.message, "{}", failure.message);
            assert!(world.log.iter().all(|action| action.starts_with("route")), "{:?}", world.log);
            world.share(100).unwrap();
            world.run(60);
            assert_eq!((world.end(), world.cause()), ("trial", None));
        }
    }
}

#[test]
fn one_that_can_not_be_beside_its_old_container_and_does_not_change_is_in_nobodys_way() {
    let mut world = World::serving("db:good-1:routed=81:stop-first web:good-1:routed");
    world.deploy("db:good-1:routed=81:stop-first web:good-2:routed share=25");
    let beside =
        "trial | running db:good-1 web:good-1 web:good-2 | stopped - | to db:good-1+81 web:good-1*75+good-2*25";
    check(&mut world, 20, beside);
}

#[test]
fn one_that_was_replaced_when_it_had_all_stays_so_when_its_share_falls() {
    let mut world = World::serving("db:good-1:routed:stop-first web:good-1:routed=81");
    world.deploy("db:good-2:routed:stop-first web:good-2:routed=81");
    world.run(40);
    world.share(50).unwrap();
    let mixed = "running db:good-2 web:good-1 web:good-2 | stopped db:good-1";
    check(&mut world, 30, &format!("working | {mixed} | to db:good-2 web:good-1*50+good-2*50+81"));
    assert_eq!((world.cause(), reported(&world)), (Some(CauseKind::Unstartable), 100));
    world.share(100).unwrap();
    check(&mut world, 30, &format!("trial | {mixed} | to db:good-2 web:good-2+81"));
}

#[test]
fn one_that_was_being_replaced_when_its_share_fell_comes_back() {
    let mut world = World::serving("db:good-1:routed:stop-first");
    world.deploy("db:good-2:routed:stop-first");
    world.run_until(|world| world.log.contains(&"stop db.a".to_owned()));
    world.share(0).unwrap();
    check(&mut world, 30, "working | running db:good-1 | stopped db:good-2 | to db:good-1");
}

#[test]
fn workers_run_beside_each_other_below_their_full_share() {
    let mut world = World::serving("worker:good-1");
    world.deploy("worker:good-2 share=0");
    check(&mut world, 20, "trial | running worker:good-1 worker:good-2 | stopped -");
    world.share(100).unwrap();
    check(&mut world, 20, "trial | running worker:good-2 | stopped worker:good-1");
    world.share(50).unwrap();
    check(&mut world, 20, "trial | running worker:good-1 worker:good-2 | stopped -");
    world.order(Phase::Committed).unwrap();
    check(&mut world, 20, "committed | running worker:good-2 | stopped -");
}

#[test]
fn a_service_that_is_new_has_open_ports_and_gets_nothing_before_it_has_a_share() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("api:good-2:routed=81 web:good-2:routed share=0");
    let staged = "trial | running api:good-2 web:good-1 web:good-2 | stopped - | to api:+81 web:good-1";
    let staged = staged.replace("api:+81", "api:81");
    check(&mut world, 20, &staged);
    let plan = world.proxy.plan.clone().unwrap();
    let api = &plan.services[&"api".parse().unwrap()];
    assert_eq!((api.hold.0, api.holding, api.failing), (0, false, false), "what comes is refused at once");
    world.share(1).unwrap();
    check(&mut world, 20, &staged.replace("api:81 web:good-1", "api:good-2+81 web:good-1*99+good-2"));
    assert_eq!(reported(&world), 1);
    world.share(0).unwrap();
    check(&mut world, 20, &staged);
    assert_eq!(reported(&world), 0);
}

#[test]
fn a_port_that_somebody_else_has_shows_while_the_release_is_staged() {
    let mut world = World::serving("web:good-1:routed");
    world.proxy.taken.insert(81);
    world.deploy("api:good-2:routed=81 web:good-2:routed share=0");
    check(&mut world, 5, "working | running web:good-1 | stopped - | to web:good-1");
    assert_eq!(world.cause(), Some(CauseKind::PortTaken));
}

#[test]
fn a_first_deploy_that_is_staged_serves_from_the_first_percent_on() {
    let mut world = World::new();
    world.deploy("web:good-1:routed share=0");
    check(&mut world, 20, "trial | running web:good-1 | stopped - | to web:");
    world.share(1).unwrap();
    check(&mut world, 20, "trial | running web:good-1 | stopped - | to web:good-1");
    assert_eq!(reported(&world), 1);
}

#[test]
fn a_port_that_another_service_has_in_the_old_release_is_not_taken_before_the_switch() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("site:good-2:routed share=0");
    check(&mut world, 20, "trial | running site:good-2 web:good-1 | stopped - | to web:good-1");
    world.share(25).unwrap();
    check(&mut world, 20, "working | running site:good-2 web:good-1 | stopped - | to web:good-1");
    assert!(why(&world).contains("port 80 is another service's in the release before"), "{}", why(&world));
    assert_eq!(reported(&world), 0);
    world.share(100).unwrap();
    check(&mut world, 20, "trial | running site:good-2 web:good-1 | stopped - | to site:good-2");
    world.share(0).unwrap();
    check(&mut world, 20, "trial | running site:good-2 web:good-1 | stopped - | to web:good-1");
}

#[test]
fn a_port_that_the_engine_has_for_another_service_passes_at_the_switch_and_back() {
    let mut world = World::serving("web:good-1:direct");
    world.deploy("site:good-2:routed share=0");
    check(&mut world, 20, "trial | running site:good-2 web:good-1 | stopped -");
    world.share(25).unwrap();
    check(&mut world, 20, "working | running site:good-2 web:good-1 | stopped -");
    world.share(100).unwrap();
    check(&mut world, 20, "trial | running site:good-2 | stopped web:good-1 | to site:good-2");
    world.share(0).unwrap();
    check(&mut world, 20, "trial | running site:good-2 web:good-1 | stopped -");
}

#[test]
fn ports_that_are_not_the_same_wait_for_the_switch() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed:routed=81 share=0");
    check(&mut world, 20, "trial | running web:good-1 web:good-2 | stopped - | to web:good-1+81");
    world.share(25).unwrap();
    check(&mut world, 20, "working | running web:good-1 web:good-2 | stopped - | to web:good-1+81");
    assert!(why(&world).contains("port 81 is not the same in both releases"), "{}", why(&world));
    assert_eq!((reported(&world), world.cause()), (0, Some(CauseKind::Unstartable)));
    world.share(100).unwrap();
    check(&mut world, 20, "trial | running web:good-1 web:good-2 | stopped - | to web:good-2+81");
    assert_eq!(reported(&world), 100);
}

#[test]
fn a_service_that_is_no_more_serves_on_until_the_switch() {
    let mut world = World::serving("api:good-1:routed=81 web:good-1:routed worker:good-1");
    world.deploy("web:good-2:routed share=25");
    let running = "trial | running api:good-1 web:good-1 web:good-2";
    let beside = format!("{running} worker:good-1 | stopped - | to api:good-1+81 web:good-1*75+good-2*25");
    check(&mut world, 20, &beside);
    world.share(100).unwrap();
    check(&mut world, 20, &format!("{running} | stopped worker:good-1 | to web:good-2"));
    world.share(25).unwrap();
    check(&mut world, 20, &beside);
}

#[test]
fn a_service_that_is_not_routed_any_more_keeps_its_routes_until_the_switch() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2 share=50");
    check(&mut world, 20, "trial | running web:good-1 web:good-2 | stopped - | to web:good-1");
    assert_eq!(reported(&world), 50);
    world.share(100).unwrap();
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1");
}

#[test]
fn an_old_container_that_is_seen_without_an_address_leaves_all_as_it_is() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed share=25");
    world.run(20);
    world.forget_the_past();
    let old = world.bodies.values_mut().find(|body| body.image() == "good-1").unwrap();
    let address = old.container.address.take();
    world.share(50).unwrap();
    world.run(20);
    assert_eq!((world.log.len(), reported(&world)), (0, 25));
    world.bodies.values_mut().find(|body| body.image() == "good-1").unwrap().container.address = address;
    check(&mut world, 20, "trial | running web:good-1 web:good-2 | stopped - | to web:good-1*50+good-2*50");
}
