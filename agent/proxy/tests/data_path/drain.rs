//! What is in flight is counted until its last byte, and only what is draining is cut.

use bytes::Bytes;
use evenkeel_proxy::{Route, Upstream};
use http::Response;
use http_body_util::{BodyExt, Channel};

use crate::app::{App, any};
use crate::client::{Client, get};
use crate::rig::{Rig, soon, until};

/// An app whose answers have begun and go on until the test says so.
struct Endless {
    app: App,
    bodies: tokio::sync::mpsc::UnboundedReceiver<http_body_util::channel::Sender<Bytes>>,
}

impl Endless {
    async fn start() -> Self {
        let (sender, bodies) = tokio::sync::mpsc::unbounded_channel();
        let app = App::http1(move |_| {
            let sender = sender.clone();
            async move {
                let (mut body, channel) = Channel::<Bytes>::new(4);
                body.send_data("begun ".into()).await.unwrap();
                sender.send(body).unwrap();
                Response::new(any(channel))
            }
        })
        .await;
        Self { app, bodies }
    }
}

#[tokio::test]
async fn a_request_is_in_flight_until_the_last_byte_of_its_answer() {
    let (rig, mut old, new) = (Rig::new(), Endless::start().await, App::named("new").await);
    rig.serve(&[("old", old.app.address)]);
    let mut client = Client::http1(rig.listen).await;
    let answer = client.send(get("/")).await;
    let mut body = old.bodies.recv().await.unwrap();
    rig.serve(&[("new", new.address)]);
    let draining = rig.upstream("old").unwrap();
    assert_eq!((draining.draining, draining.in_flight, draining.weight), (true, 1, 0));
    assert_eq!(Client::http1(rig.listen).await.get("/").await.body, "new");
    body.send_data("ended".into()).await.unwrap();
    drop(body);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "begun ended");
    rig.drained("old").await;
    assert_eq!(rig.upstream("old"), None);
    assert_eq!(client.get("/").await.body, "new", "the client's connection outlives the switch");
}

#[tokio::test]
async fn a_client_that_goes_away_is_no_longer_in_flight() {
    let (rig, mut old) = (Rig::new(), Endless::start().await);
    rig.serve(&[("old", old.app.address)]);
    let mut client = Client::http1(rig.listen).await;
    let answer = client.send(get("/")).await;
    let body = old.bodies.recv().await.unwrap();
    rig.serve(&[]);
    assert_eq!(rig.in_flight("old"), 1);
    drop((answer, client));
    rig.drained("old").await;
    drop(body);
}

#[tokio::test]
async fn a_cut_breaks_what_is_in_flight_and_says_how_much_that_was() {
    let (rig, mut old, new) = (Rig::new(), Endless::start().await, App::named("new").await);
    rig.serve(&[("old", old.app.address)]);
    let mut clients = [Client::http1(rig.listen).await, Client::http1(rig.listen).await];
    let answers = [clients[0].send(get("/")).await, clients[1].send(get("/")).await];
    let _bodies = [old.bodies.recv().await, old.bodies.recv().await];
    assert_eq!(rig.proxy.cut("shop", "old"), 0, "it does not drain");
    rig.serve(&[("new", new.address)]);
    assert_eq!(rig.proxy.cut("another", "old"), 0, "it is not theirs");
    assert_eq!(rig.proxy.cut("shop", "old"), 2);
    rig.drained("old").await;
    for answer in answers {
        let body = soon("the body breaks", answer.into_body().collect()).await;
        assert!(body.is_err(), "a body that was cut must not look whole");
    }
    assert_eq!(Client::http1(rig.listen).await.get("/").await.body, "new");
}

#[tokio::test]
async fn a_request_that_waits_for_its_answer_is_cut_too() {
    let rig = Rig::new();
    let silent = App::http1(|_| std::future::pending()).await;
    rig.serve(&[("old", silent.address)]);
    let listen = rig.listen;
    let waiting = tokio::spawn(async move { Client::http1(listen).await.get("/").await });
    until("it is in flight", || rig.in_flight("old") == 1).await;
    rig.serve(&[]);
    assert_eq!(rig.proxy.cut("shop", "old"), 1);
    assert_eq!(soon("it is answered", waiting).await.unwrap().code(), "broke");
}

#[tokio::test]
async fn a_cut_does_not_wait_for_a_client_that_takes_nothing() {
    let rig = Rig::new();
    let flood = App::http1(|_| async {
        let (mut body, channel) = Channel::<Bytes>::new(1);
        tokio::spawn(async move { while body.send_data(Bytes::from(vec![0; 64 * 1024])).await.is_ok() {} });
        Response::new(any(channel))
    })
    .await;
    rig.serve(&[("old", flood.address)]);
    let mut client = Client::http1(rig.listen).await;
    let _taken_by_nobody = client.send(get("/")).await;
    rig.serve(&[]);
    assert_eq!(rig.in_flight("old"), 1);
    assert_eq!(rig.proxy.cut("shop", "old"), 1);
    rig.drained("old").await;
}

#[tokio::test]
async fn weight_zero_drains_and_a_removed_route_is_shown_while_it_drains() {
    let (rig, mut old) = (Rig::new(), Endless::start().await);
    rig.serve(&[("old", old.app.address)]);
    let mut client = Client::http1(rig.listen).await;
    let answer = client.send(get("/")).await;
    let body = old.bodies.recv().await.unwrap();
    let upstreams = vec![Upstream { id: "old".into(), address: old.app.address, weight: 0 }];
    rig.apply(Route { upstreams, ..rig.http(&[]) });
    let draining = rig.upstream("old").unwrap();
    assert_eq!((draining.draining, draining.in_flight), (true, 1));
    rig.proxy.apply("shop", vec![]).unwrap();
    assert!(rig.route().removed);
    drop(body);
    let _ = answer.into_body().collect().await;
    rig.drained("old").await;
    until("the route is forgotten", || rig.proxy.status().routes.is_empty()).await;
}

/// A connection that is kept for the next request, until the app sees its end.
async fn kept(http2: bool) -> (Rig, App, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let (app, ends) = App::telling_ends(http2).await;
    // Time alone does not end it.
    let rig = Rig::with(evenkeel_proxy::Limits { upstream_idle: evenkeel_model::Millis(0), ..Default::default() });
    rig.serve(&[("old", app.address)]);
    let mut client = if http2 { Client::http2(rig.listen).await } else { Client::http1(rig.listen).await };
    for _ in 0..2 {
        assert_eq!(client.get("/").await.body, "served");
    }
    (rig, app, ends)
}

#[tokio::test]
async fn the_unused_connections_to_an_upstream_that_takes_no_more_are_closed() {
    for http2 in [false, true] {
        let (rig, app, mut ends) = kept(http2).await;
        assert!(ends.try_recv().is_err(), "it is kept while the upstream serves");
        // It stays in the route, so that nothing but its retirement closes them.
        rig.apply(Route { holding: true, ..rig.http(&[("old", app.address)]) });
        assert!(rig.upstream("old").unwrap().draining);
        soon("the app sees the end of its connection", ends.recv()).await.unwrap();
    }
}
