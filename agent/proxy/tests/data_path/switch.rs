//! Switching from one container to the next under load loses nothing, however rudely the old one ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};

use crate::app::{AnyBody, App, text};
use crate::client::{Client, Got, get, request};
use crate::rig::{Rig, until};

const SWITCHES: u64 = 50;

/// What a flood is made of.
#[derive(Clone, Copy)]
enum Flood {
    KeepAlive,
    NewConnections,
    Posts,
    Http2,
}

async fn one(flood: Flood, client: &mut Client, rig: &Rig) -> Result<Got, hyper::Error> {
    let post = || request("POST", "/", Full::new(Bytes::from(vec![b'x'; 20_000])));
    match flood {
        Flood::NewConnections => *client = Client::http1(rig.listen).await,
        Flood::KeepAlive | Flood::Posts | Flood::Http2 => {}
    }
    let request = if matches!(flood, Flood::Posts) { post() } else { get("/") };
    Ok(Got::all(client.try_send(request).await?).await)
}

/// Sends until told to stop; gives back what came wrong.
async fn flood(flood: Flood, rig: Arc<Rig>, stop: Arc<AtomicBool>, sent: Arc<AtomicU64>) -> Vec<String> {
    let mut lost = vec![];
    let mut client = match flood {
        Flood::Http2 => Client::http2(rig.listen).await,
        _ => Client::http1(rig.listen).await,
    };
    while !stop.load(Ordering::SeqCst) {
        match one(flood, &mut client, &rig).await {
            Ok(got) if got.status.is_success() && got.body == "served" => {}
            Ok(got) => lost.push(format!("{} {}", got.status, got.code())),
            Err(error) => {
                lost.push(format!("{error:?}"));
                client = Client::http1(rig.listen).await;
            }
        }
        sent.fetch_add(1, Ordering::SeqCst);
    }
    lost
}

async fn served(request: http::Request<hyper::body::Incoming>) -> http::Response<AnyBody> {
    let _ = request.into_body().collect().await;
    text("served")
}

async fn switch_under(floods: &[Flood], http2: bool) {
    let rig = Arc::new(Rig::new());
    let start = async || if http2 { App::http2(served).await } else { App::http1(served).await };
    let mut app = start().await;
    let mut id = "c0".to_owned();
    rig.serve(&[(&id, app.address)]);
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let tasks: Vec<_> =
        floods.iter().map(|kind| tokio::spawn(flood(*kind, rig.clone(), stop.clone(), sent.clone()))).collect();
    for round in 1..=SWITCHES {
        let (next, next_id) = (start().await, format!("c{round}"));
        // Each round has traffic before and after it.
        let seen = sent.load(Ordering::SeqCst) + 20;
        until("requests are answered", || sent.load(Ordering::SeqCst) >= seen).await;
        rig.serve(&[(&next_id, next.address)]);
        rig.drained(&id).await;
        app.kill();
        (app, id) = (next, next_id);
    }
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        assert_eq!(task.await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_switches_under_a_flood_lose_nothing_when_the_old_one_is_killed_at_zero_in_flight() {
    use Flood::{KeepAlive, NewConnections, Posts};
    switch_under(&[KeepAlive, KeepAlive, KeepAlive, NewConnections, NewConnections, Posts, Posts], false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_switches_lose_nothing_over_http_2_either() {
    switch_under(&[Flood::Http2, Flood::Http2, Flood::Http2], true).await;
}

#[tokio::test]
async fn an_upstream_that_returns_is_the_same_one_and_one_at_another_address_is_not() {
    let rig = Rig::new();
    let (old, new) = (App::named("old").await, App::named("new").await);
    rig.serve(&[("c1", old.address)]);
    assert_eq!(Client::http1(rig.listen).await.get("/").await.body, "old");
    rig.apply(evenkeel_proxy::Route { holding: true, ..rig.http(&[("c1", old.address)]) });
    assert!(rig.upstream("c1").unwrap().draining);
    rig.serve(&[("c1", old.address)]);
    let returned = rig.upstream("c1").unwrap();
    assert!(!returned.draining);
    assert_eq!(returned.requests, 1);
    rig.serve(&[("c1", new.address)]);
    assert_eq!(Client::http1(rig.listen).await.get("/").await.body, "new");
    assert_eq!(rig.upstream("c1").unwrap().requests, 1);
}
