//! How rollouts end.

use evenkeel_model::{CauseKind, OnFailure, Stage};

use crate::fixture::Fixture;
use crate::{Outcome, State};

fn at_its_last_acknowledgement() -> Fixture {
    let mut fixture = Fixture::running(3);
    fixture.deploy(2);
    fixture.move_waves(&["h1", "h2"]);
    fixture.healthy("h3");
    fixture.pass(30);
    fixture.plan();
    fixture
}

#[test]
fn success_needs_the_healthy_word_of_every_host() {
    let mut fixture = at_its_last_acknowledgement();
    fixture.committed("h3");
    assert_eq!(fixture.outcome(), Some(Outcome::Succeeded));
    assert_eq!(fixture.rollout.as_ref().unwrap().ended, Some(fixture.now));

    let mut sick = at_its_last_acknowledgement();
    sick.says("h1", Stage::Committed, false);
    sick.committed("h3");
    assert_eq!(sick.state(), State::Advancing);
    sick.committed("h1");
    assert_eq!(sick.outcome(), Some(Outcome::Succeeded));

    let mut silent = at_its_last_acknowledgement();
    silent.silence("h2");
    silent.committed("h3");
    assert_eq!(silent.state(), State::Advancing);
    silent.pass(15 * 60);
    silent.plan();
    assert_eq!(silent.state(), State::RollingBack);
}

#[test]
fn a_failure_that_was_put_up_with_is_no_success() {
    let mut fixture = at_its_last_acknowledgement();
    fixture.fails("h3", CauseKind::OutOfMemory);
    fixture.plan();
    assert_eq!(fixture.outcome(), Some(Outcome::Halted));
    assert_eq!(fixture.failure().message, "host h3: out_of_memory it was");
}

#[test]
fn a_rollback_waits_a_whole_deadline_for_silent_hosts_and_names_them() {
    let mut fixture = Fixture::running(3);
    fixture.policy.max_failures = Some("0".parse().unwrap());
    fixture.deploy(2);
    fixture.move_waves(&["h1"]);
    fixture.silence("h1");
    fixture.fails("h2", CauseKind::Exited);
    assert_eq!(fixture.plan(), ["h1 g3 r1 trial"]);
    fixture.pass(15 * 60 - 1);
    fixture.plan();
    assert_eq!(fixture.state(), State::RollingBack);
    fixture.pass(1);
    fixture.plan();
    assert_eq!(fixture.outcome(), Some(Outcome::Halted));
    let failure = fixture.failure();
    assert_eq!(failure.kind, CauseKind::Exited, "the cause stays the cause");
    assert_eq!(failure.message, "host h2: exited it was; not back, because not heard from: h1");
}

#[test]
fn a_rollback_whose_hosts_do_not_come_back_is_halted() {
    let mut fixture = Fixture::running(3);
    fixture.deploy(2);
    fixture.plan();
    fixture.abort(true);
    assert_eq!(fixture.plan(), ["h1 g2 r2 withdrawn"]);
    fixture.pass(15 * 60);
    fixture.plan();
    assert_eq!(fixture.outcome(), Some(Outcome::Halted));
    assert_eq!(fixture.failure().message, "not back: h1");
}

#[test]
fn revert_failed_is_over_when_the_trials_are_back() {
    let mut fixture = Fixture::running(3);
    fixture.policy.on_failure = OnFailure::RevertFailed;
    fixture.deploy(2);
    fixture.plan();
    fixture.says("h1", Stage::Reverting, false);
    fixture.trouble("h1", CauseKind::Exited);
    fixture.plan();
    assert_eq!(fixture.state(), State::Withdrawing, "the failed host is still on its way");
    fixture.fails("h1", CauseKind::Exited);
    fixture.plan();
    assert_eq!(fixture.outcome(), Some(Outcome::Halted));
}

#[test]
fn an_abort_does_not_wait_for_silent_hosts() {
    let mut fixture = Fixture::running(3);
    fixture.deploy(2);
    fixture.plan();
    fixture.silence("h1");
    fixture.abort(false);
    assert_eq!(fixture.plan(), ["h1 g2 r2 withdrawn"]);
    assert_eq!(fixture.outcome(), Some(Outcome::Aborted));
}

#[test]
fn a_rollout_without_hosts_left_has_not_succeeded() {
    let mut fixture = at_its_last_acknowledgement();
    fixture.hosts.clear();
    fixture.plan();
    assert_eq!(fixture.outcome(), Some(Outcome::Halted));
}

#[test]
fn an_ended_rollout_never_changes_again() {
    let mut fixture = at_its_last_acknowledgement();
    fixture.committed("h3");
    let ended = fixture.rollout.clone();
    fixture.hosts.remove(0);
    fixture.fails("h2", CauseKind::Exited);
    fixture.pass(100_000);
    fixture.plan();
    assert_eq!(fixture.rollout, ended);
}
