//! Texts that are nearly Compose files, and files that are right. Not here: what must hold of them (module `properties`).

use std::fmt::Write as _;

use proptest::prelude::*;

/// Pieces that meet in Compose files, so that random sequences of them come far into the reader.
pub(super) const PIECES: &[&str] = &[
    "\n",
    "\n  ",
    "\n    ",
    "\n      ",
    "\n        - ",
    "- ",
    ": ",
    ":",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "<<: *a",
    "!tag ",
    "|\n",
    ">-\n",
    "~",
    "---",
    "services:",
    "web:",
    "name: app",
    "image: a",
    "ports:",
    "80:80",
    "{target: 80, published: 80, ",
    "app_protocol: http",
    "x-route:",
    "hosts: [a]",
    "path: /",
    "volumes:",
    "/a:/b",
    "healthcheck:",
    "test:",
    "deploy:",
    "update_config:",
    "x-rollout:",
    "health:",
    "http:",
    "status: 200-299",
    "drain: ",
    "keep_old: running",
    "waves:",
    "{first: 1, times: 2}",
    "strategy: canary",
    "strategy: blue-green",
    "weights: [5, 25]",
    "promote: manual",
    "keep_blue: 5m",
    "by: zone",
    "first: [a]",
    "gates:",
    "approval:",
    "window: {start: 09:00, length: 8h}",
    "analysis:",
    "prometheus: {url: http://p, query: up, min: 0, ",
    "compare: {with: before, max_ratio: 1}",
    "http: {url: http://p}",
    "logs: {pattern: 'panic|ERROR', max: 0}",
    "at: switch",
    "wave: 2",
    "10%",
    "1",
    "30s",
    "${SET}",
    "${UNSET:-",
    "$$",
    "environment:",
    "A=1",
    "\t",
    "\u{feff}",
    "é",
    "\r",
    "?",
    "\\",
];

/// Ways to write a port, each right.
const PORTS: &[&str] = &[
    "\"127.0.0.INDEX:PORT:80\"",
    "\"127.0.0.INDEX:PORT:80/udp\"",
    "{target: 80, published: PORT, host_ip: 127.0.0.INDEX, mode: host}",
    "{target: 80, published: PORT, host_ip: 127.0.0.INDEX, app_protocol: grpc}",
    "{target: 80, published: PORT, app_protocol: http, x-route: {hosts: [hINDEX.example], path: /, sticky: c}}",
];

/// Ways to be moved, each right; the first one suits every service.
const STRATEGIES: &[&str] = &[
    "  strategy: rolling\n",
    "  strategy: canary\n  promote: manual\n",
    "  strategy: canary\n  weights: [5, 25%, 100]\n",
    "  strategy: blue-green\n  keep_blue: 30m\n",
];

/// Who is moved when, each right.
const WAVES: &[&str] = &[
    "",
    "  by: zone\n  first: [web-1, web-2]\n  min_healthy: 50%\n",
    "  waves: [1, {hosts: 25%, bake: 10m, max_unavailable: 1, max_failures: 0}, 100%]\n",
    "  waves: {first: 1, times: 5}\n",
];

/// What is waited for, each right.
const CHECKS: &[&str] = &[
    "approval: ",
    "approval: {persons: 3}",
    "window: {days: [sat, sun], start: 22:00, length: 6h, zone: America/New_York}",
    "analysis: {prometheus: {url: http://p:9090, query: \"up{host=~'$$hosts'}\", min: 0, max: 0.05}, samples: 5, max_bad: 1}",
    "analysis: {prometheus: {url: http://p, query: $$hosts, compare: {with: other_hosts, max_ratio: 1.2}}}",
    "analysis: {logs: {pattern: 'panic|ERROR', max: 0}, samples: 1}",
    "analysis: {name: front, http: {url: https://shop.example/, status: 200-204, body: ok}, interval: 1s}",
];

/// Where, each right.
const PLACES: &[&str] = &["", ", at: before", ", at: commit, wave: 1", ", at: after, wave: last", ", wave: every"];

fn gates() -> impl Strategy<Value = String> {
    let gate = (proptest::sample::select(CHECKS), proptest::sample::select(PLACES));
    proptest::collection::vec(gate, 0..4).prop_map(|gates| {
        let mut text = String::new();
        for (index, (check, place)) in gates.into_iter().enumerate() {
            let key = if index == 0 { "  gates:\n" } else { "" };
            writeln!(text, "{key}    - {{{check}{place}}}").unwrap();
        }
        text
    })
}

/// A file that is right, out of parts that may be there or not.
pub(super) fn valid_file() -> impl Strategy<Value = String> {
    let count =
        prop_oneof![(1..100_u32).prop_map(|hosts| hosts.to_string()), (1..=100_u32).prop_map(|p| format!("{p}%"))];
    let duration =
        prop_oneof![(1..10_000_u32).prop_map(|ms| format!("{ms}ms")), (1..90_u32).prop_map(|m| format!("{m}m30s"))];
    let rollout = (proptest::option::of(count), proptest::option::of(duration.clone()), proptest::option::of(duration));
    let moved = (proptest::sample::select(STRATEGIES), proptest::sample::select(WAVES), gates());
    let service = (
        proptest::option::of("[a-z][a-z \"'é:#-]{0,12}"),
        proptest::collection::btree_map("[A-Z]{1,8}", "[ -~]{0,20}", 0..4),
        proptest::option::of((1..=65535_u16, proptest::sample::select(PORTS))),
        proptest::sample::select(vec!["no", "always", "on-failure", "unless-stopped"]),
        any::<bool>(),
    );
    let services = proptest::collection::vec(service, 1..4);
    (rollout, moved, services).prop_map(|((count, bake, drain), (strategy, waves, gates), services)| {
        // What runs old and new side by side is for services that can.
        let is_direct = |form: &str| form.contains("udp") || form.contains("mode: host");
        let has_stop_first =
            services.iter().any(|(_, _, port, _, volume)| *volume || port.is_some_and(|(_, form)| is_direct(form)));
        let strategy = if has_stop_first { STRATEGIES[0] } else { strategy };
        let mut text = String::from("name: app\nvolumes: {data: }\nx-rollout:\n");
        writeln!(text, "{strategy}{waves}{gates}").unwrap();
        for (key, value) in [("max_unavailable", count), ("bake", bake), ("drain", drain)] {
            if let Some(value) = value {
                writeln!(text, "  {key}: {value}").unwrap();
            }
        }
        text.push_str("services:\n");
        for (index, (user, environment, port, restart, volume)) in services.into_iter().enumerate() {
            writeln!(text, "  s{index}:\n    image: a:{index}\n    restart: {restart}").unwrap();
            if let Some(user) = user {
                writeln!(text, "    user: '{}'", user.replace('\'', "''")).unwrap();
            }
            writeln!(text, "    environment:\n      INDEX: {index}").unwrap();
            for (name, value) in environment.iter().filter(|(name, _)| *name != "INDEX") {
                writeln!(text, "      \"{name}\": '{}'", value.replace('\'', "''").replace('$', "$$")).unwrap();
            }
            if let Some((port, form)) = port {
                // An address or a host of its own, so that no two services clash.
                let port = form.replace("PORT", &port.to_string()).replace("INDEX", &(index + 1).to_string());
                writeln!(text, "    ports: [{port}]").unwrap();
            }
            if volume {
                text.push_str("    volumes: [\"data:/data\"]\n    deploy: {mode: global}\n");
            }
        }
        text
    })
}
