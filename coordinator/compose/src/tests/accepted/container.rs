//! The keys of a service that are about its container.

use evenkeel_model::{
    Constraint, Health, Millis, Mount, Order, Port, Probe, Protocol, Restart, ServiceSpec, Traffic, Via,
};

use super::{accepted, notes, web};

fn port(address: Option<&str>, published: u16, target: u16, protocol: Protocol) -> Port {
    let via = if protocol == Protocol::Tcp { Via::Tcp } else { Via::Engine };
    Port { address: address.map(str::to_owned), published, target, protocol, via }
}

#[test]
fn an_image_is_enough() {
    let draft = web("");
    assert_eq!((draft.image.as_str(), draft.local), ("app:1", false));
    let expected = ServiceSpec {
        command: None,
        entrypoint: None,
        environment: [].into(),
        ports: Vec::new(),
        mounts: Vec::new(),
        engine_healthcheck: None,
        health: Health::with_defaults(Probe::Running),
        restart: Restart::UnlessStopped,
        user: None,
        labels: [].into(),
        stop_grace_period: Millis::seconds(10),
        stop_signal: None,
        order: Order::StartFirst,
        keep_old: None,
        traffic: Traffic::default(),
        constraints: Vec::new(),
    };
    assert_eq!(draft.spec, expected);
    assert!(notes("").is_empty());
}

#[test]
fn ports_are_read_in_both_forms() {
    let check = |written: &str, expected: &[Port]| assert_eq!(web(written).spec.ports, expected, "{written}");
    let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
    check("ports: []", &[]);
    check("ports: [\"8080:80\"]", &[port(None, 8080, 80, tcp)]);
    check("ports:\n  - 8080:80\n  - 53:53/udp", &[port(None, 8080, 80, tcp), port(None, 53, 53, udp)]);
    check("ports: [\"127.0.0.1:8080:80/udp\"]", &[port(Some("127.0.0.1"), 8080, 80, udp)]);
    check("ports: [\"[::1]:8080:80\"]", &[port(Some("::1"), 8080, 80, tcp)]);
    check("ports: [\"8000-8001:80-81\"]", &[port(None, 8000, 80, tcp), port(None, 8001, 81, tcp)]);
    check("ports: [{target: 80, published: \"8080\"}]", &[port(None, 8080, 80, tcp)]);
    check(
        "ports: [{target: 80, published: 8080, host_ip: 10.0.0.1, protocol: udp, mode: host}]",
        &[port(Some("10.0.0.1"), 8080, 80, udp)],
    );
    // One port for each transport, for each address, and, of the engine, for each family of addresses.
    check("ports: [\"53:53\", \"53:53/udp\"]", &[port(None, 53, 53, tcp), port(None, 53, 53, udp)]);
    check(
        "ports: [\"0.0.0.0:53:53/udp\", \"[::]:53:53/udp\"]",
        &[port(Some("0.0.0.0"), 53, 53, udp), port(Some("::"), 53, 53, udp)],
    );
    check(
        "ports: [\"0.0.0.0:80:80\", \"[::1]:80:80\"]",
        &[port(Some("0.0.0.0"), 80, 80, tcp), port(Some("::1"), 80, 80, tcp)],
    );
}

#[test]
fn services_that_never_meet_may_publish_the_same_port() {
    let on = |condition: &str| {
        format!("{{image: a, ports: ['80:80'], deploy: {{placement: {{constraints: [{condition}]}}}}}}")
    };
    let file = |a: &str, b: &str| format!("name: app\nservices:\n  a: {}\n  b: {}", on(a), on(b));
    for (a, b) in [("== x", "== y"), ("== x", "!= x"), ("!= x", "== x")] {
        accepted(&file(&format!("node.labels.role {a}"), &format!("node.labels.role {b}")));
    }
    for (a, b) in
        [("role == x", "role == x"), ("role == x", "zone == y"), ("role != x", "role != y"), ("role == x", "role != y")]
    {
        let text = file(&format!("node.labels.{a}"), &format!("node.labels.{b}"));
        assert!(super::read_text(&text).is_err(), "{text}");
    }
}

#[test]
fn mounts_are_read_in_both_forms() {
    let check = |written: &str, expected: Mount| {
        let text = format!(
            "name: app\nvolumes: {{data: {{}}}}\nservices:\n  web: {{image: a, deploy: {{mode: global}}, volumes: [{written}]}}"
        );
        assert_eq!(accepted(&text).services[&"web".parse().unwrap()].spec.mounts, [expected], "{written}");
    };
    let volume = |read_only| Mount::Volume { name: "data".into(), target: "/b".into(), read_only };
    let bind = |read_only| Mount::Bind { source: "/a".into(), target: "/b".into(), read_only };
    check("\"data:/b\"", volume(false));
    check("\"data:/b:ro\"", volume(true));
    check("\"/a:/b:rw\"", bind(false));
    check("{type: volume, source: data, target: /b, read_only: true}", volume(true));
    check("{type: bind, source: /a, target: /b}", bind(false));
}

#[test]
fn restart_takes_composes_words() {
    for (written, expected) in [
        ("no", Restart::No),
        ("\"no\"", Restart::No),
        ("false", Restart::No),
        ("always", Restart::UnlessStopped),
        ("unless-stopped", Restart::UnlessStopped),
        ("on-failure", Restart::OnFailure),
        ("", Restart::UnlessStopped),
    ] {
        assert_eq!(web(&format!("restart: {written}")).spec.restart, expected, "{written}");
    }
}

#[test]
fn only_the_pull_policy_never_makes_an_image_local() {
    for (written, local) in [("never", true), ("always", false), ("missing", false), ("if_not_present", false)] {
        assert_eq!(web(&format!("pull_policy: {written}")).local, local, "{written}");
    }
}

#[test]
fn commands_are_words_or_lists() {
    let check = |written: &str, expected: &[&str]| {
        for key in ["command", "entrypoint"] {
            let spec = web(&format!("{key}: {written}")).spec;
            let found = if key == "command" { spec.command } else { spec.entrypoint };
            assert_eq!(found.unwrap(), expected, "{key}: {written}");
        }
    };
    check("serve --port 80", &["serve", "--port", "80"]);
    check("sh -c 'echo \"$$HOME\" | wc'", &["sh", "-c", "echo \"$HOME\" | wc"]);
    check("[serve, 80, \"${SET}\", \"a b\", true]", &["serve", "80", "value", "a b", "true"]);
    check(">-\n  serve\n  now", &["serve", "now"]);
    assert_eq!(web("entrypoint: []").spec.entrypoint, Some(Vec::new()));
    assert_eq!(web("command:").spec.command, None);
}

#[test]
fn environment_and_labels_are_maps_or_lists() {
    let expected = [("A", "1.10"), ("B", ""), ("C", "x=y"), ("SET", "value"), ("T", "true")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(web("environment: {A: 1.10, B: \"\", C: x=y, SET: , T: true}").spec.environment, expected);
    assert_eq!(web("environment: [A=1.10, B=, C=x=y, SET, T=true]").spec.environment, expected);
    let expected = [("a.b", "c"), ("d", "")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(web("labels: {a.b: c, d: }").spec.labels, expected);
    assert_eq!(web("labels: [a.b=c, d]").spec.labels, expected);
}

#[test]
fn a_stop_signal_has_one_form() {
    for (written, signal) in [("SIGQUIT", "SIGQUIT"), ("quit", "SIGQUIT"), ("3", "3"), ("SIGRTMIN+3", "SIGRTMIN+3")] {
        assert_eq!(web(&format!("stop_signal: {written}")).spec.stop_signal.as_deref(), Some(signal), "{written}");
    }
    assert_eq!(web("stop_signal:").spec.stop_signal, None);
}

#[test]
fn the_rest_is_taken_as_written() {
    let spec =
        web("user: 1000\nstop_grace_period: 1m30s\ndeploy: {placement: {constraints: [node.labels.a != b]}}").spec;
    assert_eq!((spec.user.as_deref(), spec.stop_grace_period), (Some("1000"), Millis(90_000)));
    assert_eq!(spec.constraints, [Constraint { label: "a".into(), equal: false, value: "b".into() }]);
}
