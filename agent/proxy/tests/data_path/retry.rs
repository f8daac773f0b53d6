//! Which requests are sent a second time, and which never.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{Empty, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{AnyBody, App, any};
use crate::client::{Client, request};
use crate::rig::{Rig, until};

const SERVED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nserved";

/// What an app does with the second request on each of its connections.
#[derive(Debug, Clone, Copy)]
enum Second {
    /// Reads it and goes without a word: what a server does whose idle time was over while the request was on its way.
    Ends,
    /// Begins to answer and goes.
    Begins,
}

/// Reads one request: its head, and as much of a body as comes with it.
async fn read(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 4096];
    matches!(stream.read(&mut bytes).await, Ok(1..))
}

async fn app(second: Second, requests: Arc<AtomicUsize>) -> App {
    App::raw(move |mut stream| {
        let requests = requests.clone();
        async move {
            if read(&mut stream).await {
                requests.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(SERVED).await;
            }
            if read(&mut stream).await {
                requests.fetch_add(1, Ordering::SeqCst);
                if matches!(second, Second::Begins) {
                    let _ = stream.write_all(b"HTTP/1.1 200 O").await;
                }
            }
        }
    })
    .await
}

#[track_caller]
fn check_status(what: &str, status: u16, expected: u16) {
    assert_eq!(status, expected, "{what}");
}

/// One request that is served, then the one in question on the same connection to the app. Expects its status, and how often the app saw it.
async fn check(second: Second, method: &str, body: AnyBody, status: u16, seen: usize) {
    let (rig, requests) = (Rig::new(), Arc::new(AtomicUsize::new(0)));
    let app = app(second, requests.clone()).await;
    rig.serve(&[("c1", app.address)]);
    let mut client = Client::http1(rig.listen).await;
    check_status("the first", client.get("/").await.status.as_u16(), 200);
    let got = client.got(request(method, "/", body)).await;
    let what = format!("{second:?} {method}");
    check_status(&what, got.status.as_u16(), status);
    assert_eq!(requests.load(Ordering::SeqCst) - 1, seen, "{what}");
    assert_eq!(rig.upstream("c1").unwrap().failed, u64::from(status != 200), "{what}");
}

fn none() -> AnyBody {
    any(Empty::new())
}

fn some() -> AnyBody {
    any(Full::new(Bytes::from_static(b"body")))
}

#[tokio::test]
async fn a_request_on_a_connection_that_was_closed_is_sent_again_only_where_that_is_safe() {
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"] {
        check(Second::Ends, method, none(), 200, 2).await;
    }
    for method in ["POST", "PATCH"] {
        check(Second::Ends, method, none(), 502, 1).await;
        check(Second::Ends, method, some(), 502, 1).await;
    }
    check(Second::Ends, "PUT", some(), 502, 1).await;
    check(Second::Ends, "DELETE", some(), 502, 1).await;
    check(Second::Begins, "GET", none(), 502, 1).await;
}

#[tokio::test]
async fn a_request_that_was_never_written_is_sent_again_whatever_it_is() {
    // Each connection is closed right after its answer: the next request finds it closed, or closing.
    let rig = Rig::new();
    let app = App::raw(|mut stream| async move {
        if read(&mut stream).await {
            let _ = stream.write_all(SERVED).await;
        }
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut client = Client::http1(rig.listen).await;
    let mut lost = 0;
    for round in 0..200 {
        // The app's end may be on its way while this is written; only what was not written is asked for here.
        let body = if round % 2 == 0 { none() } else { some() };
        let got = client.got(request(if round % 2 == 0 { "GET" } else { "PUT" }, "/", body)).await;
        let lost_on_the_wire = round % 2 == 1 && got.code() == "broke";
        assert!(got.body == "served" || lost_on_the_wire, "round {round}: {}", got.status);
        lost += usize::from(lost_on_the_wire);
        tokio::task::yield_now().await;
    }
    assert!(lost < 50, "{lost} of 100 were lost, so that some were never written");
}

#[tokio::test]
async fn a_request_on_a_connection_of_its_own_is_never_sent_again() {
    let (rig, requests) = (Rig::new(), Arc::new(AtomicUsize::new(0)));
    let app = App::raw({
        let requests = requests.clone();
        move |mut stream| {
            let requests = requests.clone();
            async move {
                if read(&mut stream).await {
                    requests.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let got = Client::http1(rig.listen).await.get("/").await;
    assert_eq!((got.status.as_u16(), got.code(), requests.load(Ordering::SeqCst)), (502, "broke", 1));
    assert_eq!(got.body, "web ended the connection before it answered\n");
}

#[tokio::test]
async fn a_closed_connection_is_not_used_for_a_post() {
    let (rig, app) = (Rig::new(), Arc::new(AtomicUsize::new(0)));
    let open = app.clone();
    let server = App::raw(move |mut stream| {
        let open = open.clone();
        async move {
            open.fetch_add(1, Ordering::SeqCst);
            if read(&mut stream).await {
                let _ = stream.write_all(SERVED).await;
            }
            drop(stream);
            open.fetch_sub(1, Ordering::SeqCst);
        }
    })
    .await;
    rig.serve(&[("c1", server.address)]);
    let mut client = Client::http1(rig.listen).await;
    for _ in 0..20 {
        assert_eq!(client.got(request("POST", "/", some())).await.body, "served");
        // Closed by the app, and one more turn of the loop in which the proxy hears of it.
        until("the app has closed", || app.load(Ordering::SeqCst) == 0).await;
        until("it is heard", || true).await;
        assert_eq!(client.get("/").await.body, "served");
        until("the app has closed", || app.load(Ordering::SeqCst) == 0).await;
    }
}
