//! What passes a gate, and what it leaves behind.

use evenkeel_model::analysis::Source;
use evenkeel_model::gate::GateWaves;
use evenkeel_model::{Gate, Millis};

use crate::fixture::Fixture;
use crate::{Measured, take_reading};

use super::*;

fn analysis(max_bad: u32, max_inconclusive: u32) -> Check {
    Check::Analysis(Analysis {
        name: "errors".to_owned(),
        source: Source::Http { url: "http://shop/".to_owned(), status: (200, 299), body: None },
        samples: 3,
        interval: Millis::seconds(10),
        max_bad,
        max_inconclusive,
    })
}

/// A first wave that has baked, and stands before this gate.
fn before(check: Check) -> Fixture {
    let mut fixture = Fixture::running(3);
    fixture.policy.gates = vec![Gate { at: GatePoint::Commit, waves: GateWaves::First, check }];
    fixture.deploy(2);
    fixture.plan();
    fixture.healthy("h1");
    fixture.pass(30);
    assert!(fixture.plan().is_empty(), "it is closed");
    fixture
}

fn good(good: bool) -> Measured {
    Measured::Answer { good, said: if good { "200" } else { "503" }.to_owned() }
}

fn silent() -> Measured {
    Measured::Nothing("no answer".to_owned())
}

/// The reading that is asked for now, taken; what is ordered then.
fn read(fixture: &mut Fixture, measured: &Measured) -> Vec<String> {
    let asked = fixture.peek().measures;
    assert_eq!(asked.len(), 1, "one is asked for");
    let now = fixture.now;
    let rollout = fixture.rollout.as_mut().unwrap();
    assert!(take_reading(rollout, asked[0].id, asked[0].number, measured, now));
    assert!(!take_reading(rollout, asked[0].id, asked[0].number, measured, now), "twice is once");
    fixture.plan()
}

#[test]
fn readings_are_asked_for_one_interval_apart() {
    let mut fixture = before(analysis(0, 0));
    assert!(read(&mut fixture, &good(true)).is_empty());
    assert!(fixture.peek().measures.is_empty());
    assert_eq!(fixture.peek().wake_at, Some(fixture.now + Millis::seconds(10)));
    fixture.pass(10);
    assert!(read(&mut fixture, &good(true)).is_empty());
    fixture.pass(10);
    assert_eq!(read(&mut fixture, &good(true)), ["h1 g2 r2 committed"]);
}

#[test]
fn one_bad_reading_too_many_fails_it_with_what_was_read() {
    let mut strict = before(analysis(0, 0));
    assert_eq!(read(&mut strict, &good(false)), ["h1 g2 r2 withdrawn"]);
    assert_eq!(strict.failure().kind, CauseKind::AnalysisFailed);
    assert_eq!(strict.failure().message, "analysis errors: 1 of 1 readings bad, the last: 503");

    let mut patient = before(analysis(1, 0));
    assert!(read(&mut patient, &good(false)).is_empty());
    patient.pass(10);
    assert!(read(&mut patient, &good(true)).is_empty());
    patient.pass(10);
    assert_eq!(read(&mut patient, &good(true)), ["h1 g2 r2 committed"]);
}

#[test]
fn readings_that_say_nothing_pause_it_and_fail_nothing() {
    let mut fixture = before(analysis(0, 1));
    assert!(read(&mut fixture, &silent()).is_empty());
    assert!(fixture.rollout.as_ref().unwrap().hold.is_none(), "one is put up with");
    fixture.pass(10);
    assert!(read(&mut fixture, &silent()).is_empty());
    let rollout = fixture.rollout.as_ref().unwrap();
    assert_eq!((rollout.state, &rollout.failure), (State::Advancing, &None));
    assert_eq!(rollout.hold.as_ref().unwrap().why, "analysis errors says nothing: no answer");
    assert!(fixture.peek().measures.is_empty(), "nothing is measured while it rests");
}

#[test]
fn what_was_measured_before_a_lapse_is_measured_anew() {
    let mut fixture = before(analysis(0, 0));
    read(&mut fixture, &good(true));
    fixture.says("h1", evenkeel_model::Stage::Trial, false);
    fixture.plan();
    fixture.healthy("h1");
    fixture.pass(30);
    fixture.plan();
    assert_eq!(fixture.peek().measures[0].number, 0);
}

#[test]
fn a_reading_for_a_wave_that_was_left_is_of_no_use() {
    let mut fixture = before(analysis(0, 0));
    let stale = fixture.peek().measures[0].id;
    let now = fixture.now;
    let rollout = fixture.rollout.as_mut().unwrap();
    rollout.enter_wave(1, now);
    assert!(!take_reading(rollout, stale, 0, &good(false), now));
}

#[test]
fn a_lapse_at_a_gate_does_not_fall_due_at_once() {
    let mut fixture = before(Check::Approval(evenkeel_model::gate::Approval { persons: 2 }));
    fixture.pass(7 * 24 * 3600);
    fixture.plan();
    fixture.says("h1", evenkeel_model::Stage::Trial, false);
    fixture.plan();
    assert_eq!(fixture.state(), State::Advancing, "a week at a gate is no lack of progress");
}

#[test]
fn who_is_measured_beside_whom() {
    let fixture = before(analysis(0, 0));
    let measure = &fixture.peek().measures[0];
    assert_eq!(measure.hosts, [crate::fixture::id("h1")]);
    assert_eq!(measure.others, [crate::fixture::id("h2"), crate::fixture::id("h3")]);
}
