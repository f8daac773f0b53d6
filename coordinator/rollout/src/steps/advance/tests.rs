//! Bake, commit, next wave.

use evenkeel_model::{CauseKind, Millis, Stage};

use crate::HostState;
use crate::fixture::{Fixture, waves};

#[test]
fn a_wave_is_committed_when_its_bake_is_over_and_not_before() {
    let mut fixture = Fixture::running(4);
    fixture.deploy(2);
    fixture.plan();
    assert_eq!(fixture.healthy("h1"), Vec::<String>::new());
    fixture.pass(29);
    assert_eq!(fixture.plan(), Vec::<String>::new());
    fixture.pass(1);
    assert_eq!(fixture.plan(), ["h1 g2 r2 committed"]);
}

#[test]
fn without_a_bake_a_healthy_wave_is_committed_at_once() {
    let mut fixture = Fixture::running(4);
    fixture.policy.bake = Millis(0);
    fixture.deploy(2);
    fixture.plan();
    assert_eq!(fixture.healthy("h1"), ["h1 g2 r2 committed"]);
}

#[test]
fn a_host_that_is_not_healthy_any_more_starts_the_bake_anew() {
    let mut fixture = Fixture::running(4);
    fixture.deploy(2);
    fixture.plan();
    fixture.healthy("h1");
    fixture.pass(20);
    fixture.says("h1", Stage::Trial, false);
    fixture.plan();
    assert_eq!(fixture.state_of("h1"), HostState::Ordered);
    fixture.pass(20);
    assert_eq!(fixture.healthy("h1"), Vec::<String>::new());
    fixture.pass(29);
    assert_eq!(fixture.plan(), Vec::<String>::new());
    fixture.pass(1);
    assert_eq!(fixture.plan(), ["h1 g2 r2 committed"]);
}

#[test]
fn the_next_wave_waits_for_every_acknowledgement() {
    let mut fixture = Fixture::running(4);
    fixture.policy.max_unavailable = Some("2".parse().unwrap());
    fixture.policy.waves = waves(&["2"]);
    fixture.deploy(2);
    assert_eq!(fixture.plan(), ["h1 g2 r2 trial", "h2 g2 r2 trial"]);
    fixture.healthy("h1");
    fixture.healthy("h2");
    fixture.pass(30);
    assert_eq!(fixture.plan(), ["h1 g2 r2 committed", "h2 g2 r2 committed"]);
    assert_eq!(fixture.committed("h1"), Vec::<String>::new());
    assert_eq!(fixture.committed("h2"), ["h3 g2 r2 trial", "h4 g2 r2 trial"]);
}

#[test]
fn a_wave_whose_hosts_have_all_failed_needs_no_bake() {
    let mut fixture = Fixture::running(4);
    fixture.policy.max_failures = Some("1".parse().unwrap());
    fixture.deploy(2);
    fixture.plan();
    fixture.fails("h1", CauseKind::Exited);
    assert_eq!(fixture.plan(), ["h2 g2 r2 trial"]);
}

#[test]
fn a_wave_whose_hosts_have_left_is_passed() {
    let mut fixture = Fixture::running(4);
    fixture.deploy(2);
    fixture.plan();
    fixture.hosts.remove(0);
    assert_eq!(fixture.plan(), ["h2 g2 r2 trial"]);
}
