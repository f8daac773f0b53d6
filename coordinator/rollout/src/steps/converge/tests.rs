//! Hosts that join and return.

use evenkeel_model::{CauseKind, Phase, ReleaseNumber, Stage};

use crate::fixture::Fixture;
use crate::{Outcome, WaitingOn};

#[test]
fn a_host_that_joins_gets_the_current_release() {
    let mut fixture = Fixture::running(2);
    fixture.join("h3");
    assert_eq!(fixture.plan(), ["h3 g1 r1 trial"]);
    assert_eq!(fixture.healthy("h3"), ["h3 g1 r1 committed"]);
    assert_eq!(fixture.committed("h3"), Vec::<String>::new());
}

#[test]
fn without_a_current_release_a_host_that_joins_waits_for_one() {
    let mut fixture = Fixture::empty(2);
    assert_eq!(fixture.plan(), Vec::<String>::new());
}

#[test]
fn a_host_that_joins_during_a_rollout_gets_the_current_release_and_the_new_one_after_it() {
    let mut fixture = Fixture::running(2);
    fixture.deploy(2);
    fixture.plan();
    fixture.join("h0");
    assert_eq!(fixture.plan(), ["h0 g1 r1 trial"], "the current release, not the rollout's");
    fixture.healthy("h0");
    fixture.committed("h0");
    fixture.move_waves(&["h1", "h2"]);
    assert_eq!(fixture.outcome(), Some(Outcome::Succeeded));
    assert_eq!(fixture.view("h0").ordered.unwrap().release, Some(ReleaseNumber(2)), "it follows at once");
}

#[test]
fn so_many_join_at_once_as_the_budget_says() {
    let mut fixture = Fixture::running(1);
    for host in ["h2", "h3"] {
        fixture.join(host);
    }
    assert_eq!(fixture.plan(), ["h2 g1 r1 trial"]);
    assert_eq!(fixture.peek().waiting.len(), 2, "h2 is awaited, and the budget is spent");
    assert_eq!(fixture.healthy("h2"), ["h2 g1 r1 committed", "h3 g1 r1 trial"]);
}

#[test]
fn a_host_that_went_back_from_the_current_release_is_not_tried_again() {
    let mut fixture = Fixture::running(1);
    fixture.join("h2");
    fixture.plan();
    fixture.fails("h2", CauseKind::Exited);
    fixture.pass(100_000);
    assert_eq!(fixture.plan(), Vec::<String>::new());
    let waiting = fixture.peek().waiting;
    assert!(
        matches!(&waiting[..], [WaitingOn::Obstacle { failure, .. }] if failure.kind == CauseKind::Exited),
        "{waiting:?}"
    );
}

#[test]
fn silent_and_conflicting_hosts_are_left_alone() {
    let mut fixture = Fixture::running(1);
    for host in ["h2", "h3"] {
        fixture.join(host);
    }
    fixture.silence("h2");
    fixture.view("h3").conflict = true;
    assert_eq!(fixture.plan(), Vec::<String>::new());
    assert!(matches!(&fixture.peek().waiting[..], [WaitingOn::Conflict { hosts }] if hosts.len() == 1));
}

/// The rollout is rolled back while `h1` is silent; then it returns.
fn halted_without_h1() -> Fixture {
    let mut fixture = Fixture::running(3);
    fixture.deploy(2);
    fixture.plan();
    fixture.silence("h1");
    fixture.pass(15 * 60);
    assert_eq!(fixture.plan(), ["h1 g2 r2 withdrawn"]);
    assert_eq!(fixture.outcome(), Some(Outcome::Halted));
    fixture
}

#[test]
fn a_host_that_returns_after_a_halt_goes_back_by_its_withdrawal() {
    let mut fixture = halted_without_h1();
    fixture.says("h1", Stage::Trial, true);
    assert_eq!(fixture.plan(), Vec::<String>::new());
    fixture.says("h1", Stage::Reverted, false);
    assert_eq!(fixture.plan(), Vec::<String>::new(), "it has the current release");
}

#[test]
fn a_host_that_returns_committed_after_a_halt_is_brought_to_the_current_release() {
    let mut fixture = halted_without_h1();
    fixture.says("h1", Stage::Committed, true);
    assert_eq!(fixture.plan(), ["h1 g3 r1 trial"]);
}

#[test]
fn hosts_of_an_aborted_rollout_are_left_as_they_are() {
    let mut fixture = Fixture::running(4);
    fixture.deploy(2);
    fixture.move_waves(&["h1"]);
    fixture.abort(false);
    fixture.plan();
    fixture.says("h2", Stage::Reverted, false);
    fixture.plan();
    fixture.pass(100_000);
    assert_eq!(fixture.plan(), Vec::<String>::new());
    assert_eq!(fixture.view("h1").ordered.unwrap().phase, Phase::Committed);
}

#[test]
fn a_host_whose_labels_match_no_more_keeps_what_it_has() {
    let mut fixture = Fixture::running(2);
    fixture.releases.insert(ReleaseNumber(1), crate::fixture::manifest(1, &[("app", &[("role", "web")])]));
    assert_eq!(fixture.plan(), Vec::<String>::new());
}
