//! The agent's client and the real proxy, as they work together.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use evenkeel_agent::proxy::client::ProxyClient;
use evenkeel_agent::router::Router as _;
use evenkeel_machine::{Proxy, RoutePlan, ServiceRoutes, Upstream as Container};
use evenkeel_model::{AppKey, CauseKind, HttpRoute, Millis, Port, Protocol, Via};

use super::rig::{DEADLINE, Rig, free_port};
use super::upstream::{Client, Upstream, get};

fn key() -> AppKey {
    AppKey { environment: "default".parse().unwrap(), app: "shop".parse().unwrap() }
}

/// A plan that sends a port to a container, which here is a program on loopback.
fn plan(listen: SocketAddr, id: &str, program: &Upstream) -> RoutePlan {
    let port = Port {
        address: Some(listen.ip().to_string()),
        published: listen.port(),
        target: program.address.port(),
        protocol: Protocol::Tcp,
        via: Via::Http(HttpRoute::default()),
    };
    let upstreams = vec![Container { container: id.to_owned(), address: program.address.ip(), weight: 1 }];
    let routes =
        ServiceRoutes { ports: vec![port], upstreams, hold: Millis::seconds(20), holding: false, failing: false };
    RoutePlan { services: BTreeMap::from([("web".parse().unwrap(), routes)]) }
}

fn up(plan: &RoutePlan, id: &str, in_flight: &[(&str, u64)]) -> Proxy {
    Proxy::Up {
        mark: Some(plan.mark()),
        routed: BTreeMap::from([("web".parse().unwrap(), BTreeMap::from([(id.to_owned(), 1)]))]),
        in_flight: in_flight.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_swaps_containers_across_a_hand_over() {
    let (mut rig, old, new) = (Rig::start("").await, Upstream::http("old").await, Upstream::http("new").await);
    let listen = free_port();
    let client = Arc::new(ProxyClient::new(&rig.socket(), None));
    let listening = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.listen().await }
    });
    let mut wakeups = client.wakeups();
    assert_eq!(client.observe(&key()).await, Proxy::default());
    let (first, second) = (plan(listen, "old", &old), plan(listen, "new", &new));
    client.route(&key(), &first).await.unwrap();
    assert_eq!(client.observe(&key()).await, up(&first, "old", &[]));

    let mut slow = Client::connect(listen).await.unwrap();
    slow.send("/slow").await.unwrap();
    super::orders::loop_until_in_flight(&rig, "old", 1).await;
    rig.hand_over().await;
    client.route(&key(), &second).await.unwrap();
    assert_eq!(get(listen, "/").await.unwrap().body, "new");
    assert_eq!(client.observe(&key()).await, up(&second, "new", &[("old", 1)]), "the older process still has it");

    old.gate.add_permits(1);
    assert_eq!(slow.receive().await.unwrap().body, "old");
    let idle = async {
        while client.observe(&key()).await != up(&second, "new", &[]) {
            wakeups.changed().await.unwrap();
        }
    };
    tokio::time::timeout(DEADLINE, idle).await.expect("woken when the old container is idle");

    client.route(&key(), &RoutePlan::default()).await.unwrap();
    assert_eq!(client.observe(&key()).await, Proxy::default());
    listening.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_divided_is_told_by_weight_and_outlives_a_hand_over() {
    let (mut rig, old) = (Rig::start("").await, Upstream::http("old").await);
    // As containers have it: an address of its own, and the same port.
    let new = Upstream::http_at(SocketAddr::new([127, 0, 0, 2].into(), old.address.port()), "new").await;
    let listen = free_port();
    let client = ProxyClient::new(&rig.socket(), None);
    let mut divided = plan(listen, "old", &old);
    let routes = divided.services.values_mut().next().unwrap();
    routes.upstreams[0].weight = 75;
    routes.upstreams.push(Container { container: "new".to_owned(), address: new.address.ip(), weight: 25 });
    client.route(&key(), &divided).await.unwrap();
    let weights = BTreeMap::from([("old".to_owned(), 75), ("new".to_owned(), 25)]);
    for _ in 0..2 {
        let Proxy::Up { mark, routed, .. } = client.observe(&key()).await else { panic!("it answers") };
        assert_eq!((mark, &routed[&"web".parse().unwrap()]), (Some(divided.mark()), &weights));
        let mut got = 0;
        for _ in 0..40 {
            got += u32::from(get(listen, "/").await.unwrap().body == "new");
        }
        assert!(got.abs_diff(10) <= 2, "{got} of 40");
        rig.hand_over().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_somebody_has_is_a_failure_that_names_it() {
    let (rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = holder.local_addr().unwrap();
    let client = ProxyClient::new(&rig.socket(), None);
    let failure = client.route(&key(), &plan(listen, "c1", &web)).await.unwrap_err();
    assert_eq!(failure.kind, CauseKind::PortTaken);
    assert!(failure.message.starts_with(&format!("port {} on 127.0.0.1 is taken", listen.port())), "{failure}");
    assert_eq!(client.observe(&key()).await, Proxy::default());
}
