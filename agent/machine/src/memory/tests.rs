//! What is remembered, and when it is forgotten.

use evenkeel_model::{CauseKind, Failure, Monotonic, Probe, ProbeEvidence};

use super::Memory;
use crate::world::World;
use crate::{Action, Outcome};

fn probe(world: &World) -> Action {
    let place = world.bodies.keys().next().unwrap().clone();
    Action::Probe { place, probe: Probe::Running, timeout: evenkeel_model::Millis(1) }
}

fn answered(healthy: bool) -> Outcome {
    let evidence = ProbeEvidence { request: "?".to_owned(), answer: "!".to_owned() };
    Outcome::Probed { healthy, evidence }
}

/// The verdict on the only container after these answers, a second apart.
fn verdict_after(answers: &[bool]) -> Option<bool> {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-1");
    let observed = world.observed();
    let mut memory = Memory::default();
    memory.observe(&world.ledger, &observed, Monotonic(0));
    for (second, healthy) in (0..).zip(answers) {
        memory.record(&probe(&world), &answered(*healthy), Monotonic(second * 1000));
    }
    memory.seen(&observed.containers[0].id).unwrap().healthy
}

#[test]
fn two_good_answers_make_healthy_and_three_bad_ones_unhealthy() {
    assert_eq!(verdict_after(&[true]), None);
    assert_eq!(verdict_after(&[true, false, true]), None);
    assert_eq!(verdict_after(&[true, true]), Some(true));
    assert_eq!(verdict_after(&[true, true, false, false]), Some(true));
    assert_eq!(verdict_after(&[true, true, false, false, true, false]), Some(true));
    assert_eq!(verdict_after(&[true, true, false, false, false]), Some(false));
    assert_eq!(verdict_after(&[true, true, false, false, false, true]), Some(false));
    assert_eq!(verdict_after(&[true, true, false, false, false, true, true]), Some(true));
    assert_eq!(verdict_after(&[false, false, false, false]), None);
}

#[test]
fn bad_answers_in_the_start_period_do_not_count() {
    let mut world = World::serving("web:good-1");
    let observed = world.observed();
    let mut memory = Memory::default();
    memory.observe(&world.ledger, &observed, Monotonic(0));
    let seen = memory.seen.values_mut().next().unwrap();
    seen.rule.start_period = evenkeel_model::Millis::seconds(10);
    for second in [1, 2, 3, 4] {
        memory.record(&probe(&world), &answered(false), Monotonic(second * 1000));
    }
    assert!(!memory.seen.values().next().unwrap().says_no());
    for second in [10, 11, 12] {
        memory.record(&probe(&world), &answered(false), Monotonic(second * 1000));
    }
    assert!(memory.seen.values().next().unwrap().says_no());
}

#[test]
fn a_probe_that_could_not_be_put_says_nothing_of_the_container() {
    let mut world = World::serving("web:good-1");
    let observed = world.observed();
    let mut memory = Memory::default();
    memory.observe(&world.ledger, &observed, Monotonic(0));
    for _ in 0..5 {
        let failure = Failure::plain(CauseKind::EngineUnavailable, "timed out");
        memory.record(&probe(&world), &Outcome::Failed(Box::new(failure)), Monotonic(5));
    }
    let seen = memory.seen.values().next().unwrap();
    assert_eq!((seen.says_no(), seen.asked), (false, Some(Monotonic(5))));
}

#[test]
fn observing_twice_is_observing_once() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    let observed = world.observed();
    let mut once = world.memory.clone();
    once.observe(&world.ledger, &observed, world.now);
    let mut twice = once.clone();
    twice.observe(&world.ledger, &observed, world.now);
    assert_eq!(format!("{once:?}"), format!("{twice:?}"));
}

#[test]
fn another_engine_session_or_version_makes_all_of_containers_be_forgotten() {
    for disturb in [|world: &mut World| world.engine_restart(), |world: &mut World| world.deploy("web:good-1")] {
        let mut world = World::serving("web:good-1");
        disturb(&mut world);
        world.now = Monotonic(world.now.0 + 5);
        let observed = world.observed();
        world.memory.observe(&world.ledger, &observed, world.now);
        let seen = world.memory.seen.values().next().unwrap();
        assert_eq!((seen.healthy, seen.since), (None, Some(world.now)));
    }
}

#[test]
fn a_manifest_is_read_once_and_forgotten_with_its_release() {
    let mut world = World::serving("web:good-1");
    world.deploy("web:good-2");
    world.run(20);
    assert_eq!(world.memory.readings.len(), 2);
    world.order(evenkeel_model::Phase::Committed).unwrap();
    world.run(20);
    assert_eq!(world.memory.readings.len(), 1);
}
