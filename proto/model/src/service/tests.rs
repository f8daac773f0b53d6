//! Which ports meet, and what can be beside what it replaces.

use super::*;

fn port(address: &str, via: Via) -> Port {
    let address = (!address.is_empty()).then(|| address.to_owned());
    Port { address, published: 80, target: 8080, protocol: Protocol::Tcp, via }
}

fn check(one: &Port, other: &Port, expected: bool) {
    assert_eq!((one.meets(other), other.meets(one)), (expected, expected), "{one:?} {other:?}");
}

fn spec(order: Order, ports: &[(u16, Via)]) -> ServiceSpec {
    let published = |(published, via): &(u16, Via)| Port { published: *published, ..port("", via.clone()) };
    ServiceSpec {
        command: None,
        entrypoint: None,
        environment: BTreeMap::new(),
        ports: ports.iter().map(published).collect(),
        mounts: Vec::new(),
        engine_healthcheck: None,
        health: Health::with_defaults(crate::Probe::Running),
        restart: Restart::UnlessStopped,
        user: None,
        labels: BTreeMap::new(),
        stop_grace_period: Millis::seconds(10),
        stop_signal: None,
        order,
        keep_old: None,
        traffic: Traffic::default(),
        constraints: Vec::new(),
    }
}

#[test]
fn who_can_not_run_beside_its_old_container_says_why() {
    use Order::{StartFirst, StopFirst};
    let http = || Via::Http(HttpRoute::default());
    let rows = [
        (spec(StartFirst, &[(80, http())]), spec(StartFirst, &[(80, http())]), None),
        (spec(StopFirst, &[]), spec(StartFirst, &[]), Some("its order is stop-first")),
        (spec(StopFirst, &[(80, Via::Engine)]), spec(StartFirst, &[]), Some("port 80 is published directly")),
        (spec(StartFirst, &[]), spec(StopFirst, &[]), Some("in the release before, its order is stop-first")),
        (
            spec(StartFirst, &[]),
            spec(StopFirst, &[(80, Via::Engine)]),
            Some("in the release before, port 80 is published directly"),
        ),
        (
            spec(StartFirst, &[(80, http())]),
            spec(StartFirst, &[(80, Via::Engine)]),
            Some("port 80 passes from the engine to the proxy"),
        ),
        (spec(StartFirst, &[(81, http())]), spec(StartFirst, &[(80, Via::Engine)]), None),
    ];
    for (new, old, expected) in rows {
        assert_eq!(new.why_not_beside(&old).as_deref(), expected, "{new:?} {old:?}");
    }
}

#[test]
fn only_what_comes_to_the_same_ports_can_be_divided() {
    let http = || Via::Http(HttpRoute::default());
    let other = || Via::Http(HttpRoute { path: "/api".to_owned(), ..HttpRoute::default() });
    let spec = |ports: &[(u16, Via)]| spec(Order::StartFirst, ports);
    let rows = [
        (spec(&[(80, http()), (81, Via::Tcp)]), spec(&[(81, Via::Tcp), (80, http())]), None),
        (spec(&[(80, http())]), spec(&[(80, other())]), Some("port 80 is not the same in both releases")),
        (spec(&[(80, http()), (81, http())]), spec(&[(80, http())]), Some("port 81 is not the same in both releases")),
        (spec(&[(80, http())]), spec(&[(80, http()), (82, http())]), Some("port 82 is not the same in both releases")),
        (spec(&[(80, http())]), spec(&[(81, Via::Engine)]), None),
        (spec(&[]), spec(&[(80, http())]), None),
    ];
    for (new, old, expected) in rows {
        assert_eq!(new.why_not_divided(&old).as_deref(), expected, "{new:?} {old:?}");
    }
}

#[test]
fn ports_meet_where_only_one_socket_can_have_the_address() {
    let rows = [
        ("", "", true),
        ("", "127.0.0.1", true),
        ("", "0.0.0.0", true),
        ("", "::", true),
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false),
        ("127.0.0.1", "::1", false),
        ("0.0.0.0", "127.0.0.1", true),
        ("0.0.0.0", "::1", false),
        ("::", "::1", true),
        ("::", "0:0:0:0:0:0:0:1", true),
        ("::1", "0:0:0:0:0:0:0:1", true),
    ];
    for (one, other, expected) in rows {
        for via in [Via::Engine, Via::Tcp, Via::Http(HttpRoute::default())] {
            check(&port(one, Via::Tcp), &port(other, via), expected);
        }
    }
    let tcp = port("", Via::Engine);
    check(&tcp, &Port { published: 81, ..tcp.clone() }, false);
    check(&tcp, &Port { protocol: Protocol::Udp, ..tcp.clone() }, false);
}

#[test]
fn all_addresses_of_ipv6_are_those_of_ipv4_too_at_the_proxy_and_not_at_the_engine() {
    for other in ["0.0.0.0", "127.0.0.1"] {
        for via in [Via::Engine, Via::Tcp] {
            check(&port("::", Via::Tcp), &port(other, via.clone()), true);
            check(&port("::", Via::Engine), &port(other, via), false);
        }
    }
}
