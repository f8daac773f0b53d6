//! Hand-overs to a new worker: what a reload of the unit does.

use std::time::Duration;

use evenkeel_proto::v1::CutRequest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::flood::Flood;
use super::orders::loop_until_in_flight;
use super::rig::{DEADLINE, Rig, SHOP, eventually, free_port, http_route, loop_until, tcp_route};
use super::upstream::{Client, Upstream, get};

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_in_hand_overs_under_a_flood() {
    let (mut rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let port = free_port();
    rig.route(SHOP, "m", &[http_route(port, &[("c1", web.address)])]).await;
    let flood = Flood::start(port);
    for _ in 0..5 {
        flood.goes_on(200).await;
        let old = rig.workers();
        rig.hand_over().await;
        loop_until("the old worker ends", || rig.workers().iter().all(|id| !old.contains(id))).await;
    }
    flood.goes_on(200).await;
    let toll = flood.end().await;
    assert_eq!((toll.refused, toll.lost), (0, 0), "{toll:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_when_the_container_is_changed_during_hand_overs() {
    let mut rig = Rig::start("").await;
    let port = free_port();
    let mut serving = Upstream::http("0").await;
    rig.route(SHOP, "0", &[http_route(port, &[("0", serving.address)])]).await;
    let flood = Flood::start(port);
    for turn in 1..=6 {
        flood.goes_on(100).await;
        rig.hand_over().await;
        // The old worker still has the flood's connections.
        let (name, before) = (turn.to_string(), (turn - 1).to_string());
        let next = Upstream::http(&name).await;
        rig.route(SHOP, &name, &[http_route(port, &[(&name, next.address)])]).await;
        loop_until_in_flight(&rig, &before, 0).await;
        // Rudely: its connections break at once.
        serving = next;
    }
    flood.goes_on(100).await;
    let toll = flood.end().await;
    drop(serving);
    assert_eq!((toll.refused, toll.lost), (0, 0), "{toll:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lives_on_across_a_hand_over_until_the_drain_is_over() {
    let (mut rig, echo) = (Rig::start("drain_on_upgrade = \"3s\"").await, Upstream::echo().await);
    let port = free_port();
    rig.route(SHOP, "m", &[tcp_route(port, &[("c1", echo.address)])]).await;
    let mut lasting = TcpStream::connect(port).await.unwrap();
    says(&mut lasting, b"before").await;
    let old = rig.workers();
    rig.hand_over().await;
    let began = tokio::time::Instant::now();
    says(&mut lasting, b"after").await;
    assert_eq!(rig.in_flight("c1").await, 1, "the new worker knows what the old one has");
    let mut fresh = TcpStream::connect(port).await.unwrap();
    says(&mut fresh, b"fresh").await;
    loop_until_in_flight(&rig, "c1", 2).await;
    let end = tokio::time::timeout(DEADLINE, lasting.read(&mut [0; 8])).await.expect("it is cut");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    // It retired a little before we knew.
    assert!(began.elapsed() > Duration::from_secs(2), "cut too early: {:?}", began.elapsed());
    loop_until("the old worker ends", || rig.workers().iter().all(|id| !old.contains(id))).await;
    says(&mut fresh, b"still").await;
    loop_until_in_flight(&rig, "c1", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_reaches_what_an_older_worker_has() {
    let (mut rig, echo) = (Rig::start("drain_on_upgrade = \"10m\"").await, Upstream::echo().await);
    let port = free_port();
    rig.route(SHOP, "old", &[tcp_route(port, &[("old", echo.address)])]).await;
    let mut lasting = TcpStream::connect(port).await.unwrap();
    says(&mut lasting, b"before").await;
    rig.hand_over().await;
    rig.route(SHOP, "new", &[tcp_route(port, &[("new", echo.address)])]).await;
    assert_eq!(rig.in_flight("old").await, 1);
    says(&mut lasting, b"after").await;
    let request = || CutRequest { owner: SHOP.to_owned(), container: "old".to_owned() };
    rig.client().cut(request()).await.unwrap();
    let end = tokio::time::timeout(DEADLINE, lasting.read(&mut [0; 8])).await.expect("it is cut");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    loop_until_in_flight(&rig, "old", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_request_goes_on_after_a_hand_over_when_there_is_something_to_serve_it() {
    let (mut rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let port = free_port();
    rig.route(SHOP, "none", &[http_route(port, &[])]).await;
    let mut client = Client::connect(port).await.unwrap();
    client.send("/").await.unwrap();
    eventually("it waits", async || (rig.owner(SHOP).await.unwrap().routes[0].waiting == 1).then_some(())).await;
    rig.hand_over().await;
    rig.route(SHOP, "some", &[http_route(port, &[("c1", web.address)])]).await;
    let answer = tokio::time::timeout(DEADLINE, client.receive()).await.unwrap().unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "web"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_worker_that_cannot_start_changes_nothing() {
    let (mut rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let port = free_port();
    rig.route(SHOP, "m", &[http_route(port, &[("c1", web.address)])]).await;
    let before = rig.workers();
    let config = rig.socket().with_file_name("agent.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{good}\ncolour = \"red\"\n")).unwrap();
    let flood = Flood::start(port);
    rig.signal(nix::sys::signal::Signal::SIGHUP);
    flood.goes_on(500).await;
    std::fs::write(&config, good).unwrap();
    assert!(rig.workers().starts_with(&before));
    // A later one can.
    eventually("a hand-over", async || {
        rig.signal(nix::sys::signal::Signal::SIGHUP);
        flood.goes_on(100).await;
        rig.workers().iter().all(|id| !before.contains(id)).then_some(())
    })
    .await;
    assert_eq!(get(port, "/").await.unwrap().body, "web");
    let toll = flood.end().await;
    assert_eq!((toll.refused, toll.lost), (0, 0), "{toll:?}");
}

/// Sends, and has it back.
async fn says(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.unwrap();
    let mut back = vec![0; text.len()];
    tokio::time::timeout(DEADLINE, stream.read_exact(&mut back)).await.expect("an echo").unwrap();
    assert_eq!(back, text);
}
