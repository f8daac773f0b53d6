//! What is wrong with how a port is forwarded. Each line: what is written, and every problem with its line.

use super::{file, service};

/// A port with these further keys is refused with this problem, the rest of whose path is written.
fn port(keys: &str, problem: &str) {
    let problem = format!("5: services.web.ports[0].{problem}");
    service(&format!("ports: [{{target: 80, published: 8080, {keys}}}]"), &[&problem]);
}

#[test]
fn what_is_spoken_must_fit_the_port() {
    port(
        "app_protocol: http, protocol: udp",
        "app_protocol: it is spoken over TCP, and the port is `protocol: udp`: remove one of the two",
    );
    port(
        "app_protocol: tcp, protocol: udp",
        "app_protocol: it is spoken over TCP, and the port is `protocol: udp`: remove one of the two",
    );
    port(
        "app_protocol: grpc, mode: host",
        "app_protocol: with `mode: host` the engine publishes the port, and no proxy sees its requests: remove one of the two",
    );
    port(
        "app_protocol: https",
        "app_protocol: the proxy speaks no TLS to a container: write `http` with `x-route: {tls: true}` and let the container speak plain HTTP, or `tcp` to pass its TLS through",
    );
    for word in ["ws", "HTTP"] {
        port(
            &format!("app_protocol: {word}"),
            &format!("app_protocol: expected `http`, `h2c`, `grpc` or `tcp`, found `{word}`"),
        );
    }
    port("app_protocol: [http]", "app_protocol: expected `http`, `h2c`, `grpc` or `tcp`, found a list");
}

#[test]
fn a_route_is_for_requests_alone() {
    for keys in ["x-route: {}", "x-route: {path: /a}, app_protocol: tcp", "x-route: {path: /a}, protocol: udp"] {
        port(keys, "x-route: it is about requests: write `app_protocol: http` beside it, or remove it");
    }
    service(
        "x-route: {path: /a}",
        &["5: services.web.x-route: it has no meaning here: move it into a port that is written as a map"],
    );
}

#[test]
fn bad_routes_are_refused() {
    let route = |keys: &str, problem: &str| {
        port(&format!("app_protocol: http, x-route: {{{keys}}}"), &format!("x-route.{problem}"));
    };
    port("app_protocol: http, x-route: /a", "x-route: expected a map of keys and values, found `/a`");
    route("host: [a]", "host: unknown key: did you mean `hosts`?");
    route("x-mine: 1", "x-mine: unknown key: remove it, or use one of hosts, path, sticky, tls, redirect_to_https");
    route("hosts: a.example", "hosts: expected a list of host names such as `[shop.example]`, found `a.example`");
    route("hosts: []", "hosts: there are no hosts: name at least one, or remove `hosts` for all");
    for host in ["a:80", "https://a", "-a", "a_b", "''"] {
        let found = host.trim_matches('\'');
        route(
            &format!("hosts: [{host}]"),
            &format!("hosts[0]: expected a host name such as `shop.example`, without port, found `{found}`"),
        );
    }
    route(
        "hosts: [a, '*.a.example']",
        "hosts[1]: wildcards are not supported yet: name each host, or remove `hosts` for all",
    );
    route("hosts: [a.example, A.example]", "hosts[1]: `A.example` is written twice: keep one");
    for path in ["api", "/a?b", "/a b", "//", "/a//b"] {
        route(
            &format!("path: {path}"),
            &format!("path: expected a path such as `/api`, without `?` and `#`, found `{path}`"),
        );
    }
    route("sticky: a b", "sticky: expected a cookie's name, of letters, digits, `-`, `_` and `.`, found `a b`");
    route("tls: perhaps", "tls: expected `true` or `false`, found `perhaps`");
    route("redirect_to_https: 1", "redirect_to_https: expected `true` or `false`, found `1`");
    route(
        "redirect_to_https: true, tls: true",
        "redirect_to_https: with `tls: true` every request on this port is https already: remove one of the two",
    );
}

/// Two services with one port each, on lines 5 and 8.
fn two(one: &str, two: &str, problem: &str) {
    let port = |keys: &str| format!("{{target: 80, published: 80{keys}}}");
    let (one, two) = (port(one), port(two));
    file(
        &format!(
            "name: app\nservices:\n  one:\n    image: a\n    ports: [{one}]\n  two:\n    image: a\n    ports: [{two}]"
        ),
        &[&format!("8: services.two.ports[0]: {problem}")],
    );
}

#[test]
fn one_request_is_for_one_service() {
    let taken = "port 80 is also published by one on line 5: change one of them";
    let http = |route: &str| format!(", app_protocol: http, x-route: {{{route}}}");
    for (a, b) in [
        ("", ""),
        ("path: /a", "path: /a/"),
        ("hosts: [a, b]", "hosts: [b, c]"),
        ("hosts: [a], path: /x", "hosts: [A], path: /x"),
        // A port that clashes anyway is said once.
        ("tls: true", ""),
    ] {
        two(&http(a), &http(b), taken);
    }
    two(&http(""), "", taken);
    two("", &http("hosts: [a]"), taken);
    // All addresses and one of them are two sockets, of which only one can be had.
    two(
        &format!("{}, host_ip: 0.0.0.0", http("hosts: [a]")),
        &format!("{}, host_ip: 127.0.0.1", http("hosts: [b]")),
        taken,
    );
    two(
        &http("hosts: [a], tls: true"),
        &http("hosts: [b]"),
        "port 80 is shared with one on line 5, and only one of them has `tls: true`: write it for both, or for neither",
    );
}
