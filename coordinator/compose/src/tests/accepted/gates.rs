//! Gates of each kind, with all that may be said of them, and where they stand if nothing is said.

use std::collections::BTreeSet;

use evenkeel_model::analysis::{Baseline, Compare, Source};
use evenkeel_model::decimal::Bounds;
use evenkeel_model::gate::{Approval, Check, GateWaves, Weekday, Window};
use evenkeel_model::{Analysis, Decimal, Gate, GatePoint, Millis, Specification};

use super::accepted;
use crate::tests::with_rollout;

const HTTP: &str = "analysis: {http: {url: 'http://shop/'}}";

fn gates(keys: &str) -> Vec<Gate> {
    accepted(&with_rollout(keys)).policy.gates
}

/// The one gate that is written so, in a map of one line.
fn gate(written: &str) -> Gate {
    let [gate] = gates(&format!("gates: [{{{written}}}]")).try_into().unwrap();
    gate
}

fn analysis(written: &str) -> Analysis {
    match gate(&format!("analysis: {{{written}}}")).check {
        Check::Analysis(analysis) => analysis,
        other => panic!("{other:?}"),
    }
}

fn window(written: &str) -> Window {
    match gate(&format!("window: {{{written}}}")).check {
        Check::Window(window) => window,
        other => panic!("{other:?}"),
    }
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_gate_stands_where_its_kind_does_unless_it_is_said() {
    let place = |written: &str| {
        let gate = gate(written);
        (gate.at, gate.waves)
    };
    assert_eq!(place("approval: true"), (GatePoint::Commit, GateWaves::First));
    assert_eq!(place("window: {start: 09:00, length: 8h}"), (GatePoint::Before, GateWaves::Every));
    assert_eq!(place(HTTP), (GatePoint::Commit, GateWaves::Every));
    assert_eq!(place("approval: true, at: after, wave: last"), (GatePoint::After, GateWaves::Last));
    assert_eq!(place(&format!("{HTTP}, at: before, wave: 2")), (GatePoint::Before, GateWaves::Only(1)));
    assert_eq!(place("approval: true, at: commit, wave: every"), (GatePoint::Commit, GateWaves::Every));
    let blue_green =
        gates(&format!("strategy: blue-green\ngates: [{{approval: }}, {{{HTTP}}}, {{{HTTP}, at: switch}}]"));
    let points: Vec<_> = blue_green.iter().map(|gate| (gate.at, gate.waves)).collect();
    let every = GateWaves::Every;
    assert_eq!(points, [(GatePoint::Switch, GateWaves::First), (GatePoint::Commit, every), (GatePoint::Switch, every)]);
    let canary = gates("strategy: canary\nweights: [5]\ngates: [{approval: , at: switch}]");
    assert_eq!(canary[0].at, GatePoint::Switch);
    assert!(gates("gates: []").is_empty() && gates("gates:").is_empty());
}

#[test]
fn a_gate_may_be_of_any_wave_that_there_can_be() {
    let only = |keys: &str| gates(keys)[0].waves;
    assert_eq!(only("gates: [{approval: , wave: 4}]"), GateWaves::Only(3));
    assert_eq!(only("waves: [1]\ngates: [{approval: , wave: 2}]"), GateWaves::Only(1));
    assert_eq!(only("waves: [1, 100%]\nfirst: [a]\ngates: [{approval: , wave: 3}]"), GateWaves::Only(2));
    assert_eq!(only("by: zone\ngates: [{approval: , wave: 40}]"), GateWaves::Only(39));
    assert_eq!(only("waves: {first: 1, times: 2}\ngates: [{approval: , wave: 9}]"), GateWaves::Only(8));
}

#[test]
fn two_persons_approve_unless_another_number_is_written() {
    for (written, persons) in [
        ("approval:", 2),
        ("approval: ~", 2),
        ("approval: true", 2),
        ("approval: {}", 2),
        ("approval: {persons: }", 2),
        ("approval: {persons: 1}", 1),
        ("approval: {persons: 9}", 9),
    ] {
        assert_eq!(gate(written).check, Check::Approval(Approval { persons }), "{written}");
    }
    assert_eq!(gates("gates:\n  - approval:\n  - at: after\n    approval:").len(), 2);
}

#[test]
fn a_window_is_a_time_of_the_week() {
    let workdays = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    let written = "days: [mon, tue, wed, thu, fri], start: \"09:00\", length: 8h, zone: Europe/Berlin";
    let expected = Window {
        days: BTreeSet::from(workdays),
        start: 9 * 60,
        length: Millis::minutes(8 * 60),
        zone: "Europe/Berlin".to_owned(),
    };
    assert_eq!(window(written), expected);
    let nightly =
        Window { days: BTreeSet::new(), start: 22 * 60, length: Millis::minutes(24 * 60), zone: "UTC".to_owned() };
    for start in ["22:00", "\"22:00\"", "'22:00'"] {
        assert_eq!(window(&format!("start: {start}, length: 24h")), nightly, "{start}");
    }
}

#[test]
fn an_analysis_asks_a_prometheus() {
    let read = analysis(
        "name: errors, prometheus: {url: 'https://metrics.example/prometheus/', query: 'errors{host=~\"$$hosts\"}', \
         min: 0, max: 0.05, compare: {with: other_hosts, max_ratio: 1.2, max_increase: 0.01}}, \
         samples: 5, interval: 1m, max_bad: 1, max_inconclusive: 4",
    );
    let expected = Analysis {
        name: "errors".to_owned(),
        source: Source::Prometheus {
            url: "https://metrics.example/prometheus".to_owned(),
            query: "errors{host=~\"$hosts\"}".to_owned(),
            bounds: Bounds { min: Some(decimal("0")), max: Some(decimal("0.05")) },
            compare: Some(Compare {
                with: Baseline::OtherHosts,
                max_ratio: Some(decimal("1.2")),
                max_increase: Some(decimal("0.01")),
            }),
        },
        samples: 5,
        interval: Millis::minutes(1),
        max_bad: 1,
        max_inconclusive: 4,
    };
    assert_eq!(read, expected);
}

#[test]
fn one_bound_or_one_comparison_is_enough_for_a_prometheus() {
    let source = |asked: &str| analysis(&format!("prometheus: {{url: 'http://p:9090', query: up, {asked}}}")).source;
    for asked in ["min: -1.5", "max: 0", "min: 1, max: 1", "compare: {with: before, max_ratio: 0.5}"] {
        assert!(matches!(source(asked), Source::Prometheus { .. }), "{asked}");
    }
    let Source::Prometheus { bounds, compare, .. } = source("compare: {with: before, max_increase: 0}") else {
        panic!()
    };
    let before = Compare { with: Baseline::Before, max_ratio: None, max_increase: Some(Decimal::ZERO) };
    assert_eq!((bounds, compare), (Bounds::default(), Some(before)));
}

#[test]
fn an_analysis_asks_a_web_server() {
    let http = |status, body| Source::Http { url: "http://shop/check?x=1".to_owned(), status, body };
    let read = analysis("http: {url: 'http://shop/check?x=1', status: 200-204, body: 'ready'}");
    assert_eq!(read.source, http((200, 204), Some("ready".to_owned())));
    let plain = analysis("http: {url: 'http://shop/check?x=1'}");
    assert_eq!(plain.source, http((200, 299), None));
    assert_eq!((plain.name.as_str(), plain.samples, plain.interval), ("http", 3, Millis::seconds(30)));
    assert_eq!((plain.max_bad, plain.max_inconclusive), (0, 0));
    assert_eq!(analysis("prometheus: {url: 'http://p', query: up, min: 1}").name, "prometheus");
    assert_eq!(analysis("http: {url: 'http://a'}, samples: 1000, interval: 1h, max_bad: 999").max_bad, 999);
}

#[test]
fn an_analysis_looks_into_logs() {
    let logs = |services: &[&str], min, max| Source::Logs {
        services: services.iter().map(|service| service.parse().unwrap()).collect(),
        pattern: "panic|ERROR".parse().unwrap(),
        min,
        max,
    };
    let source = |rest: &str| analysis(&format!("logs: {{pattern: 'panic|ERROR'{rest}}}")).source;
    assert_eq!(source(""), logs(&[], 0, Some(0)));
    assert_eq!(source(", max: 3, services: [web]"), logs(&["web"], 0, Some(3)));
    assert_eq!(source(", min: 1"), logs(&[], 1, None));
    assert_eq!(source(", min: 2, max: 2"), logs(&[], 2, Some(2)));
    assert_eq!(source(", min: 0"), logs(&[], 0, None));
    assert_eq!(analysis("logs: {pattern: x}").name, "logs");
    let ended = analysis("name: ends, logs: {pattern: 'code=[1-9][0-9]*$$'}, samples: 1").source;
    assert!(matches!(ended, Source::Logs { pattern, .. } if pattern.as_str() == "code=[1-9][0-9]*$"));
}

#[test]
fn variables_stand_in_gates_as_everywhere() {
    let read = analysis("name: '${SET}', http: {url: 'http://${SET}:${PORT:-9090}'}, samples: '${N:-2}'");
    let expected = Source::Http { url: "http://value:9090".to_owned(), status: (200, 299), body: None };
    assert_eq!((read.name.as_str(), read.source, read.samples), ("value", expected, 2));
}

#[test]
fn the_coordinator_reads_what_was_read() {
    let specification = accepted(&with_rollout(
        "strategy: canary\nweights: [5, 25]\npromote: manual\nby: zone\nfirst: [web-1]\nmin_healthy: 50%\n\
         waves: [{hosts: 1, bake: 10m}, 100%]\ngates:\n\
         - approval:\n\
         - {window: {start: '22:00', length: 2h, days: [sat]}, wave: 2}\n\
         - {analysis: {prometheus: {url: 'http://p', query: up, min: 0.5, compare: {with: before, max_ratio: 1.1}}}}\n\
         - {analysis: {http: {url: 'http://shop/', body: ok}}, at: switch, wave: last}\n\
         - {analysis: {logs: {pattern: 'panic|ERROR', services: [web], max: 1}}}",
    ));
    let text = serde_json::to_string(&specification).unwrap();
    assert_eq!(serde_json::from_str::<Specification>(&text).unwrap(), specification);
    assert_eq!(specification.policy.gates.len(), 5);
}

#[test]
fn an_analysis_that_has_nobody_to_ask_about_is_noted() {
    let notes = |asked: &str, place: &str| {
        let source = format!("prometheus: {{url: 'http://p', query: 'up{{host=~\"$$hosts\"}}', {asked}}}");
        accepted(&with_rollout(&format!("gates: [{{analysis: {{{source}}}{place}}}]"))).notes
    };
    let first = "x-rollout.gates[0]: before the first wave no host has the release, and `$$hosts` names none, so that the \
                 rollout pauses: write a later `wave` or `at`";
    // Where there are no other hosts left, the number is compared with that of before.
    for with in ["other_hosts", "before"] {
        let compare = format!("compare: {{with: {with}, max_ratio: 2}}");
        for place in ["", ", wave: first", ", wave: last"] {
            assert!(notes(&compare, place).is_empty(), "{with}{place}");
        }
    }
    assert_eq!(notes("min: 1", ", at: before"), [first]);
    assert_eq!(notes("min: 1", ", at: before, wave: 1"), [first]);
    assert!(notes("min: 1", ", at: before, wave: 2").is_empty() && notes("min: 1", "").is_empty());
    let logs = |place: &str| {
        accepted(&with_rollout(&format!("gates: [{{analysis: {{logs: {{pattern: panic}}}}{place}}}]"))).notes
    };
    assert_eq!(logs(", at: before"), [first.replace("`$$hosts` names none", "there are no logs of it")]);
    assert!(logs("").is_empty() && logs(", at: before, wave: 2").is_empty());
}
