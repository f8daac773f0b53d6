//! The engine's health check, and when a service counts as healthy.

use evenkeel_model::service::EngineHealthcheck;
use evenkeel_model::{Health, HttpProbe, Millis, Probe};

use super::{accepted, notes, web};

fn check(test: &[&str]) -> EngineHealthcheck {
    EngineHealthcheck {
        test: test.iter().map(|word| (*word).to_owned()).collect(),
        interval: Millis::seconds(30),
        timeout: Millis::seconds(30),
        retries: 3,
        start_period: Millis(0),
        start_interval: None,
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
    let spec =
        web("healthcheck: {test: x, interval: 5s, timeout: 2s, retries: 7, start_period: 1m, start_interval: 2s}").spec;
    let expected = EngineHealthcheck {
        interval: Millis::seconds(5),
        timeout: Millis::seconds(2),
        retries: 7,
        start_period: Millis::minutes(1),
        start_interval: Some(Millis::seconds(2)),
        ..check(&["CMD-SHELL", "x"])
    };
    assert_eq!(spec.engine_healthcheck, Some(expected));
    let expected = Health {
        probe: Probe::Docker,
        interval: Millis::seconds(1),
        start_interval: Some(Millis::seconds(2)),
        timeout: Millis::seconds(5),
        successes: 1,
        failures: 7,
        start_period: Millis::minutes(1),
    };
    assert_eq!(spec.health, expected);
    let without_a_period = web("healthcheck: {test: x, start_interval: 2s}").spec;
    assert_eq!(without_a_period.engine_healthcheck.unwrap().start_interval, None, "the engine would refuse it");
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
        ("http: {port: 80, path: /healthz}", Probe::Http(HttpProbe::get(80, "/healthz"))),
        ("http: {port: 80}", Probe::Http(HttpProbe::get(80, "/"))),
        ("grpc: {port: 50051}", Probe::Grpc { port: 50051, service: String::new() }),
        ("grpc: {port: 50051, service: shop.v1.Orders}", Probe::Grpc { port: 50051, service: "shop.v1.Orders".into() }),
        ("tcp: {port: 5432}", Probe::Tcp { port: 5432 }),
        ("exec: [pg_isready, -q]", Probe::Exec { command: vec!["pg_isready".into(), "-q".into()] }),
        ("docker: true", Probe::Docker),
    ] {
        let spec = web(&format!("x-rollout: {{health: {{{written}}}}}")).spec;
        assert_eq!(spec.health, Health::with_defaults(probe), "{written}");
    }
}

#[test]
fn a_request_and_its_good_answers_can_be_written_in_full() {
    let http = |written: &str| match web(&format!("x-rollout: {{health: {{http: {{port: 80, {written}}}}}}}"))
        .spec
        .health
        .probe
    {
        Probe::Http(probe) => probe,
        other => panic!("{other:?}"),
    };
    let headers =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let get = || HttpProbe::get(80, "/");
    assert_eq!(http("method: HEAD"), HttpProbe { method: "HEAD".into(), ..get() });
    assert_eq!(http("status: 204"), HttpProbe { status_from: 204, status_to: 204, ..get() });
    assert_eq!(http("status: '200-299'"), HttpProbe { status_from: 200, status_to: 299, ..get() });
    assert_eq!(http("body: '\"ok\": true'"), HttpProbe { body: Some("\"ok\": true".into()), ..get() });
    let named = headers(&[("accept", "application/json"), ("x-try", "1")]);
    assert_eq!(http("headers: {Accept: application/json, X-Try: 1}"), HttpProbe { headers: named, ..get() });
    let host = || headers(&[("host", "shop.example:8443")]);
    assert_eq!(http("host: Shop.example:8443"), HttpProbe { headers: host(), ..get() });
    assert_eq!(http("headers: {Host: shop.example:8443}"), HttpProbe { headers: host(), ..get() });
}

#[test]
fn the_start_interval_of_a_health_check_is_for_a_rule_that_asks_the_engine() {
    let check = "healthcheck: {test: x, start_interval: 2s}";
    let two = Some(Millis::seconds(2));
    assert_eq!(web(check).spec.health.start_interval, two);
    assert_eq!(web(&format!("{check}\nx-rollout: {{health: {{docker: true}}}}")).spec.health.start_interval, two);
    let own = format!("{check}\nx-rollout: {{health: {{docker: true, start_interval: 1s}}}}");
    assert_eq!(web(&own).spec.health.start_interval, Some(Millis::seconds(1)));
    let other = format!("{check}\nx-rollout: {{health: {{tcp: {{port: 1}}}}}}");
    assert_eq!(web(&other).spec.health.start_interval, None);
    let note = "web: `healthcheck.start_interval` has no effect, because `x-rollout.health` decides its health";
    assert_eq!((notes(&other), notes(check)), (vec![note.to_owned()], Vec::new()));
}

#[test]
fn a_written_rule_goes_before_the_health_check_and_keeps_it() {
    let rule = "{tcp: {port: 1}, interval: 2s, start_interval: 100ms, timeout: 3s, successes: 4, failures: 5, start_period: 6s}";
    let spec = web(&format!("healthcheck: {{test: x}}\nx-rollout: {{health: {rule}}}")).spec;
    let expected = Health {
        probe: Probe::Tcp { port: 1 },
        interval: Millis::seconds(2),
        start_interval: Some(Millis(100)),
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
