//! How a host counts against the budget, case by case.

use evenkeel_model::{Phase, Refusal, Stage};

use super::*;
use crate::fixture::Fixture;

/// The standing of `h1` of a fleet on release 1 after `change`.
fn standing(change: impl FnOnce(&mut Fixture)) -> Standing {
    let mut fixture = Fixture::running(1);
    change(&mut fixture);
    Row { view: &fixture.hosts[0], order: None, progress: None, covered: true }.standing()
}

#[test]
fn what_serves_on_its_newest_order_is_available() {
    assert_eq!(standing(|_| ()), Standing::Available);
    let in_trial = |fixture: &mut Fixture| {
        fixture.ordered("h1", 2, Some(2), Phase::Trial);
        fixture.says("h1", Stage::Trial, true);
    };
    assert_eq!(standing(in_trial), Standing::Available);
    let gone_back = |fixture: &mut Fixture| {
        fixture.ordered("h1", 2, Some(2), Phase::Trial);
        fixture.says("h1", Stage::Reverted, false);
    };
    assert_eq!(standing(gone_back), Standing::Available);
}

#[test]
fn from_the_order_until_the_word_a_host_is_unavailable() {
    assert_eq!(standing(|fixture| fixture.ordered("h1", 2, Some(2), Phase::Trial)), Standing::Unavailable);
    let withdrawn = |fixture: &mut Fixture| {
        fixture.ordered("h1", 2, Some(2), Phase::Trial);
        fixture.says("h1", Stage::Trial, true);
        fixture.ordered("h1", 2, Some(2), Phase::Withdrawn);
    };
    assert_eq!(standing(withdrawn), Standing::Unavailable);
}

#[test]
fn sick_silent_and_conflicting_hosts_are_unavailable() {
    assert_eq!(standing(|fixture| fixture.says("h1", Stage::Committed, false)), Standing::Unavailable);
    assert_eq!(standing(|fixture| fixture.silence("h1")), Standing::Unavailable);
    assert_eq!(standing(|fixture| fixture.view("h1").conflict = true), Standing::Unavailable);
}

#[test]
fn a_live_host_with_nothing_committed_is_empty() {
    let first = |fixture: &mut Fixture| {
        fixture.view("h1").report = None;
        fixture.ordered("h1", 1, Some(1), Phase::Trial);
    };
    assert_eq!(standing(first), Standing::Empty);
    let silent = |fixture: &mut Fixture| {
        first(fixture);
        fixture.silence("h1");
    };
    assert_eq!(standing(silent), Standing::Unavailable);
}

#[test]
fn a_host_that_refuses_an_order_serves_what_it_has() {
    let refuses = |fixture: &mut Fixture| {
        fixture.ordered("h1", 2, Some(2), Phase::Trial);
        fixture.refuses("h1", Refusal::Changed);
    };
    assert_eq!(standing(refuses), Standing::Available);
}

#[test]
fn the_next_generation_is_above_all_that_is_known() {
    let mut fixture = Fixture::running(1);
    fixture.ordered("h1", 2, Some(2), Phase::Trial);
    fixture.refuses("h1", Refusal::Stale { accepted: crate::fixture::version(7) });
    let row = Row { view: &fixture.hosts[0], order: None, progress: None, covered: true };
    assert_eq!(row.next_generation(), Generation(8));
}

#[test]
fn a_report_of_another_release_under_the_same_number_is_not_heard() {
    let mut fixture = Fixture::running(1);
    fixture.ordered("h1", 1, Some(2), Phase::Committed);
    let row = Row { view: &fixture.hosts[0], order: None, progress: None, covered: true };
    assert_eq!((row.heard(), row.standing()), (None, Standing::Unavailable));
}

#[test]
fn a_host_told_to_commit_its_first_release_has_something_to_lose() {
    let told = |fixture: &mut Fixture| {
        fixture.view("h1").report = None;
        fixture.ordered("h1", 1, Some(1), Phase::Trial);
        fixture.says("h1", Stage::Trial, true);
        fixture.ordered("h1", 1, Some(1), Phase::Committed);
    };
    assert_eq!(standing(told), Standing::Available);
    let ordered_more = |fixture: &mut Fixture| {
        told(fixture);
        fixture.ordered("h1", 2, Some(2), Phase::Trial);
    };
    assert_eq!(standing(ordered_more), Standing::Unavailable, "it may have committed before it hears of that");
}

#[test]
fn a_host_that_refuses_a_withdrawal_goes_on_serving() {
    let kept = |fixture: &mut Fixture| {
        fixture.ordered("h1", 2, Some(2), Phase::Trial);
        fixture.says("h1", Stage::Trial, true);
        fixture.ordered("h1", 2, Some(2), Phase::Withdrawn);
        fixture.refuses("h1", Refusal::AlreadyCommitted);
    };
    assert_eq!(standing(kept), Standing::Available);
}

#[test]
fn a_host_that_refuses_an_order_and_has_not_spoken_of_the_one_before_may_be_down() {
    let refuses = |fixture: &mut Fixture| {
        fixture.ordered("h1", 3, Some(2), Phase::Trial);
        fixture.refuses("h1", Refusal::Changed);
    };
    assert_eq!(standing(refuses), Standing::Unavailable);
    let mut fixture = Fixture::running(1);
    refuses(&mut fixture);
    let row = Row { view: &fixture.hosts[0], order: None, progress: None, covered: true };
    assert!(!row.answers(), "nor may it be taken for down");
}

#[test]
fn a_word_from_before_it_was_removed_and_joined_again_is_no_answer_to_the_same_number() {
    let former_life = |fixture: &mut Fixture| {
        fixture.ordered("h1", 1, Some(1), Phase::Trial);
        fixture.says("h1", Stage::Reverted, false);
        fixture.view("h1").ordered.as_mut().unwrap().version.epoch.0 += 1;
    };
    let mut fixture = Fixture::running(1);
    former_life(&mut fixture);
    let row = Row { view: &fixture.hosts[0], order: None, progress: None, covered: true };
    assert_eq!((row.heard(), row.reverted()), (None, None));
    assert_eq!(row.standing(), Standing::Unavailable);
}
