//! HTTP/2 upstreams that end their connections from time to time, as gRPC servers do with old ones (GOAWAY).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::Notify;

use crate::app::{AnyBody, App, any, text};
use crate::client::{Client, request};
use crate::rig::Rig;

/// How often each path was asked for, and how many connections were ended.
#[derive(Default)]
struct Seen {
    calls: Mutex<BTreeMap<String, usize>>,
    ended: AtomicUsize,
}

/// Ends each connection gracefully after twenty calls.
async fn app(seen: Arc<Seen>) -> App {
    App::raw(move |stream| {
        let (seen, full, served) = (seen.clone(), Arc::new(Notify::new()), AtomicUsize::new(0));
        let (calls, notify) = (seen.clone(), full.clone());
        let service = service_fn(move |request: http::Request<Incoming>| {
            *calls.calls.lock().unwrap().entry(request.uri().path().to_owned()).or_default() += 1;
            if served.fetch_add(1, Ordering::SeqCst) == 20 {
                notify.notify_one();
            }
            async move {
                let _ = request.into_body().collect().await;
                Ok::<_, std::convert::Infallible>(text("called"))
            }
        });
        async move {
            let builder = http2::Builder::new(TokioExecutor::new());
            let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
            tokio::select! {
                biased;
                () = full.notified() => connection.as_mut().graceful_shutdown(),
                _ = connection.as_mut() => return,
            }
            seen.ended.fetch_add(1, Ordering::SeqCst);
            let _ = connection.await;
        }
    })
    .await
}

/// Four clients with five hundred calls each. Gives back how many were answered otherwise than by the app, and what the app saw.
async fn flood(method: &'static str, body: fn() -> AnyBody) -> (usize, Arc<Seen>) {
    let (rig, seen) = (Rig::new(), Arc::new(Seen::default()));
    let app = app(seen.clone()).await;
    rig.serve(&[("c1", app.address)]);
    let clients = (0..4).map(|client| {
        let listen = rig.listen;
        tokio::spawn(async move {
            let (mut connection, mut lost): (_, usize) = (Client::http2(listen).await, 0);
            for call in 0..500 {
                let got = connection.got(request(method, &format!("/{client}/{call}"), body())).await;
                let is_lost = got.body != "called";
                assert!(!is_lost || got.code() == "broke", "{} {}", got.status, got.code());
                lost += usize::from(is_lost);
            }
            lost
        })
    });
    let mut lost = 0;
    for client in clients.collect::<Vec<_>>() {
        lost += client.await.unwrap();
    }
    assert!(seen.ended.load(Ordering::SeqCst) > 50, "the app did end connections");
    (lost, seen)
}

fn seen_twice(seen: &Seen) -> usize {
    seen.calls.lock().unwrap().values().filter(|times| **times > 1).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_that_may_be_repeated_is_not_lost() {
    let (lost, _) = flood("GET", || any(Empty::new())).await;
    assert_eq!(lost, 0);
}

/// One that the app has not looked at may be lost, and says so: hyper cannot tell it for certain from one that it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn any_other_is_never_made_twice_and_each_that_is_answered_was_made() {
    for body in [|| any(Empty::new()), || any(Full::new(Bytes::from_static(b"body")))] {
        let (lost, seen) = flood("POST", body).await;
        assert_eq!(seen_twice(&seen), 0);
        // Four calls are on a connection at most when it ends, and seldom one of them comes too late.
        assert!(lost <= seen.ended.load(Ordering::SeqCst), "{lost} were lost");
        assert!(seen.calls.lock().unwrap().len() >= 2000 - lost);
    }
}
