//! The ways back.

use evenkeel_model::{CauseKind, Phase, Refusal, ReleaseNumber, Stage};

use crate::fixture::{Fixture, waves};
use crate::{HostState, Outcome};

/// Six hosts, of which the first two have committed release 2 and the third is in trial; then two failures are one too many.
fn rolled_back_from_the_third_wave() -> (Fixture, Vec<String>) {
    let mut fixture = Fixture::running(6);
    fixture.policy.max_failures = Some("0".parse().unwrap());
    fixture.deploy(2);
    fixture.move_waves(&["h1", "h2"]);
    fixture.fails("h3", CauseKind::Exited);
    let orders = fixture.plan();
    (fixture, orders)
}

#[test]
fn committed_hosts_go_back_inside_the_budget_by_a_new_generation() {
    let (mut fixture, orders) = rolled_back_from_the_third_wave();
    assert_eq!(orders, ["h1 g3 r1 trial"]);
    assert_eq!(fixture.healthy("h1"), ["h1 g3 r1 committed", "h2 g3 r1 trial"], "a commit costs nothing");
    fixture.committed("h1");
    assert_eq!(fixture.state_of("h1"), HostState::Returned);
    fixture.healthy("h2");
    fixture.committed("h2");
    assert_eq!(fixture.outcome(), Some(Outcome::RolledBack));
}

#[test]
fn a_silent_host_does_not_keep_the_others_from_going_back() {
    let mut fixture = Fixture::running(6);
    fixture.policy.max_failures = Some("0".parse().unwrap());
    fixture.deploy(2);
    fixture.move_waves(&["h1", "h2"]);
    fixture.silence("h6");
    fixture.fails("h3", CauseKind::Exited);
    assert_eq!(fixture.plan(), ["h1 g3 r1 trial"], "one at a time always");
    fixture.silence("h1");
    assert_eq!(fixture.plan(), ["h2 g3 r1 trial"]);
}

#[test]
fn broken_hosts_go_back_at_once() {
    let mut fixture = Fixture::running(6);
    fixture.policy.max_failures = Some("0".parse().unwrap());
    fixture.deploy(2);
    fixture.move_waves(&["h1", "h2"]);
    fixture.says("h1", Stage::Committed, false);
    fixture.says("h2", Stage::Committed, false);
    fixture.fails("h3", CauseKind::Exited);
    assert_eq!(fixture.plan(), ["h1 g3 r1 trial", "h2 g3 r1 trial"]);
}

#[test]
fn healthy_trials_are_withdrawn_inside_the_budget() {
    let mut fixture = Fixture::running(4);
    fixture.policy.waves = waves(&[]);
    fixture.deploy(2);
    fixture.plan();
    fixture.healthy("h1");
    fixture.healthy("h2");
    fixture.fails("h3", CauseKind::Exited);
    assert_eq!(fixture.plan(), ["h1 g2 r2 withdrawn"], "a swap back may cost a moment of service too");
    fixture.says("h1", Stage::Reverted, false);
    assert_eq!(fixture.plan(), ["h2 g2 r2 withdrawn"]);
}

#[test]
fn a_withdrawn_host_that_had_committed_goes_back_by_a_new_generation() {
    let mut fixture = Fixture::running(4);
    fixture.deploy(2);
    fixture.plan();
    fixture.healthy("h1");
    fixture.pass(30);
    assert_eq!(fixture.plan(), ["h1 g2 r2 committed"]);
    fixture.abort(true);
    assert_eq!(fixture.plan(), ["h1 g2 r2 withdrawn"]);
    fixture.says("h1", Stage::Committed, true);
    fixture.refuses("h1", Refusal::AlreadyCommitted);
    assert_eq!(fixture.plan(), ["h1 g3 r1 trial"]);
}

#[test]
fn a_host_that_reverts_to_something_else_is_ordered_to_the_release_before() {
    let mut fixture = Fixture::running(3);
    fixture.ordered("h1", 4, Some(3), Phase::Committed);
    fixture.says("h1", Stage::Committed, true);
    fixture.deploy(2);
    assert_eq!(fixture.plan(), ["h1 g5 r2 trial"]);
    fixture.fails("h1", CauseKind::Exited);
    assert_eq!(fixture.plan(), ["h1 g6 r1 trial"]);
    fixture.healthy("h1");
    fixture.committed("h1");
    assert_eq!(fixture.outcome(), Some(Outcome::RolledBack));
}

#[test]
fn a_failed_first_deploy_goes_back_to_nothing() {
    let mut fixture = Fixture::empty(3);
    fixture.policy.max_failures = Some("0".parse().unwrap());
    fixture.deploy(1);
    fixture.move_waves(&["h1"]);
    fixture.fails("h2", CauseKind::Exited);
    assert_eq!(fixture.plan(), ["h1 g2 nothing committed"]);
    fixture.committed("h1");
    assert_eq!(fixture.outcome(), Some(Outcome::RolledBack));
}

#[test]
fn a_host_that_refused_the_order_is_back_where_it_never_left() {
    let mut fixture = Fixture::running(3);
    fixture.deploy(2);
    fixture.plan();
    fixture.refuses("h1", Refusal::Changed);
    assert_eq!(fixture.plan(), Vec::<String>::new());
    assert_eq!(fixture.outcome(), Some(Outcome::RolledBack));
}

#[test]
fn an_abort_leaves_committed_hosts() {
    let mut fixture = Fixture::running(4);
    fixture.deploy(2);
    fixture.move_waves(&["h1"]);
    fixture.abort(false);
    assert_eq!(fixture.plan(), ["h2 g2 r2 withdrawn"]);
    fixture.says("h2", Stage::Reverted, false);
    assert_eq!(fixture.plan(), Vec::<String>::new());
    assert_eq!(fixture.outcome(), Some(Outcome::Aborted));
    assert_eq!(fixture.view("h1").ordered.unwrap().release, Some(ReleaseNumber(2)));
}

#[test]
fn a_withdrawn_host_that_is_back_on_something_else_is_taken_to_the_release_before() {
    let elsewhere = || {
        let mut fixture = Fixture::running(3);
        fixture.ordered("h1", 4, Some(3), Phase::Committed);
        fixture.says("h1", Stage::Committed, true);
        fixture.deploy(2);
        assert_eq!(fixture.plan(), ["h1 g5 r2 trial"]);
        fixture
    };
    let mut all_back = elsewhere();
    all_back.abort(true);
    assert_eq!(all_back.plan(), ["h1 g5 r2 withdrawn"]);
    all_back.says("h1", Stage::Reverted, false);
    assert_eq!(all_back.plan(), ["h1 g6 r1 trial"]);

    let mut trials_back = elsewhere();
    trials_back.abort(false);
    assert_eq!(trials_back.plan(), ["h1 g5 r2 withdrawn"]);
    trials_back.says("h1", Stage::Reverted, false);
    assert_eq!(trials_back.plan(), Vec::<String>::new());
    assert_eq!(trials_back.outcome(), Some(Outcome::Aborted), "an abort takes a trial back, and nothing else");
    assert_eq!(trials_back.state_of("h1"), HostState::Returned);
}
