//! What is unhealthy after the end is restarted, less and less often.

use std::collections::BTreeSet;

use evenkeel_model::{Millis, Monotonic, Phase};

use super::due;
use crate::memory::Seen;
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
    set_image(&mut world, image);
    world
}

fn set_image(world: &mut World, image: &str) {
    let other = crate::world::release(&format!("web:{image}")).services.into_values().next().unwrap();
    world.bodies.values_mut().for_each(|body| body.service.image = other.image.clone());
}

#[test]
fn an_unhealthy_one_is_restarted_with_growing_pauses_and_said_to_be_unhealthy() {
    let mut world = turned("web:good-1", "unready-1");
    let moments = restarts(&mut world, 3000);
    let pauses: Vec<u64> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // One that has not been healthy since it was restarted has the health deadline each time.
    assert_eq!(pauses[..7], [30, 30, 40, 80, 160, 300, 300], "{pauses:?}");
    let report = world.report.clone().unwrap();
    assert_eq!((world.end(), report.healthy, &report.failure), ("committed", false, &None));
    assert!(report.why.contains("web is unhealthy"), "{}", report.why);
    assert_eq!(world.log[..2], ["stop web.a", "start web.a"]);
}

/// One that was healthy says no for so many seconds, and then yes again: how often it is restarted within a quarter of an hour.
fn restarts_of_a_blip(seconds: u64) -> usize {
    let mut world = World::serving("web:good-1:routed");
    let good = world.bodies.values().next().unwrap().service.image.clone();
    set_image(&mut world, "unready-1");
    let during = restarts(&mut world, seconds).len();
    world.bodies.values_mut().for_each(|body| body.service.image = good.clone());
    during + restarts(&mut world, 900).len()
}

#[test]
fn one_that_was_healthy_and_says_no_for_a_while_is_not_restarted() {
    for (seconds, expected) in [(10, 0), (30, 0), (60, 1)] {
        assert_eq!(restarts_of_a_blip(seconds), expected, "{seconds}");
    }
}

#[test]
fn patience_counts_from_the_last_good_answer() {
    let mut world = World::serving("web:good-1");
    let good = world.bodies.values().next().unwrap().service.image.clone();
    for _ in 0..10 {
        set_image(&mut world, "unready-1");
        assert!(restarts(&mut world, 25).is_empty());
        world.bodies.values_mut().for_each(|body| body.service.image = good.clone());
        assert!(restarts(&mut world, 15).is_empty());
    }
}

#[test]
fn hosts_are_not_patient_for_the_same_time_and_each_always_is_for_its_own() {
    let place = crate::Place { service: "web".parse().unwrap(), slot: evenkeel_model::Slot::A };
    let mut seen = Seen::new(place, 0);
    (seen.healthy, seen.bad_since) = (Some(false), Some(Monotonic(0)));
    let due = |host: u32| due(&seen, &format!("4f66ad9a0b2e{host:02}"), Millis::minutes(2)).unwrap();
    let seconds: BTreeSet<u64> = (0..100).map(|host| due(host).0 / 1000).collect();
    assert_eq!(seconds, (30..45).collect());
    assert_eq!(due(7), due(7));
}

#[test]
fn what_is_waited_for_is_said() {
    let mut world = turned("web:good-1", "unready-1");
    world.run(20);
    let why = world.report.clone().unwrap().why;
    assert_eq!(why, "the release is final here; web is unhealthy; it is restarted if that lasts");
}

#[test]
fn one_that_boots_slowly_has_the_health_deadline_whatever_made_it_boot() {
    let rows: [fn(&mut World); 4] = [World::reboot, World::engine_restart, World::kill, |world| {
        world.bodies.values_mut().for_each(|body| body.crash(1, false));
    }];
    for disturb in rows {
        let mut world = World::serving("web:slow-1");
        world.run(30);
        world.forget_the_past();
        disturb(&mut world);
        check(&mut world, 120, "committed | running web:slow-1 | stopped -");
        assert!(world.log.is_empty() && world.report.unwrap().healthy, "{:?}", world.log);
    }
}

#[test]
fn a_base_that_recovers_slowly_after_a_revert_is_left_in_peace() {
    let mut world = World::serving("db:slow-1:stop-first");
    world.run(30);
    world.deploy("db:good-2:stop-first");
    world.run(20);
    world.forget_the_past();
    world.order(Phase::Withdrawn).unwrap();
    check(&mut world, 120, "reverted | running db:slow-1 | stopped -");
    assert_eq!(world.log.iter().filter(|action| *action == "start db.a").count(), 1, "{:?}", world.log);
    assert!(!world.log.contains(&"stop db.a".to_owned()), "{:?}", world.log);
}

#[test]
fn one_that_was_well_for_long_begins_anew() {
    let mut world = turned("web:good-1", "unready-1");
    assert!(restarts(&mut world, 400).len() > 5);
    set_image(&mut world, "good-1");
    assert!(restarts(&mut world, 900).len() <= 1);
    set_image(&mut world, "unready-1");
    assert!(restarts(&mut world, 120).len() > 1, "the pauses had grown to minutes before");
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
    set_image(&mut world, "unready-1");
    assert!(!restarts(&mut world, 60).is_empty());
}
