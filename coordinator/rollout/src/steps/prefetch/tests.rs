//! Who fetches ahead, and who does not.

use evenkeel_model::{CauseKind, Failure, PrefetchReport, ReleaseNumber, Stage};

use super::*;
use crate::fixture::{Fixture, key, manifest, waves};

fn ahead(fixture: &Fixture) -> Vec<String> {
    fixture.peek().prefetch.into_iter().map(|(host, release)| format!("{host} r{release}")).collect()
}

fn says(fixture: &mut Fixture, host: &str, state: PrefetchState) {
    let report = PrefetchReport { key: key(), release: ReleaseNumber(2), state };
    fixture.view(host).prefetch = Some(report);
}

fn trouble() -> Failure {
    Failure::plain(CauseKind::RegistryUnreachable, "503")
}

/// A rollout over so many hosts, one of them in the first wave.
fn one_and_all(hosts: usize) -> Fixture {
    let mut fixture = Fixture::running(hosts);
    fixture.policy.waves = waves(&["1", "100%"]);
    fixture.deploy(2);
    fixture
}

#[test]
fn the_next_wave_fetches_while_this_one_is_moved_and_those_after_it_wait() {
    let mut fixture = Fixture::running(4);
    fixture.deploy(2);
    assert_eq!(fixture.plan(), ["h1 g2 r2 trial"]);
    assert_eq!(ahead(&fixture), ["h2 r2"], "waves of 1, 2 and all: h3 comes after the next");
    fixture.healthy("h1");
    fixture.pass(30);
    fixture.plan();
    fixture.committed("h1");
    assert_eq!(ahead(&fixture), ["h3 r2", "h4 r2"], "h2 is ordered now");
}

#[test]
fn hosts_of_this_wave_that_wait_for_the_budget_fetch_meanwhile() {
    let mut fixture = Fixture::running(4);
    fixture.policy.waves = waves(&["100%"]);
    fixture.policy.max_unavailable = Some("1".parse().unwrap());
    fixture.deploy(2);
    assert_eq!(fixture.plan(), ["h1 g2 r2 trial"]);
    assert_eq!(ahead(&fixture), ["h2 r2", "h3 r2", "h4 r2"]);
    fixture.healthy("h1");
    assert_eq!(ahead(&fixture), ["h3 r2", "h4 r2"]);
}

#[test]
fn who_can_not_hear_it_or_need_not_have_it_is_not_told_to() {
    let mut fixture = Fixture::running(5);
    fixture.policy.waves = waves(&["1", "100%"]);
    for host in ["h1", "h2", "h3", "h5"] {
        fixture.label(host, "role", "web");
    }
    fixture.releases.insert(ReleaseNumber(2), manifest(2, &[("app", &[("role", "web")])]));
    fixture.deploy(2);
    fixture.plan();
    fixture.silence("h2");
    fixture.view("h3").conflict = true;
    assert_eq!(ahead(&fixture), ["h5 r2"], "h4 is to have nothing of the app");
}

#[test]
fn no_more_fetch_at_once_than_may_and_the_next_follow_as_they_are_done() {
    let mut fixture = one_and_all(50);
    fixture.plan();
    let first = ahead(&fixture);
    assert_eq!(first.len(), MOST_PREFETCHING);
    says(&mut fixture, "h10", PrefetchState::Present);
    says(&mut fixture, "h11", PrefetchState::GivenUp { failure: trouble() });
    says(&mut fixture, "h12", PrefetchState::Fetching { failure: Some(trouble()) });
    let then = ahead(&fixture);
    assert_eq!(then.len(), MOST_PREFETCHING + 2, "one has it, one does not try again, one is still at it");
    assert!(first.iter().all(|host| then.contains(host)), "who was told to before goes on: {then:?}");
    for number in 2..=50 {
        says(&mut fixture, &format!("h{number}"), PrefetchState::Present);
    }
    assert_eq!(ahead(&fixture).len(), 49, "all are told to keep what they have");
}

#[test]
fn a_host_that_is_at_it_keeps_its_place() {
    let mut fixture = one_and_all(50);
    fixture.plan();
    fixture.silence("h10");
    let told = ahead(&fixture);
    for host in &told {
        says(&mut fixture, host.split(' ').next().unwrap(), PrefetchState::Fetching { failure: None });
    }
    fixture.says("h10", Stage::Committed, true);
    assert_eq!(ahead(&fixture), told, "h10 is heard again, and waits");
}

#[test]
fn a_word_on_another_release_is_no_word_on_this_one() {
    let mut fixture = one_and_all(2);
    fixture.plan();
    fixture.view("h2").prefetch =
        Some(PrefetchReport { key: key(), release: ReleaseNumber(1), state: PrefetchState::Present });
    assert_eq!(fixture.view("h2").prefetched(ReleaseNumber(2)), None);
    says(&mut fixture, "h2", PrefetchState::Present);
    assert_eq!(fixture.view("h2").prefetched(ReleaseNumber(2)), Some(&PrefetchState::Present));
    fixture.silence("h2");
    assert_eq!(fixture.view("h2").prefetched(ReleaseNumber(2)), None, "silence is no word");
}

#[test]
fn a_rollout_that_does_not_move_forward_fetches_nothing() {
    let mut fixture = one_and_all(3);
    fixture.plan();
    assert_eq!(ahead(&fixture).len(), 2);
    let going = fixture.rollout.clone().unwrap();
    for state in [State::Paused, State::RollingBack, State::Withdrawing] {
        fixture.rollout = Some(Rollout { state, ..going.clone() });
        assert_eq!(ahead(&fixture), Vec::<String>::new(), "{state:?}");
    }
    fixture.rollout = Some(going);
    fixture.abort(false);
    assert_eq!(ahead(&fixture), Vec::<String>::new());
    fixture.rollout = None;
    assert_eq!(ahead(&fixture), Vec::<String>::new());
}

#[test]
fn a_host_that_can_not_fetch_has_not_failed_and_is_ordered_in_its_turn() {
    let mut fixture = one_and_all(2);
    fixture.plan();
    says(&mut fixture, "h2", PrefetchState::GivenUp { failure: trouble() });
    fixture.healthy("h1");
    fixture.pass(30);
    fixture.plan();
    assert_eq!(fixture.committed("h1"), ["h2 g2 r2 trial"]);
}
