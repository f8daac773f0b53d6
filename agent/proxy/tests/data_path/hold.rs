//! Held requests cost latency and no errors, up to a limit.

use evenkeel_model::Millis;
use evenkeel_proxy::{Limits, Route};

use crate::app::{App, text};
use crate::client::{Client, Got, fetch};
use crate::rig::{Rig, nowhere, rebind, soon, until};

const LONG: Millis = Millis::seconds(30);

fn holding(rig: &Rig, upstreams: &[(&str, std::net::SocketAddr)]) -> Route {
    Route { hold: LONG, holding: true, ..rig.http(upstreams) }
}

#[tokio::test]
async fn a_service_that_cannot_run_twice_is_stopped_and_started_under_load_without_an_error() {
    let rig = Rig::new();
    let old = App::named("served").await;
    rig.apply(Route { hold: LONG, ..rig.http(&[("old", old.address)]) });
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (stopped, listen) = (stopped.clone(), rig.listen);
            tokio::spawn(async move {
                let mut client = Client::http1(listen).await;
                while !*stopped.borrow() {
                    assert_eq!(client.get("/").await.body, "served");
                }
            })
        })
        .collect();
    until("requests are answered", || rig.upstream("old").is_some_and(|old| old.requests > 100)).await;
    rig.apply(holding(&rig, &[("old", old.address)]));
    assert!(rig.route().holding);
    rig.drained("old").await;
    let requests = rig.upstream("old").unwrap().requests;
    old.kill();
    until("all clients wait", || rig.route().waiting == 4).await;
    assert_eq!(rig.upstream("old").unwrap().requests, requests, "nothing starts while it holds");
    let new = App::named("served").await;
    rig.apply(Route { hold: LONG, ..rig.http(&[("new", new.address)]) });
    until("requests are answered again", || rig.upstream("new").is_some_and(|new| new.requests > 100)).await;
    stop.send(true).unwrap();
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(rig.route().waiting, 0);
}

#[tokio::test]
async fn a_request_goes_on_when_an_upstream_that_refused_accepts() {
    let (rig, address) = (Rig::new(), nowhere());
    rig.apply(Route { hold: LONG, ..rig.http(&[("c1", address)]) });
    let listen = rig.listen;
    let held = tokio::spawn(async move { fetch(listen, "/").await });
    until("it waits", || rig.route().waiting == 1).await;
    assert_eq!(rig.in_flight("c1"), 0, "who waits is not in flight");
    let _back = App::on(rebind(address).await, |stream| async move {
        let service = hyper::service::service_fn(|_| async { Ok::<_, std::convert::Infallible>(text("back")) });
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
            .await;
    });
    assert_eq!(soon("it is answered", held).await.unwrap().body, "back");
}

#[tokio::test]
async fn another_upstream_is_asked_when_one_refuses() {
    let (rig, app) = (Rig::new(), App::named("served").await);
    rig.serve(&[("gone", nowhere()), ("c1", app.address)]);
    for _ in 0..4 {
        assert_eq!(fetch(rig.listen, "/").await.body, "served");
    }
}

async fn check_given_up(route: Route, rig: &Rig, status: u16, code: &str, text: &str) {
    rig.apply(route);
    let got = fetch(rig.listen, "/").await;
    assert_eq!((got.status.as_u16(), got.code(), got.body.as_str()), (status, code, text));
}

#[tokio::test]
async fn what_is_not_answered_in_time_says_why_and_names_the_service_and_not_the_address() {
    let (rig, gone) = (Rig::new(), nowhere());
    let short = |route: Route| Route { hold: Millis(20), ..route };
    let over = "web did not come back while the request was held\n";
    check_given_up(rig.http(&[("c1", gone)]), &rig, 502, "refused", "web does not accept connections\n").await;
    check_given_up(short(rig.http(&[("c1", gone)])), &rig, 503, "hold-over", over).await;
    assert_eq!(rig.upstream("c1").unwrap().failed, 2);
    check_given_up(rig.http(&[]), &rig, 503, "nothing-serves", "web has no container that serves\n").await;
    check_given_up(short(rig.http(&[])), &rig, 503, "hold-over", over).await;
    assert_eq!(rig.route().waiting, 0);
}

#[tokio::test]
async fn no_more_wait_than_the_limit_allows() {
    let rig = Rig::with(Limits { waiting: 2, ..Limits::default() });
    rig.apply(holding(&rig, &[]));
    let listen = rig.listen;
    let held: Vec<_> = (0..2).map(|_| tokio::spawn(async move { fetch(listen, "/").await })).collect();
    until("two wait", || rig.route().waiting == 2).await;
    assert_eq!(fetch(rig.listen, "/").await.code(), "hold-full");
    let app = App::named("served").await;
    rig.serve(&[("c1", app.address)]);
    for held in held {
        assert_eq!(soon("it is answered", held).await.unwrap().body, "served");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_waits_no_longer_and_one_whose_route_is_removed_is_told() {
    let rig = Rig::new();
    rig.apply(holding(&rig, &[]));
    let listen = rig.listen;
    let gone = tokio::spawn(async move { fetch(listen, "/").await });
    let told = tokio::spawn(async move { fetch(listen, "/").await });
    until("two wait", || rig.route().waiting == 2).await;
    gone.abort();
    let _ = gone.await;
    let other = Route { name: "other".into(), listen: crate::rig::reserve(&rig.sockets), ..rig.http(&[]) };
    until("one waits", || rig.route().waiting == 1).await;
    rig.apply(other);
    let told: Got = soon("it is answered", told).await.unwrap();
    assert_eq!((told.status.as_u16(), told.code()), (404, "no-route"));
}
