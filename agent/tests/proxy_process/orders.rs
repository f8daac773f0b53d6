//! What the control socket takes and tells.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use evenkeel_proto::v1::{
    ProxyPortTaken, ProxyStatusRequest, SetRoutesRequest, WatchProxyRequest, set_routes_response::Problem,
};

use super::rig::{DEADLINE, Rig, SHOP, free_port, free_port_of, http_route, loop_until};
use super::upstream::{Client, Upstream, get};

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named_and_nothing_changes() {
    let (rig, web, other) = (Rig::start("").await, Upstream::http("web").await, Upstream::http("other").await);
    let (port, further) = (free_port(), free_port());
    rig.route(SHOP, "first", &[http_route(port, &[("c1", web.address)])]).await;
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let routes = [port, further, taken].map(|listen| http_route(listen, &[("c2", other.address)]));
    let problem = rig.set(SHOP, "second", &routes).await.problem;
    assert_eq!(problem, Some(Problem::PortTaken(ProxyPortTaken { listen: taken.to_string(), holder: None })));
    let owner = rig.owner(SHOP).await.unwrap();
    assert_eq!((owner.mark.as_deref(), owner.routes.len()), (Some("first"), 1));
    assert_eq!(get(port, "/").await.unwrap().body, "web");
    get(further, "/").await.expect_err("a port of an order that was refused is not open");
    drop(holder);
    rig.route(SHOP, "second", &routes).await;
    assert_eq!(get(taken, "/").await.unwrap().body, "other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_another_app_has_is_refused_with_its_name() {
    let (rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let port = free_port();
    rig.route(SHOP, "m", &[http_route(port, &[("c1", web.address)])]).await;
    let problem = rig.set("default/blog", "m", &[http_route(port, &[("c2", web.address)])]).await.problem;
    let holder = Some(SHOP.to_owned());
    assert_eq!(problem, Some(Problem::PortTaken(ProxyPortTaken { listen: port.to_string(), holder })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_no_route_needs_is_closed() {
    let (rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let port = free_port();
    rig.route(SHOP, "m", &[http_route(port, &[("c1", web.address)])]).await;
    get(port, "/").await.unwrap();
    rig.route(SHOP, "none", &[]).await;
    assert_eq!(rig.owner(SHOP).await, None, "no routes, no mark");
    loop_until("the port is free", || TcpListener::bind(port).is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_order_is_refused_by_its_field() {
    let rig = Rig::start("").await;
    let mut bad = http_route(free_port(), &[]);
    bad.hold = None;
    let request = SetRoutesRequest { owner: SHOP.to_owned(), mark: "m".to_owned(), routes: vec![bad] };
    let status = rig.client().set_routes(request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (tonic::Code::InvalidArgument, "routes.hold: is missing"));
    let request = SetRoutesRequest { owner: String::new(), mark: "m".to_owned(), routes: vec![] };
    assert_eq!(rig.client().set_routes(request).await.unwrap_err().message(), "owner: is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_owner_and_group_may_use_the_socket() {
    let rig = Rig::start("").await;
    assert_eq!(std::fs::metadata(rig.socket()).unwrap().permissions().mode() & 0o777, 0o660);
    assert_eq!(std::fs::metadata(rig.state()).unwrap().permissions().mode() & 0o022, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readiness_path_says_503_while_a_service_on_the_port_is_failing() {
    let (rig, web) = (Rig::start("readiness_path = \"/ready\"").await, Upstream::http("web").await);
    let mut route = http_route(free_port(), &[("c1", web.address)]);
    let port = route.listen.parse().unwrap();
    rig.route(SHOP, "well", std::slice::from_ref(&route)).await;
    assert_eq!(get(port, "/ready").await.unwrap().status, 200);
    route.failing = true;
    rig.route(SHOP, "failing", std::slice::from_ref(&route)).await;
    assert_eq!(get(port, "/ready").await.unwrap().status, 503);
    assert_eq!(get(port, "/").await.unwrap().body, "web", "it still serves");
    assert!(rig.owner(SHOP).await.unwrap().routes[0].failing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_is_woken_when_a_draining_container_is_idle() {
    let (rig, old, new) = (Rig::start("").await, Upstream::http("old").await, Upstream::http("new").await);
    let port = free_port();
    rig.route(SHOP, "old", &[http_route(port, &[("old", old.address)])]).await;
    let mut client = Client::connect(port).await.unwrap();
    client.send("/slow").await.unwrap();
    loop_until_in_flight(&rig, "old", 1).await;
    rig.route(SHOP, "new", &[http_route(port, &[("new", new.address)])]).await;
    let mut words = rig.client().watch(WatchProxyRequest {}).await.unwrap().into_inner();
    words.message().await.unwrap().expect("a word at once");
    assert_eq!(rig.in_flight("old").await, 1, "it is out of the routes, and has not ended");
    old.gate.add_permits(1);
    assert_eq!(client.receive().await.unwrap().body, "old");
    tokio::time::timeout(DEADLINE, words.message()).await.expect("a word when it ended").unwrap().unwrap();
    loop_until_in_flight(&rig, "old", 0).await;
    let all = rig.client().status(ProxyStatusRequest { owner: None }).await.unwrap().into_inner();
    assert_eq!(all.owners.len(), 1);
}

/// Waits for a container's count.
pub(crate) async fn loop_until_in_flight(rig: &Rig, container: &str, count: u64) {
    super::rig::eventually("the count", async || (rig.in_flight(container).await == count).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_agents_proxies_share_a_port_number_on_two_addresses() {
    let (one, two) = (Rig::start("").await, Rig::start("").await);
    let (web, other) = (Upstream::http("web").await, Upstream::http("other").await);
    let first = free_port_of("127.0.0.1");
    let second = std::net::SocketAddr::new([127, 0, 0, 2].into(), first.port());
    one.route(SHOP, "m", &[http_route(first, &[("c1", web.address)])]).await;
    two.route(SHOP, "m", &[http_route(second, &[("c2", other.address)])]).await;
    assert_eq!(get(first, "/").await.unwrap().body, "web");
    assert_eq!(get(second, "/").await.unwrap().body, "other");
}
