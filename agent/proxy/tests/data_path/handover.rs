//! One proxy ends in favour of another that has the same socket: nothing is lost.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use evenkeel_proxy::{Limits, Proxy, Shutdown};
use http_body_util::BodyExt;

use crate::app::App;
use crate::client::{Client, Got, get};
use crate::rig::{DEADLINE, Rig, soon, until};

/// Sends on one connection until it is told to close it, as a client does; gives back what came wrong.
async fn flood(
    listen: std::net::SocketAddr,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    keep: bool,
    http2: bool,
) -> Vec<String> {
    let connect = async || if http2 { Client::http2(listen).await } else { Client::http1(listen).await };
    let (mut client, mut lost) = (connect().await, vec![]);
    while !stop.load(Ordering::SeqCst) {
        let answer = match client.try_send(get("/")).await {
            Ok(answer) => Some(Got::all(answer).await),
            // GOAWAY: it is certain that nobody has looked at it; any client sends it again.
            Err(error) if http2 && is_unprocessed(&error) => None,
            Err(error) => {
                lost.push(format!("{error:?}"));
                None
            }
        };
        let is_closed = answer.as_ref().is_none_or(|got| got.header("connection") == "close");
        lost.extend(answer.filter(|got| got.body != "served").map(|got| format!("{} {}", got.status, got.code())));
        if is_closed || !keep {
            client = connect().await;
        }
        sent.fetch_add(1, Ordering::SeqCst);
    }
    lost
}

fn is_unprocessed(error: &hyper::Error) -> bool {
    let is_go_away = error.source().is_some_and(|source| format!("{source:?}").contains("GoAway"));
    error.is_canceled() || error.is_closed() || is_go_away
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_handovers_under_a_flood_lose_nothing() {
    let (mut rig, app) = (Rig::new(), App::named("served").await);
    rig.serve(&[("c1", app.address)]);
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let spawn = |keep, http2| tokio::spawn(flood(rig.listen, stop.clone(), sent.clone(), keep, http2));
    let tasks = [spawn(true, false), spawn(true, false), spawn(false, false), spawn(false, false), spawn(true, true)];
    for _ in 0..10 {
        let seen = sent.load(Ordering::SeqCst) + 50;
        until("requests are answered", || sent.load(Ordering::SeqCst) >= seen).await;
        let next = Proxy::new(rig.sockets.clone(), Limits::default(), None);
        next.apply("shop", vec![rig.http(&[("c1", app.address)])]).unwrap();
        let old = std::mem::replace(&mut rig.proxy, next);
        assert_eq!(old.shutdown(DEADLINE).await, Shutdown { cut: 0 });
        old.apply("shop", vec![]).unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        assert_eq!(task.await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_shutdown_waits_for_what_is_in_flight_and_cuts_it_at_the_deadline() {
    for finishes in [true, false] {
        let rig = Rig::new();
        let (app, mut bodies) = App::fed().await;
        rig.serve(&[("c1", app.address)]);
        let mut client = Client::http1(rig.listen).await;
        let answer = client.send(get("/")).await;
        let mut body = bodies.recv().await.unwrap();
        let proxy = rig.proxy.clone();
        let deadline = if finishes { DEADLINE } else { Duration::from_millis(50) };
        let ending = tokio::spawn(async move { proxy.shutdown(deadline).await });
        if finishes {
            body.send_data("the end".into()).await.unwrap();
            drop(body);
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "the end");
            drop(client);
        } else {
            assert!(soon("the body breaks", answer.into_body().collect()).await.is_err());
        }
        let cut = usize::from(!finishes);
        assert_eq!(soon("the shutdown ends", ending).await.unwrap(), Shutdown { cut });
        assert_eq!(rig.proxy.status().connections, 0);
    }
}
