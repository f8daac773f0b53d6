//! What hosts say, and what it makes of them.

use evenkeel_model::{CauseClass, CauseKind, Phase, Refusal, Stage};

use crate::HostState;
use crate::fixture::{Fixture, id, version};

/// Five hosts on release 1, of which `h1` was ordered release 2.
fn ordered() -> Fixture {
    let mut fixture = Fixture::running(5);
    fixture.deploy(2);
    assert_eq!(fixture.plan(), ["h1 g2 r2 trial"]);
    fixture
}

#[test]
fn a_word_on_an_older_order_says_nothing_of_the_new_one() {
    let mut fixture = ordered();
    assert_eq!(fixture.state_of("h1"), HostState::Ordered, "the report is still that of generation 1");
    fixture.healthy("h1");
    assert_eq!(fixture.state_of("h1"), HostState::Healthy);
}

#[test]
fn silence_is_never_health() {
    let mut fixture = ordered();
    fixture.healthy("h1");
    fixture.silence("h1");
    fixture.plan();
    assert_eq!(fixture.state_of("h1"), HostState::Ordered);
    assert_eq!(fixture.rollout.as_ref().unwrap().healthy_since, None, "and the bake starts anew");
}

#[test]
fn a_conflicting_host_is_not_believed() {
    let mut fixture = ordered();
    fixture.view("h1").conflict = true;
    fixture.healthy("h1");
    assert_eq!(fixture.state_of("h1"), HostState::Ordered);
}

#[test]
fn a_passing_trouble_is_an_obstacle_and_no_failure() {
    let mut fixture = ordered();
    fixture.says("h1", Stage::Working, false);
    fixture.trouble("h1", CauseKind::RegistryUnreachable);
    fixture.plan();
    let progress = fixture.progress("h1");
    assert_eq!(progress.obstacle.as_ref().map(|failure| failure.kind), Some(CauseKind::RegistryUnreachable));
    assert_eq!((progress.state, &progress.failure), (HostState::Ordered, &None));
    fixture.healthy("h1");
    assert_eq!(fixture.progress("h1").obstacle, None);
}

#[test]
fn a_host_that_goes_back_has_failed_with_its_own_reason() {
    for stage in [Stage::Reverting, Stage::Reverted] {
        let mut fixture = ordered();
        fixture.says("h1", stage, false);
        fixture.trouble("h1", CauseKind::OutOfMemory);
        fixture.plan();
        assert_eq!(fixture.progress("h1").failure.as_ref().unwrap().kind, CauseKind::OutOfMemory, "{stage}");
    }
}

#[test]
fn a_refused_order_fails_the_host_with_the_words_of_the_refusal() {
    for refusal in [
        Refusal::Changed,
        Refusal::Stale { accepted: version(9) },
        Refusal::Malformed { message: "no JSON".to_owned() },
    ] {
        let mut fixture = ordered();
        fixture.refuses("h1", refusal.clone());
        fixture.plan();
        let failure = fixture.progress("h1").failure.clone().unwrap();
        assert_eq!(failure.kind.class(), CauseClass::Policy);
        assert!(failure.message.contains(&refusal.to_string()), "{failure}");
    }
}

#[test]
fn a_commit_that_came_too_late_is_a_failed_host() {
    let mut fixture = ordered();
    fixture.healthy("h1");
    fixture.pass(30);
    assert_eq!(fixture.plan(), ["h1 g2 r2 committed"]);
    fixture.fails("h1", CauseKind::Unhealthy);
    fixture.refuses("h1", Refusal::AlreadyReverted);
    fixture.plan();
    assert_eq!(fixture.progress("h1").failure.as_ref().unwrap().kind, CauseKind::Unhealthy);
}

#[test]
fn a_commit_counts_on_the_hosts_word_alone() {
    let mut fixture = ordered();
    fixture.healthy("h1");
    fixture.pass(30);
    fixture.plan();
    fixture.healthy("h1");
    assert_eq!(fixture.state_of("h1"), HostState::Committing);
    fixture.committed("h1");
    assert_eq!(fixture.state_of("h1"), HostState::Committed);
}

#[test]
fn a_withdrawal_that_came_too_late_leaves_a_committed_host() {
    let mut fixture = ordered();
    fixture.healthy("h1");
    fixture.abort(false);
    assert_eq!(fixture.plan(), ["h1 g2 r2 withdrawn"]);
    fixture.refuses("h1", Refusal::AlreadyCommitted);
    fixture.plan();
    assert_eq!(fixture.state_of("h1"), HostState::Committed);
}

#[test]
fn hosts_that_left_or_match_no_release_any_more_are_dropped() {
    let mut fixture = Fixture::running(3);
    let constrained = |number| crate::fixture::manifest(number, &[("app", &[("role", "web")])]);
    for number in [1, 2] {
        fixture.releases.insert(evenkeel_model::ReleaseNumber(number), constrained(number));
    }
    for host in ["h1", "h2", "h3"] {
        fixture.label(host, "role", "web");
    }
    fixture.deploy(2);
    fixture.plan();
    fixture.label("h2", "role", "db");
    fixture.hosts.retain(|view| view.host.as_str() != "h3");
    assert_eq!(fixture.plan(), Vec::<String>::new(), "nothing is removed because of a label alone");
    let rollout = fixture.rollout.as_ref().unwrap();
    assert_eq!(rollout.dropped, [id("h2"), id("h3")].into());
    assert_eq!((rollout.hosts.len(), rollout.total()), (1, 3));
}

#[test]
fn a_returning_host_is_back_on_its_own_word() {
    let mut fixture = ordered();
    fixture.fails("h1", CauseKind::Exited);
    fixture.says("h1", Stage::Reverting, false);
    fixture.trouble("h1", CauseKind::Exited);
    fixture.plan();
    assert_eq!(fixture.state_of("h1"), HostState::Failed, "still on its way");
    fixture.fails("h1", CauseKind::Exited);
    fixture.plan();
    assert_eq!(fixture.state_of("h1"), HostState::Returned);
    assert_eq!(fixture.progress("h1").failure.as_ref().unwrap().kind, CauseKind::Exited, "its failure is kept");
    assert_eq!(fixture.view("h1").ordered.unwrap().phase, Phase::Trial);
}
