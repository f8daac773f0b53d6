//! Who is ordered next.

use evenkeel_model::{CauseKind, ReleaseNumber, Stage};

use crate::fixture::{Fixture, manifest, waves};

fn all_at_once(mut fixture: Fixture, budget: &str) -> Fixture {
    fixture.policy.waves = waves(&["100%"]);
    fixture.policy.max_unavailable = Some(budget.parse().unwrap());
    let to = if fixture.current.is_some() { 2 } else { 1 };
    fixture.deploy(to);
    fixture
}

#[test]
fn the_budget_bounds_how_many_are_ordered() {
    let mut fixture = all_at_once(Fixture::running(5), "2");
    assert_eq!(fixture.plan(), ["h1 g2 r2 trial", "h2 g2 r2 trial"]);
    assert_eq!(fixture.healthy("h2"), ["h3 g2 r2 trial"]);
}

#[test]
fn hosts_that_are_down_already_spend_the_budget_and_cost_nothing() {
    let mut fixture = all_at_once(Fixture::running(5), "1");
    fixture.says("h4", Stage::Committed, false);
    assert_eq!(fixture.plan(), ["h4 g2 r2 trial"], "the sick one is moved, and keeps the others where they are");
    let mut fixture = all_at_once(Fixture::running(5), "2");
    fixture.silence("h5");
    assert_eq!(fixture.plan(), ["h1 g2 r2 trial", "h5 g2 r2 trial"], "the order waits for the silent one");
}

#[test]
fn a_first_deploy_is_limited_by_its_waves_alone() {
    let mut fixture = all_at_once(Fixture::empty(3), "1");
    assert_eq!(fixture.plan(), ["h1 g1 r1 trial", "h2 g1 r1 trial", "h3 g1 r1 trial"]);
    let mut fixture = Fixture::empty(3);
    fixture.deploy(1);
    assert_eq!(fixture.plan(), ["h1 g1 r1 trial"]);
}

#[test]
fn a_conflicting_host_is_ordered_nothing_and_spends_the_budget() {
    let mut fixture = all_at_once(Fixture::running(3), "2");
    fixture.view("h1").conflict = true;
    assert_eq!(fixture.plan(), ["h2 g2 r2 trial"]);
}

#[test]
fn a_host_that_only_the_old_release_matches_is_ordered_nothing_to_run() {
    let mut fixture = Fixture::running(2);
    fixture.label("h2", "role", "web");
    fixture.releases.insert(ReleaseNumber(2), manifest(2, &[("app", &[("role", "web")])]));
    fixture.deploy(2);
    assert_eq!(fixture.plan(), ["h1 g2 nothing trial"]);
    assert_eq!(fixture.healthy("h1"), Vec::<String>::new());
    fixture.pass(30);
    assert_eq!(fixture.plan(), ["h1 g2 nothing committed"]);
    assert_eq!(fixture.committed("h1"), ["h2 g2 r2 trial"]);
}

#[test]
fn a_coordinator_that_hears_nobody_yet_orders_nobody() {
    let mut fixture = all_at_once(Fixture::running(3), "1");
    for host in ["h1", "h2", "h3"] {
        fixture.silence(host);
    }
    assert_eq!(fixture.plan(), Vec::<String>::new(), "they would all obey when they are heard again");
}

#[test]
fn g8_nobody_else_is_ordered_while_the_registry_is_away_for_one() {
    let cases = [
        (CauseKind::RegistryUnreachable, false),
        // The other may have more luck with these.
        (CauseKind::EngineUnavailable, true),
        (CauseKind::ImageNotFound, true),
    ];
    for (kind, goes_on) in cases {
        let mut fixture = all_at_once(Fixture::running(3), "2");
        fixture.view("h2").conflict = true;
        assert_eq!(fixture.plan(), ["h1 g2 r2 trial"]);
        fixture.says("h1", Stage::Working, false);
        fixture.trouble("h1", kind);
        fixture.view("h2").conflict = false;
        let expected: &[&str] = if goes_on { &["h2 g2 r2 trial"] } else { &[] };
        assert_eq!(fixture.plan(), expected, "{kind}");
    }
}

#[test]
fn hosts_that_have_not_answered_to_another_rollout_are_ordered_inside_the_budget() {
    let mut fixture = all_at_once(Fixture::running(3), "2");
    assert_eq!(fixture.plan(), ["h1 g2 r2 trial", "h2 g2 r2 trial"]);
    fixture.policy.max_unavailable = Some("1".parse().unwrap());
    fixture.deploy(3);
    assert_eq!(fixture.plan(), Vec::<String>::new(), "both may serve still, and would obey");
    assert_eq!(fixture.healthy("h1"), ["h2 g3 r3 trial"], "h1 serves, and h2 is down by our hand already");
}
