//! The progress deadline: 15 minutes here.

use evenkeel_model::{CauseKind, Millis, Stage};

use crate::fixture::Fixture;
use crate::{Outcome, State};

const DEADLINE: u64 = 15 * 60;

fn ordered() -> Fixture {
    let mut fixture = Fixture::running(4);
    fixture.deploy(2);
    fixture.plan();
    fixture
}

#[test]
fn it_fires_for_a_host_that_never_becomes_healthy() {
    let mut fixture = ordered();
    fixture.pass(DEADLINE - 1);
    fixture.plan();
    assert_eq!(fixture.state(), State::Advancing);
    fixture.pass(1);
    assert_eq!(fixture.plan(), ["h1 g2 r2 withdrawn"]);
    assert_eq!(fixture.failure().to_string(), "release/health_timeout: no progress for 15m: waiting for h1");
}

#[test]
fn it_fires_when_all_hosts_are_silent() {
    let mut fixture = ordered();
    for host in ["h1", "h2", "h3", "h4"] {
        fixture.silence(host);
    }
    fixture.pass(DEADLINE);
    assert_eq!(fixture.plan(), ["h1 g2 r2 withdrawn"]);
    assert_eq!(fixture.failure().kind, CauseKind::Silent);
    assert_eq!(fixture.outcome(), Some(Outcome::Halted), "nobody says that it is back");
}

#[test]
fn it_fires_when_only_the_acknowledgement_of_a_commit_is_missing() {
    let mut fixture = ordered();
    fixture.healthy("h1");
    fixture.pass(30);
    assert_eq!(fixture.plan(), ["h1 g2 r2 committed"]);
    fixture.pass(DEADLINE);
    assert_eq!(fixture.plan(), ["h1 g2 r2 withdrawn"]);
    assert_eq!(fixture.failure().message, "no progress for 15m: waiting for h1");
}

#[test]
fn its_cause_is_the_trouble_that_stands_in_the_way() {
    let mut fixture = ordered();
    fixture.says("h1", Stage::Working, false);
    fixture.trouble("h1", CauseKind::RegistryUnreachable);
    fixture.pass(DEADLINE);
    fixture.plan();
    let failure = fixture.failure();
    assert_eq!(failure.kind, CauseKind::RegistryUnreachable);
    assert_eq!(failure.message, "no progress for 15m: host h1: registry_unreachable it was");
}

#[test]
fn a_silent_host_that_spends_the_budget_is_named() {
    let mut fixture = ordered();
    fixture.move_waves(&["h1"]);
    fixture.silence("h2");
    fixture.pass(DEADLINE);
    fixture.plan();
    assert_eq!(fixture.failure().to_string(), "unreachable/silent: no progress for 15m: not heard from h2");
}

#[test]
fn a_bake_longer_than_the_deadline_does_not_fire_it() {
    let mut fixture = Fixture::running(4);
    fixture.policy.bake = Millis::seconds(2 * DEADLINE);
    fixture.deploy(2);
    fixture.plan();
    fixture.healthy("h1");
    fixture.pass(DEADLINE + 60);
    fixture.plan();
    fixture.says("h1", Stage::Trial, false);
    fixture.plan();
    assert_eq!(fixture.state(), State::Advancing, "nor does a moment of weakness late in it");
    fixture.healthy("h1");
    fixture.pass(2 * DEADLINE);
    assert_eq!(fixture.plan(), ["h1 g2 r2 committed"]);
}

#[test]
fn it_fires_for_a_host_that_is_healthy_now_and_then() {
    let mut fixture = ordered();
    for _ in 0..60 {
        fixture.healthy("h1");
        fixture.pass(20);
        fixture.says("h1", Stage::Trial, false);
        fixture.plan();
    }
    assert_eq!(fixture.state(), State::RollingBack);
}

#[test]
fn a_coordinator_that_was_away_for_long_commits_what_has_baked() {
    let mut fixture = ordered();
    fixture.healthy("h1");
    fixture.pass(3 * DEADLINE);
    assert_eq!(fixture.plan(), ["h1 g2 r2 committed"]);
}
