//! When a rollout may not go on, and what the policy makes of it.

use evenkeel_model::{CauseKind, OnFailure, Stage};

use crate::fixture::{Fixture, an_abort, waves};
use crate::{HostState, Outcome, State};

fn failed_under(on_failure: OnFailure) -> Fixture {
    let mut fixture = Fixture::running(4);
    fixture.policy.on_failure = on_failure;
    fixture.deploy(2);
    fixture.plan();
    fixture.says("h1", Stage::Reverting, false);
    fixture.trouble("h1", CauseKind::Exited);
    fixture.plan();
    fixture
}

#[test]
fn the_policy_says_what_a_failure_means() {
    for (on_failure, state) in [
        (OnFailure::Pause, State::Paused),
        (OnFailure::RevertFailed, State::Withdrawing),
        (OnFailure::Rollback, State::RollingBack),
    ] {
        let fixture = failed_under(on_failure);
        assert_eq!(fixture.state(), state);
        let failure = fixture.failure();
        assert_eq!((failure.kind, failure.message.as_str()), (CauseKind::Exited, "host h1: exited it was"));
    }
}

#[test]
fn a_rollback_that_fails_is_never_rolled_back() {
    for on_failure in [OnFailure::Pause, OnFailure::RevertFailed, OnFailure::Rollback] {
        let mut fixture = Fixture::running(4);
        fixture.policy.on_failure = on_failure;
        fixture.roll_back(2);
        fixture.plan();
        fixture.fails("h1", CauseKind::Exited);
        assert_eq!(fixture.plan(), Vec::<String>::new());
        assert_eq!(fixture.outcome(), Some(Outcome::Halted), "{on_failure:?}");
    }
}

#[test]
fn nothing_more_is_ordered_in_the_plan_that_sees_the_failure() {
    let mut fixture = Fixture::running(4);
    fixture.policy.max_unavailable = Some("4".parse().unwrap());
    fixture.policy.waves = waves(&["2"]);
    fixture.policy.bake = evenkeel_model::Millis(0);
    fixture.deploy(2);
    fixture.plan();
    fixture.says("h1", Stage::Trial, true);
    fixture.fails("h2", CauseKind::Exited);
    assert_eq!(fixture.plan(), ["h1 g2 r2 withdrawn"], "neither committed nor a next wave");
}

#[test]
fn from_the_second_wave_on_one_failure_is_put_up_with() {
    let mut fixture = Fixture::running(5);
    fixture.deploy(2);
    fixture.move_waves(&["h1", "h2"]);
    fixture.fails("h3", CauseKind::Exited);
    assert_eq!(fixture.plan(), ["h4 g2 r2 trial"]);
    assert_eq!(fixture.state(), State::Advancing);
    fixture.pass(1);
    fixture.fails("h4", CauseKind::OutOfMemory);
    fixture.plan();
    assert_eq!(fixture.state(), State::RollingBack);
    assert_eq!(fixture.failure().kind, CauseKind::OutOfMemory, "the one too many is the reason");
}

#[test]
fn an_abort_takes_back_trials_and_with_rollback_all() {
    for (rollback, state) in [(false, State::Withdrawing), (true, State::RollingBack)] {
        let mut fixture = Fixture::running(4);
        fixture.deploy(2);
        fixture.move_waves(&["h1"]);
        fixture.abort(rollback);
        let orders = fixture.plan();
        assert_eq!(fixture.state(), state);
        assert!(orders.contains(&"h2 g2 r2 withdrawn".to_owned()), "{orders:?}");
    }
}

#[test]
fn a_superseded_rollout_ends_at_once_and_leaves_its_hosts() {
    let mut fixture = Fixture::running(4);
    fixture.deploy(2);
    fixture.move_waves(&["h1"]);
    crate::abort(fixture.rollout.as_mut().unwrap(), an_abort(false, true)).unwrap();
    assert_eq!(fixture.plan(), Vec::<String>::new());
    assert_eq!(fixture.outcome(), Some(Outcome::Superseded));
    assert_eq!(fixture.state_of("h2"), HostState::Ordered);
}

#[test]
fn a_paused_rollout_can_be_aborted() {
    let mut fixture = failed_under(OnFailure::Pause);
    fixture.pass(100_000);
    assert_eq!(fixture.plan(), Vec::<String>::new());
    fixture.abort(false);
    fixture.plan();
    assert_eq!(fixture.state(), State::Withdrawing);
}

#[test]
fn a_host_that_fails_on_its_way_back_stops_the_rollback() {
    let mut fixture = Fixture::running(4);
    fixture.deploy(2);
    fixture.move_waves(&["h1"]);
    fixture.fails("h2", CauseKind::Exited);
    // The second wave tolerates one: the operator takes it all back.
    fixture.abort(true);
    assert_eq!(fixture.plan(), ["h1 g3 r1 trial"]);
    fixture.fails("h1", CauseKind::PortTaken);
    assert_eq!(fixture.plan(), Vec::<String>::new());
    assert_eq!(fixture.outcome(), Some(Outcome::Halted));
    assert_eq!(fixture.failure().message, "host h1: port_taken it was");
}

#[test]
fn a_percentage_of_failures_is_of_the_hosts_at_the_start() {
    let mut fixture = Fixture::running(4);
    fixture.policy.max_failures = Some("50%".parse().unwrap());
    fixture.policy.max_unavailable = Some("3".parse().unwrap());
    fixture.policy.waves = waves(&["4"]);
    fixture.deploy(2);
    assert_eq!(fixture.plan().len(), 3);
    fixture.hosts.pop();
    fixture.fails("h1", CauseKind::Exited);
    fixture.fails("h2", CauseKind::Exited);
    fixture.plan();
    assert_eq!(fixture.state(), State::Advancing, "two of four, though one of them has left");
    fixture.fails("h3", CauseKind::Exited);
    fixture.plan();
    assert_eq!(fixture.outcome(), Some(Outcome::RolledBack), "all three are back by themselves");
}

#[test]
fn of_several_that_fail_at_once_the_first_is_the_reason() {
    let mut fixture = Fixture::running(4);
    fixture.policy.max_unavailable = Some("3".parse().unwrap());
    fixture.policy.waves = waves(&["4"]);
    fixture.deploy(2);
    fixture.plan();
    for host in ["h3", "h1", "h2"] {
        fixture.fails(host, CauseKind::Exited);
    }
    fixture.plan();
    assert_eq!(fixture.failure().message, "host h1: exited it was");
}
