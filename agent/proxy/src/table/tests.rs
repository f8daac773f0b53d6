//! Which route a request takes, and which sets of routes are refused.

use evenkeel_model::Millis;

use super::*;

fn paths() -> Paths<&'static str> {
    let mut paths = Paths::default();
    paths.insert(&[], "/", &"all");
    paths.insert(&[], "/api", &"api");
    paths.insert(&["Shop.Example".into(), "www.shop.example".into()], "/api/v2/", &"shop v2");
    paths.insert(&["shop.example".into()], "/api", &"shop api");
    paths.insert(&["[::1]".into()], "/", &"six");
    paths
}

#[track_caller]
fn check_path(host: &str, path: &str, expected: &str) {
    assert_eq!(paths().find(host, path), Some(&expected), "{host} {path}");
}

#[test]
fn the_longest_path_within_the_named_host_is_taken_and_then_within_none() {
    check_path("", "/", "all");
    check_path("other", "/apis", "all");
    check_path("other", "/api", "api");
    check_path("other", "/api/", "api");
    check_path("other", "*", "all");
    check_path("shop.example", "/api/v2", "shop v2");
    check_path("SHOP.example.:8080", "/api/v2/x", "shop v2");
    check_path("www.shop.example", "/api/v2/x", "shop v2");
    check_path("www.shop.example", "/api/v1", "api");
    check_path("shop.example", "/api/v20", "shop api");
    check_path("shop.example", "/", "all");
    check_path("[::1]:80", "/x", "six");
    assert_eq!(Paths::<u8>::default().find("a", "/"), None);
}

fn route(owner: &str, port: u16, kind: Kind) -> Route {
    Route {
        owner: owner.into(),
        name: "web".into(),
        listen: ([127, 0, 0, 1], port).into(),
        kind,
        upstreams: vec![],
        hold: Millis(0),
        holding: false,
    }
}

fn http(hosts: &[&str], path: &str, tls: bool) -> Kind {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    Kind::Http { hosts, path: path.into(), sticky: None, redirect_to_https: false, tls }
}

#[track_caller]
fn check_refusal(routes: &[Route], expected: &str) {
    let refusal = check(routes.iter(), true).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(refusal, expected);
}

#[test]
fn what_cannot_share_a_port_is_refused_with_the_owners_name() {
    check_refusal(&[route("a", 80, http(&[], "/", false)), route("b", 80, http(&["x"], "/", false))], "");
    check_refusal(&[route("a", 80, Kind::Tcp), route("b", 81, Kind::Tcp)], "");
    check_refusal(
        &[route("a", 80, http(&["x", "y"], "/p", false)), route("b", 80, http(&["Y"], "/p/", false))],
        "127.0.0.1:80 with host y and path /p/ is already a route of a",
    );
    check_refusal(
        &[route("a", 80, http(&[], "/", false)), route("b", 80, http(&[], "/", false))],
        "127.0.0.1:80 with host (any) and path / is already a route of a",
    );
    let shared = "127.0.0.1:80 is already a port of a, and a TCP port serves one route alone";
    check_refusal(&[route("a", 80, Kind::Tcp), route("b", 80, Kind::Tcp)], shared);
    check_refusal(&[route("a", 80, http(&[], "/", false)), route("b", 80, Kind::Tcp)], shared);
    check_refusal(&[route("a", 80, Kind::Tcp), route("b", 80, http(&[], "/", false))], shared);
    check_refusal(
        &[route("a", 80, http(&["x"], "/", false)), route("b", 80, http(&[], "/", true))],
        "127.0.0.1:80 is already a port of a, and the two differ in tls",
    );
}

#[test]
fn a_route_that_makes_no_sense_is_refused() {
    check_refusal(
        &[route("a", 80, http(&[], "api", false))],
        "the route of web at 127.0.0.1:80 is refused: its path does not begin with /",
    );
    check_refusal(
        &[route("a", 80, http(&["*.x"], "/", false))],
        "the route of web at 127.0.0.1:80 is refused: a host of it is not a plain host name",
    );
    let tls = [route("a", 80, http(&[], "/", true))];
    assert!(matches!(check(tls.iter(), false), Err(ApplyError::NoTls { .. })));
}
