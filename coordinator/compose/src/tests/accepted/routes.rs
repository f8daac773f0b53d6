//! Who forwards what comes to a port, and the requests that are a service's.

use evenkeel_model::{HttpRoute, Port, Via};

use super::{accepted, notes, web};

/// How the one port written so is forwarded.
fn via(port: &str) -> Via {
    match &web(&format!("ports: [{port}]")).spec.ports[..] {
        [Port { via, .. }] => via.clone(),
        other => panic!("{other:?}"),
    }
}

/// A port of the long form with further keys.
fn long(keys: &str) -> String {
    format!("{{target: 80, published: 8080{keys}}}")
}

#[test]
fn a_port_carries_requests_or_connections_or_is_the_engines() {
    let http = || Via::Http(HttpRoute::default());
    for (written, expected) in [
        ("\"8080:80\"".to_owned(), Via::Tcp),
        ("\"8080:80/tcp\"".to_owned(), Via::Tcp),
        ("\"8080:80/udp\"".to_owned(), Via::Engine),
        (long(""), Via::Tcp),
        (long(", mode: ingress"), Via::Tcp),
        (long(", app_protocol: tcp"), Via::Tcp),
        (long(", app_protocol: http"), http()),
        (long(", app_protocol: h2c"), http()),
        (long(", app_protocol: grpc, protocol: tcp, mode: ingress"), http()),
        (long(", mode: host"), Via::Engine),
        (long(", mode: host, app_protocol: tcp"), Via::Engine),
        (long(", protocol: udp"), Via::Engine),
    ] {
        assert_eq!(via(&written), expected, "{written}");
    }
}

#[test]
fn a_route_says_which_requests() {
    let route = |keys: &str| via(&long(&format!(", app_protocol: http, x-route: {{{keys}}}")));
    let all = HttpRoute::default;
    assert_eq!(route(""), Via::Http(all()));
    let hosts = vec!["shop.example".to_owned(), "www.shop.example".to_owned()];
    assert_eq!(route("hosts: [Shop.example, www.shop.example]"), Via::Http(HttpRoute { hosts, ..all() }));
    for (written, path) in [("/api", "/api"), ("/api/", "/api"), ("/", "/"), ("/a/b%20c", "/a/b%20c")] {
        assert_eq!(
            route(&format!("path: {written}")),
            Via::Http(HttpRoute { path: path.into(), ..all() }),
            "{written}"
        );
    }
    assert_eq!(route("sticky: session_id"), Via::Http(HttpRoute { sticky: Some("session_id".into()), ..all() }));
    assert_eq!(route("tls: true"), Via::Http(HttpRoute { tls: true, ..all() }));
    assert_eq!(route("redirect_to_https: true"), Via::Http(HttpRoute { redirect_to_https: true, ..all() }));
    assert_eq!(route("tls: true, redirect_to_https: false"), Via::Http(HttpRoute { tls: true, ..all() }));
}

#[test]
fn services_may_share_a_port_whose_requests_differ() {
    let port = |route: &str| format!("{{target: 80, published: 80, app_protocol: http, x-route: {{{route}}}}}");
    for (one, two) in [
        ("path: /api", ""),
        ("path: /api", "path: /apis"),
        ("hosts: [a.example]", ""),
        ("hosts: [a.example]", "hosts: [b.example]"),
        ("hosts: [a.example], path: /api", "hosts: [a.example]"),
        ("hosts: [a.example], tls: true", "hosts: [b.example], tls: true"),
        ("path: /a, sticky: one", "path: /b, redirect_to_https: true"),
    ] {
        let (one, two) = (port(one), port(two));
        accepted(&format!(
            "name: app\nservices:\n  one: {{image: a, ports: [{one}]}}\n  two: {{image: a, ports: [{two}]}}\n"
        ));
        web(&format!("ports: [{one}, {two}]"));
    }
}

#[test]
fn an_anchor_at_the_top_may_be_named_as_what_it_is_for() {
    let text = "name: app
x-route: &route {hosts: [shop.example]}
services:
  web:
    image: a
    ports: [{target: 80, published: 80, app_protocol: http, x-route: {<<: *route, path: /a}}]
";
    let specification = accepted(text);
    let expected = HttpRoute { hosts: vec!["shop.example".into()], path: "/a".into(), ..HttpRoute::default() };
    assert_eq!(specification.services[&"web".parse().unwrap()].spec.ports[0].via, Via::Http(expected));
    assert!(specification.notes.is_empty());
    let misspelt = "`services.web.ports[0].x-routes` is ignored, as Compose says of x- keys: did you mean `x-route`?";
    assert_eq!(notes("ports: [{target: 80, published: 80, x-routes: {}}]"), [misspelt]);
}

#[test]
fn a_port_asked_by_http_and_forwarded_as_connections_is_noted() {
    let note = "web: port 8080 carries connections; write `app_protocol: http` so that no request is lost in a swap";
    let http = "x-rollout: {health: {http: {port: 80}}}";
    assert_eq!(notes(&format!("ports: [\"8080:80\"]\n{http}")), [note]);
    assert_eq!(notes("ports: [\"8080:80\"]\nx-rollout: {health: {grpc: {port: 80}}}"), [note]);
    assert_eq!(notes("ports: [\"8080:80\"]\nx-rollout: {health: {exec: [curl, localhost]}}"), [note]);
    assert_eq!(notes("ports: [\"8080:80\", \"22:22\"]\nhealthcheck: {test: curl -f http://localhost/}"), [note]);
    for quiet in [
        format!("ports: [{}]\n{http}", long(", app_protocol: http")),
        format!("ports: [\"8080:81\"]\n{http}"),
        "ports: [\"8080:80\"]\nx-rollout: {health: {tcp: {port: 80}}}".to_owned(),
        "ports: [\"8080:80\"]\nhealthcheck: {test: pg_isready}".to_owned(),
    ] {
        assert!(notes(&quiet).is_empty(), "{quiet}");
    }
}

#[test]
fn what_the_guide_shows_is_read_without_a_note() {
    let guide = include_str!("../../../../../deploy/docs/compose.md");
    let examples: Vec<&str> = guide.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 5);
    for example in examples {
        assert!(accepted(&format!("name: app\n{example}")).notes.is_empty(), "{example}");
    }
}
