//! What rests, and for how long.

use evenkeel_model::{CauseKind, UnixMillis};

use super::*;
use crate::fixture::Fixture;
use crate::{Frozen, Hold};

fn freeze(fixture: &mut Fixture, until: Option<UnixMillis>) {
    fixture.frozen = Some(Frozen { until, by: "ops".parse().unwrap(), why: "the fair".to_owned() });
}

fn rest(fixture: &mut Fixture) {
    let hold = Hold { by: None, since: fixture.now, why: String::new() };
    fixture.rollout.as_mut().unwrap().hold = Some(hold);
}

/// A rollout whose first host bakes.
fn baking() -> Fixture {
    let mut fixture = Fixture::running(3);
    fixture.deploy(2);
    fixture.plan();
    fixture.healthy("h1");
    fixture
}

#[test]
fn nothing_is_ordered_committed_or_late_while_it_rests() {
    for pause in [rest as fn(&mut Fixture), |fixture| freeze(fixture, None)] {
        let mut fixture = baking();
        pause(&mut fixture);
        fixture.pass(30);
        assert!(fixture.plan().is_empty());
        fixture.pass(3600);
        assert!(fixture.plan().is_empty());
        assert_eq!(fixture.state(), State::Advancing);
        fixture.fails("h1", CauseKind::Exited);
        fixture.plan();
        assert_eq!(fixture.state(), State::Advancing, "it is judged when it goes on");
        (fixture.frozen, fixture.rollout.as_mut().unwrap().hold) = (None, None);
        fixture.plan();
        assert_ne!(fixture.state(), State::Advancing);
    }
}

#[test]
fn a_freeze_that_ends_by_itself_wakes_it() {
    let mut fixture = baking();
    let until = UnixMillis(fixture.now.0 + 5000);
    freeze(&mut fixture, Some(until));
    assert_eq!(fixture.peek().wake_at, Some(until));
}

#[test]
fn the_deadline_runs_anew_after_a_freeze() {
    let mut fixture = Fixture::running(3);
    fixture.deploy(2);
    fixture.plan();
    freeze(&mut fixture, None);
    fixture.plan();
    fixture.pass(24 * 3600);
    fixture.plan();
    fixture.frozen = None;
    fixture.plan();
    assert_eq!((fixture.state(), fixture.rollout.as_ref().unwrap().progressed), (State::Advancing, fixture.now));
}

#[test]
fn no_freeze_keeps_a_rollback_or_what_was_begun_in_spite_of_it() {
    let mut fixture = Fixture::running(2);
    freeze(&mut fixture, None);
    fixture.roll_back(2);
    assert_eq!(fixture.plan().len(), 1);
    let mut fixture = Fixture::running(2);
    freeze(&mut fixture, None);
    fixture.deploy(2);
    assert!(fixture.plan().is_empty());
    fixture.rollout.as_mut().unwrap().freeze_override = Some("the shop is down".to_owned());
    assert_eq!(fixture.plan().len(), 1);
}

#[test]
fn what_rests_does_not_end_before_it_goes_on() {
    let mut fixture = Fixture::running(1);
    fixture.policy.bake = evenkeel_model::Millis(0);
    fixture.deploy(2);
    fixture.plan();
    fixture.healthy("h1");
    rest(&mut fixture);
    fixture.committed("h1");
    assert_eq!(fixture.state(), State::Advancing);
    fixture.rollout.as_mut().unwrap().hold = None;
    fixture.plan();
    assert_eq!(fixture.outcome(), Some(crate::Outcome::Succeeded));
}
