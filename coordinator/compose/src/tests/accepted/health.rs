//! The engine's health check, and when a service counts as healthy.

use evenkeel_model::service::EngineHealthcheck;
use evenkeel_model::{Health, Millis, Probe};

use super::{accepted, web};

fn check(test: &[&str]) -> EngineHealthcheck {
    EngineHealthcheck {
        test: test.iter().map(|word| (*word).to_owned()).collect(),
        interval: Millis::seconds(30),
        timeout: Millis::seconds(30),
        retries: 3,
        start_period: Millis(0),
    }
}

#[test]
fn a_health_check_has_composes_defaults() {
    for (written, test) in [
        ("curl -f localhost", &["CMD-SHELL", "curl -f localhost"][..]),
        ("[CMD, curl, -f, localhost]", &["CMD", "curl", "-f", "localhost"]),
        ("[CMD-SHELL, curl | wc]", &["CMD-SHELL", "curl | wc"]),
        ("[NONE]", &["NONE"]),
    ] {
        let spec = web(&format!("healthcheck: {{test: {written}}}")).spec;
        assert_eq!(spec.engine_healthcheck, Some(check(test)), "{written}");
    }
}

#[test]
fn a_health_check_decides_health_by_the_engines_verdict() {
    let spec = web("healthcheck: {test: x, interval: 5s, timeout: 2s, retries: 7, start_period: 1m}").spec;
    let expected = EngineHealthcheck {
        interval: Millis::seconds(5),
        timeout: Millis::seconds(2),
        retries: 7,
        start_period: Millis::minutes(1),
        ..check(&["CMD-SHELL", "x"])
    };
    assert_eq!(spec.engine_healthcheck, Some(expected));
    let expected = Health {
        probe: Probe::Docker,
        interval: Millis::seconds(1),
        timeout: Millis::seconds(5),
        successes: 1,
        failures: 7,
        start_period: Millis::minutes(1),
    };
    assert_eq!(spec.health, expected);
}

#[test]
fn a_disabled_health_check_leaves_that_it_runs() {
    for written in ["{disable: true}", "{test: [NONE]}", "{test: [NONE], disable: true}"] {
        let spec = web(&format!("healthcheck: {written}")).spec;
        assert_eq!(spec.engine_healthcheck.unwrap().test, ["NONE"]);
        assert_eq!(spec.health, Health::with_defaults(Probe::Running), "{written}");
    }
}

#[test]
fn every_probe_can_be_written() {
    for (written, probe) in [
        ("http: {port: 80, path: /healthz}", Probe::Http { port: 80, path: "/healthz".into() }),
        ("http: {port: 80}", Probe::Http { port: 80, path: "/".into() }),
        ("tcp: {port: 5432}", Probe::Tcp { port: 5432 }),
        ("exec: [pg_isready, -q]", Probe::Exec { command: vec!["pg_isready".into(), "-q".into()] }),
        ("docker: true", Probe::Docker),
    ] {
        let spec = web(&format!("x-rollout: {{health: {{{written}}}}}")).spec;
        assert_eq!(spec.health, Health::with_defaults(probe), "{written}");
    }
}

#[test]
fn a_written_rule_goes_before_the_health_check_and_keeps_it() {
    let rule = "{tcp: {port: 1}, interval: 2s, timeout: 3s, successes: 4, failures: 5, start_period: 6s}";
    let spec = web(&format!("healthcheck: {{test: x}}\nx-rollout: {{health: {rule}}}")).spec;
    let expected = Health {
        probe: Probe::Tcp { port: 1 },
        interval: Millis::seconds(2),
        timeout: Millis::seconds(3),
        successes: 4,
        failures: 5,
        start_period: Millis::seconds(6),
    };
    assert_eq!(spec.health, expected);
    assert_eq!(spec.engine_healthcheck, Some(check(&["CMD-SHELL", "x"])));
}

#[test]
fn a_rule_at_the_top_is_for_services_without_one_of_their_own() {
    let text = "name: app
x-rollout: {health: {tcp: {port: 1}}}
services:
  plain: {image: a}
  checked: {image: a, healthcheck: {test: x}}
  own: {image: a, x-rollout: {health: {tcp: {port: 2}}}}
";
    let specification = accepted(text);
    let probe = |name: &str| specification.services[&name.parse().unwrap()].spec.health.probe.clone();
    assert_eq!(probe("plain"), Probe::Tcp { port: 1 });
    assert_eq!(probe("checked"), Probe::Tcp { port: 1 });
    assert_eq!(probe("own"), Probe::Tcp { port: 2 });
    let note = "checked: `x-rollout.health` at the top decides its health, not its healthcheck";
    assert_eq!(specification.notes, [note]);
}
