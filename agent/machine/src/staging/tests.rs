//! Trials below their full share, row by row. Not here: the same with disasters (`disasters`).

use evenkeel_model::{CauseKind, Phase, Restart, Share};

use crate::world::{World, check};

mod disasters;
mod odd_ones;

fn reported(world: &World) -> u32 {
    world.report.as_ref().unwrap().share.percent()
}

/// The only container of this image.
fn restart_of(world: &World, image: &str) -> Restart {
    world.bodies.values().find(|body| body.image() == image).unwrap().container.restart
}

#[test]
fn a_staged_one_is_made_and_proven_beside_the_old_one_and_gets_nothing() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed:keep-stopped share=0");
    check(&mut world, 20, "trial | running web:good-1 web:good-2 | stopped - | to web:good-1");
    assert_eq!(world.log, ["pull good-2", "create web.b", "start web.b"]);
    let report = world.report.clone().unwrap();
    assert_eq!(
        (report.healthy, report.share, restart_of(&world, "good-1")),
        (true, Share::NONE, Restart::UnlessStopped)
    );
    assert_eq!(report.why, "staged and healthy; the release before serves until the switch");
    assert_eq!(report.services[&"web".parse().unwrap()].release.0, 2, "the proof of the new one");
}

#[test]
fn the_share_rises_and_falls_by_one_switch_each() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed share=0");
    world.run(20);
    let rows = [
        (1, "web:good-1*99+good-2"),
        (25, "web:good-1*75+good-2*25"),
        (99, "web:good-1+good-2*99"),
        (5, "web:good-1*95+good-2*5"),
        (0, "web:good-1"),
        (100, "web:good-2"),
        (50, "web:good-1*50+good-2*50"),
    ];
    for (percent, to) in rows {
        world.forget_the_past();
        assert_eq!((world.share(percent), world.share(percent)), (Ok(true), Ok(false)));
        check(&mut world, 5, &format!("trial | running web:good-1 web:good-2 | stopped - | to {to}"));
        assert_eq!((world.log.as_slice(), reported(&world)), (&[format!("route {to}")][..], percent));
    }
}

#[test]
fn a_staged_one_is_committed_by_a_switch_and_then_as_ever() {
    for percent in [0, 25] {
        let mut world = World::serving("web:good-1:routed");
        world.deploy(&format!("web:good-2:routed share={percent}"));
        world.run(20);
        world.forget_the_past();
        world.order(Phase::Committed).unwrap();
        check(&mut world, 20, "committed | running web:good-2 | stopped - | to web:good-2");
        let expected = [
            "route web:good-2",
            "set-restart web.b UnlessStopped",
            "set-restart web.a No",
            "stop web.a",
            "remove web.a",
        ];
        assert_eq!((world.log.as_slice(), reported(&world)), (expected.map(str::to_owned).as_slice(), 100));
    }
}

#[test]
fn a_staged_one_that_fails_goes_back_without_a_switch_and_one_with_a_share_by_one() {
    for (percent, expected) in [
        (0, ["collect web.b", "stop web.b", "remove web.b"].as_slice()),
        (25, &["collect web.b", "route web:good-1", "stop web.b", "remove web.b"]),
    ] {
        let mut world = World::serving("web:good-1:routed");
        world.deploy(&format!("web:sick-2:routed:keep-stopped share={percent}"));
        check(&mut world, 40, "reverted | running web:good-1 | stopped - | to web:good-1");
        let from = world.log.iter().position(|action| action == "collect web.b").unwrap();
        assert_eq!(
            (&world.log[from..], world.cause()),
            (expected.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>().as_slice(), Some(CauseKind::Unhealthy))
        );
        assert_eq!((reported(&world), restart_of(&world, "good-1")), (0, Restart::UnlessStopped));
    }
}

#[test]
fn one_that_is_withdrawn_goes_back_likewise() {
    for percent in [0, 25] {
        let mut world = World::serving("web:good-1:routed");
        world.deploy(&format!("web:good-2:routed share={percent}"));
        world.run(20);
        world.order(Phase::Withdrawn).unwrap();
        check(&mut world, 20, "reverted | running web:good-1 | stopped - | to web:good-1");
    }
}

#[test]
fn a_share_that_falls_from_all_of_it_brings_the_old_one_back_before_it_gets_anything() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed:keep-stopped");
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1 | to web:good-2");
    world.forget_the_past();
    world.share(30).unwrap();
    world.run_until(|world| world.log.contains(&"route web:good-1*70+good-2*30".to_owned()));
    assert!(world.bodies.values().all(|body| body.proven), "not before it is proven");
    check(&mut world, 20, "trial | running web:good-1 web:good-2 | stopped - | to web:good-1*70+good-2*30");
    assert_eq!(world.log, ["start web.a", "route web:good-1*70+good-2*30", "set-restart web.a UnlessStopped"]);
    world.forget_the_past();
    world.share(100).unwrap();
    check(&mut world, 20, "trial | running web:good-2 | stopped web:good-1 | to web:good-2");
    world.kill();
    world.share(0).unwrap();
    check(&mut world, 20, "trial | running web:good-1 web:good-2 | stopped - | to web:good-1");
    assert!(world.gaps.is_empty());
}

#[test]
fn a_base_that_does_not_come_back_leaves_all_to_the_new_one_and_the_report_says_so() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed:keep-stopped");
    world.run(20);
    world.fault("start", CauseKind::Unstartable, 2);
    world.share(30).unwrap();
    check(&mut world, 50, "trial | running web:good-2 | stopped web:good-1 | to web:good-2");
    assert_eq!((reported(&world), world.cause()), (100, Some(CauseKind::Unstartable)));
    check(&mut world, 60, "trial | running web:good-1 web:good-2 | stopped - | to web:good-1*70+good-2*30");
    assert_eq!((reported(&world), world.cause()), (30, None));
}

#[test]
fn a_base_that_was_removed_by_hand_is_made_again() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed share=30");
    world.run(20);
    world.bodies.retain(|_, body| body.image() == "good-2");
    world.images.clear();
    check(&mut world, 20, "trial | running web:good-1 web:good-2 | stopped - | to web:good-1*70+good-2*30");
    assert_eq!(restart_of(&world, "good-1"), Restart::UnlessStopped);
}

#[test]
fn a_restart_of_the_agent_changes_nothing_at_any_share() {
    for percent in [0, 1, 50, 99] {
        let mut world = World::serving("web:good-1:routed worker:good-1");
        world.deploy(&format!("web:good-2:routed worker:good-2 share={percent}"));
        world.run(20);
        let before = world.state();
        world.forget_the_past();
        world.kill();
        check(&mut world, 20, &before);
        assert_eq!((world.log.len(), reported(&world)), (0, percent), "{:?}", world.log);
    }
}

#[test]
fn a_base_that_says_no_beside_a_staged_one_is_restarted_as_it_was_before() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed share=0");
    world.run(20);
    world.forget_the_past();
    let unready = crate::world::release("web:unready-1").services.into_values().next().unwrap();
    let old = world.bodies.values_mut().find(|body| body.image() == "good-1").unwrap();
    let good = std::mem::replace(&mut old.service.image, unready.image);
    world.run_until(|world| world.log.len() == 2);
    assert_eq!(world.log, ["stop web.a", "start web.a"]);
    world.bodies.values_mut().find(|body| body.image() == "unready-1").unwrap().service.image = good;
    check(&mut world, 20, "trial | running web:good-1 web:good-2 | stopped - | to web:good-1");
}

#[test]
fn what_a_superseded_release_had_the_base_has_before_the_next_is_staged() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed:keep-stopped");
    world.run(20);
    world.forget_the_past();
    world.deploy("web:good-3:routed share=0");
    check(&mut world, 30, "trial | running web:good-1 web:good-3 | stopped - | to web:good-1");
    let position = |action: &str| world.log.iter().position(|logged| logged == action).unwrap();
    assert!(position("start web.a") < position("route web:good-1"), "{:?}", world.log);
    assert!(position("route web:good-1") < position("stop web.b"), "{:?}", world.log);
    assert!(world.gaps.is_empty());
}

#[test]
fn a_proxy_of_the_version_before_does_not_say_the_weights_and_is_believed_by_its_mark() {
    let mut world = World::serving("web:good-1:routed");
    world.proxy.is_older = true;
    world.deploy("web:good-2:routed share=5");
    check(&mut world, 20, "trial | running web:good-1 web:good-2 | stopped - | to web:good-1*95+good-2*5");
    assert_eq!(reported(&world), 5);
}

#[test]
fn while_the_proxy_does_not_answer_what_is_in_force_is_reported() {
    let mut world = World::serving("web:good-1:routed");
    world.deploy("web:good-2:routed share=5");
    world.run(20);
    world.proxy_down(20);
    world.share(25).unwrap();
    world.run(10);
    assert_eq!((reported(&world), world.cause()), (5, Some(CauseKind::ProxyUnavailable)));
    check(&mut world, 30, "trial | running web:good-1 web:good-2 | stopped - | to web:good-1*75+good-2*25");
    assert_eq!(reported(&world), 25);
}

#[test]
fn an_app_without_routed_ports_has_its_share_when_all_is_proven() {
    let mut world = World::serving("worker:good-1");
    world.deploy("worker:good-2 share=40");
    world.run_until(|world| world.log.contains(&"start worker.b".to_owned()));
    assert_eq!(reported(&world), 0);
    world.run(20);
    assert_eq!((world.end(), reported(&world)), ("trial", 40));
}
