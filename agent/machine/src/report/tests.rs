//! What a host claims.

use evenkeel_model::Digest;

use crate::world::World;

#[test]
fn health_is_claimed_only_after_the_proof() {
    let mut world = World::new();
    world.deploy("web:good-1");
    world.run(1);
    assert!(!world.report.clone().unwrap().healthy);
    world.run(20);
    assert!(world.report.clone().unwrap().healthy);
    world.kill();
    world.run(1);
    assert!(!world.report.unwrap().healthy, "after a restart of the agent it is proven afresh");
}

#[test]
fn a_container_from_another_image_than_the_pinned_one_is_not_healthy() {
    for (text, spoil) in [
        ("web:good-1", (|body| body.container.pin = Digest::of(b"other")) as fn(&mut crate::world::Body)),
        ("web:good-1:local", |body| body.container.image_id = "sha256:other".to_owned()),
        ("web:good-1", |body| body.container.image_id.clear()),
    ] {
        let mut world = World::serving(text);
        assert!(world.report.clone().unwrap().healthy, "{text}");
        world.bodies.values_mut().for_each(spoil);
        world.run(20);
        assert!(!world.report.unwrap().healthy, "{text}");
    }
}

#[test]
fn while_two_run_the_proven_one_serves() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:unready-2");
    world.run(10);
    let report = world.report.unwrap();
    let web = &report.services[&"web".parse().unwrap()];
    assert_eq!((web.release.0, web.healthy), (1, true));
}

#[test]
fn what_a_down_engine_runs_is_not_known() {
    let mut world = World::serving("web:good-1");
    world.engine_down(60);
    world.run(10);
    let report = world.report.unwrap();
    assert!(!report.healthy && report.services.is_empty() && report.failure.is_none(), "{report:?}");
}

#[test]
fn a_removed_app_is_not_called_healthy_while_the_engine_is_down() {
    let mut world = World::serving("web:good-1");
    world.deploy("");
    world.run(20);
    assert!(world.report.clone().unwrap().healthy);
    world.engine_down(60);
    world.run(10);
    assert!(!world.report.unwrap().healthy);
}
