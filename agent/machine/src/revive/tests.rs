//! What is unhealthy after the end is restarted, less and less often.

use evenkeel_model::{Monotonic, Phase};

use crate::world::{World, check};

/// The moments of the restarts within so many seconds, from now.
fn restarts(world: &mut World, seconds: u64) -> Vec<u64> {
    let (began, mut moments) = (world.now, Vec::new());
    let end = Monotonic(began.0 + seconds * 1000);
    while world.now < end {
        let before = world.log.len();
        world.step(end);
        if world.log[before..].iter().any(|action| action == "stop web.a") {
            moments.push(world.now.since(began).0 / 1000);
        }
    }
    moments
}

fn turned(text: &str, image: &str) -> World {
    let mut world = World::serving(text);
    let other = crate::world::release(&format!("web:{image}")).services.into_values().next().unwrap();
    world.bodies.values_mut().for_each(|body| body.service.image = other.image.clone());
    world
}

#[test]
fn an_unhealthy_one_is_restarted_with_growing_pauses_and_said_to_be_unhealthy() {
    let mut world = turned("web:good-1", "unready-1");
    let moments = restarts(&mut world, 3000);
    let pauses: Vec<u64> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses[..7], [10, 20, 40, 80, 160, 300, 300], "{pauses:?}");
    let report = world.report.clone().unwrap();
    assert_eq!((world.end(), report.healthy, &report.failure), ("committed", false, &None));
    assert!(report.why.contains("web is unhealthy"), "{}", report.why);
    assert_eq!(world.log[..2], ["stop web.a", "start web.a"]);
}

#[test]
fn one_that_was_well_for_long_begins_anew() {
    let mut world = turned("web:good-1", "unready-1");
    restarts(&mut world, 200);
    let good = crate::world::release("web:good-1").services.into_values().next().unwrap();
    let bad = world.bodies.values().next().unwrap().service.image.clone();
    world.bodies.values_mut().for_each(|body| body.service.image = good.image.clone());
    assert!(restarts(&mut world, 900).len() <= 1);
    world.bodies.values_mut().for_each(|body| body.service.image = bad.clone());
    assert!(restarts(&mut world, 60).len() > 1, "the pauses had grown to minutes before");
}

#[test]
fn one_that_may_stay_ended_is_not_restarted() {
    let mut world = turned("web:good-1:restart-no", "unready-1");
    assert!(restarts(&mut world, 600).is_empty());
}

#[test]
fn a_trial_is_reverted_and_not_restarted() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:sick-2");
    world.run(60);
    assert_eq!((world.end(), world.log.iter().filter(|action| *action == "start web.b").count()), ("reverted", 1));
}

#[test]
fn an_agent_killed_between_stop_and_start_starts_it_all_the_same() {
    let mut world = turned("web:good-1:routed", "unready-1");
    world.run_until(|world| world.log.last().is_some_and(|action| action == "stop web.a"));
    world.kill();
    check(&mut world, 3, "committed | running web:unready-1 | stopped - | to web:unready-1");
    assert_eq!(world.log, ["stop web.a", "start web.a"], "the route stays");
}

#[test]
fn a_base_that_turns_unhealthy_after_a_revert_is_restarted_too() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.run(20);
    world.order(Phase::Withdrawn).unwrap();
    world.run(20);
    let other = crate::world::release("web:unready-1").services.into_values().next().unwrap();
    world.bodies.values_mut().for_each(|body| body.service.image = other.image.clone());
    assert!(!restarts(&mut world, 60).is_empty());
}
