//! Hosts that are to be emptied.

use evenkeel_model::Stage;

use crate::fixture::Fixture;
use crate::row::Standing;
use crate::{Duty, HostState, WaitingOn};

fn drained(fixture: &mut Fixture, host: &str) {
    fixture.view(host).duty = Duty::Drained;
}

#[test]
fn hosts_are_emptied_one_after_the_other_as_the_budget_allows() {
    let mut fixture = Fixture::running(3);
    drained(&mut fixture, "h1");
    drained(&mut fixture, "h2");
    assert_eq!(fixture.plan(), ["h1 g2 nothing committed"]);
    fixture.says("h1", Stage::Committed, true);
    assert!(fixture.plan().is_empty(), "one that was emptied is down by our hand");
    let both = vec!["h2".parse().unwrap()];
    assert!(fixture.peek().waiting.contains(&WaitingOn::Drain { hosts: both }));
    fixture.view("h1").duty = Duty::Active;
    assert_eq!(fixture.plan(), ["h1 g3 r1 trial"], "until it serves again the other does");
    assert_eq!(fixture.healthy("h1"), ["h1 g3 r1 committed", "h2 g2 nothing committed"]);
}

#[test]
fn what_is_in_trial_is_decided_first() {
    let mut fixture = Fixture::running(3);
    fixture.deploy(2);
    fixture.plan();
    drained(&mut fixture, "h1");
    fixture.healthy("h1");
    assert_eq!(fixture.state_of("h1"), HostState::Healthy);
    fixture.pass(30);
    assert_eq!(fixture.plan(), ["h1 g2 r2 committed"]);
    // Committed, it leaves the rollout, whose hosts come first.
    assert_eq!(fixture.committed("h1"), ["h2 g2 r2 trial"]);
    assert_eq!(fixture.healthy("h2"), ["h1 g3 nothing committed"]);
    assert!(!fixture.rollout.as_ref().unwrap().hosts.contains_key(&crate::fixture::id("h1")));
}

#[test]
fn a_silent_host_is_told_when_it_is_heard() {
    let mut fixture = Fixture::running(2);
    drained(&mut fixture, "h1");
    fixture.silence("h1");
    assert!(fixture.plan().is_empty());
    fixture.says("h1", Stage::Committed, true);
    assert_eq!(fixture.plan(), ["h1 g2 nothing committed"]);
}

#[test]
fn a_host_that_never_had_anything_is_left_alone_and_counts_for_nothing() {
    let mut fixture = Fixture::running(2);
    fixture.join("h9");
    drained(&mut fixture, "h9");
    assert!(fixture.plan().is_empty());
    let view = fixture.view("h9").clone();
    let row = crate::row::Row { view: &view, order: None, progress: None, covered: false };
    assert_eq!(row.standing(), Standing::Empty);
}
