//! The progress deadline: 15 minutes here.

use evenkeel_model::{CauseKind, Millis, Stage};

use super::names;
use crate::fixture::{Fixture, id, waves};
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

/// Ten minutes for each of several things that happen, where fifteen are allowed for any of them.
const LONG: u64 = 10 * 60;

#[test]
fn each_host_that_becomes_healthy_gives_the_next_its_time() {
    let mut fixture = Fixture::running(4);
    fixture.policy.waves = waves(&["3"]);
    fixture.deploy(2);
    fixture.plan();
    for host in ["h1", "h2"] {
        fixture.pass(LONG);
        assert_eq!(fixture.healthy(host).len(), 1, "the next is ordered");
    }
    assert_eq!(fixture.state(), State::Advancing);
}

#[test]
fn each_acknowledgement_gives_the_next_its_time() {
    let mut fixture = Fixture::running(4);
    fixture.policy.max_unavailable = Some("2".parse().unwrap());
    fixture.policy.waves = waves(&["2"]);
    fixture.deploy(2);
    fixture.plan();
    fixture.healthy("h1");
    fixture.healthy("h2");
    fixture.pass(30);
    assert_eq!(fixture.plan(), ["h1 g2 r2 committed", "h2 g2 r2 committed"]);
    fixture.pass(LONG);
    fixture.committed("h1");
    fixture.pass(LONG);
    fixture.plan();
    assert_eq!(fixture.state(), State::Advancing);
}

#[test]
fn each_host_that_is_back_gives_the_next_its_time() {
    let mut fixture = Fixture::running(5);
    fixture.policy.max_failures = Some("0".parse().unwrap());
    fixture.deploy(2);
    fixture.move_waves(&["h1", "h2"]);
    fixture.fails("h3", CauseKind::Exited);
    assert_eq!(fixture.plan(), ["h1 g3 r1 trial"]);
    fixture.pass(LONG);
    fixture.healthy("h1");
    fixture.committed("h1");
    fixture.pass(LONG);
    fixture.plan();
    assert_eq!(fixture.state(), State::RollingBack);
    fixture.pass(DEADLINE - LONG);
    fixture.plan();
    assert_eq!(fixture.outcome(), Some(Outcome::Halted), "and no more than its time");
}

#[test]
fn five_hosts_are_named_and_more_are_counted() {
    let hosts: Vec<_> = (1..=6).map(|number| id(&format!("h{number}"))).collect();
    assert_eq!(names(&hosts[..5]), "h1, h2, h3, h4, h5");
    assert_eq!(names(&hosts), "h1, h2, h3, h4, h5, 1 more");
    assert_eq!(names(&[]), "any host");
}
