//! Upgraded connections: bytes both ways, in flight until both sides have ended.

use std::net::SocketAddr;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app::{AnyBody, App, text};
use crate::client::{Client, Raw};
use crate::conversation;
use crate::rig::Rig;

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: shop\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\r\n";

fn agree(mut request: Request<Incoming>, name: &'static str) -> Response<AnyBody> {
    if request.headers().get("upgrade").is_none_or(|protocol| protocol != "websocket") {
        return text("no upgrade");
    }
    assert_eq!(request.headers()["connection"], "upgrade");
    assert_eq!(request.headers()["sec-websocket-key"], "abc");
    tokio::spawn(async move {
        let mut stream = TokioIo::new(hyper::upgrade::on(&mut request).await.unwrap());
        stream.write_all(name.as_bytes()).await.unwrap();
        let mut bytes = [0; 64];
        // What it gets it sends back; at the end of that it says goodbye, and ends too.
        loop {
            match stream.read(&mut bytes).await {
                Ok(0) => {
                    let _ = stream.write_all(b"bye.").await;
                    let _ = stream.shutdown().await;
                    return;
                }
                Ok(count) => stream.write_all(&bytes[..count]).await.unwrap(),
                Err(_) => return,
            }
        }
    });
    let mut answer = text("");
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().insert("connection", "Upgrade".parse().unwrap());
    answer.headers_mut().insert("upgrade", "websocket".parse().unwrap());
    answer.headers_mut().insert("sec-websocket-accept", "def".parse().unwrap());
    answer
}

async fn app(name: &'static str) -> App {
    App::http1(move |request| std::future::ready(agree(request, name))).await
}

async fn open(rig: &Rig) -> Raw {
    let mut raw = Raw::connect(rig.listen).await;
    raw.send(ASK).await;
    let head = raw.read_until("\r\n\r\n").await.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    for line in ["connection: upgrade\r\n", "upgrade: websocket\r\n", "sec-websocket-accept: def\r\n"] {
        assert!(head.contains(line), "{line:?} in {head}");
    }
    raw
}

#[tokio::test]
async fn an_upgraded_connection_lives_on_across_a_switch_and_is_cut_by_cut() {
    let rig = Rig::new();
    let serve = |upstreams: &[(&'static str, SocketAddr)]| rig.serve(upstreams);
    conversation::lives_on_across_a_switch(&rig, app("old.").await, app("new.").await, serve, open).await;
}

#[tokio::test]
async fn one_side_of_an_upgraded_connection_may_end_before_the_other() {
    let (rig, app) = (Rig::new(), app("app.").await);
    rig.serve(&[("c1", app.address)]);
    conversation::may_end_on_one_side_first(&rig, open(&rig).await).await;
}

#[tokio::test]
async fn a_client_that_speaks_before_it_has_the_answer_loses_nothing() {
    let (rig, app) = (Rig::new(), app("app.").await);
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send(&format!("{ASK}early.")).await;
    raw.read_until("app.early.").await;
}

#[tokio::test]
async fn an_upgrade_that_is_refused_leaves_an_ordinary_answer() {
    let (rig, app) = (Rig::new(), App::named("ordinary").await);
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    for _ in 0..2 {
        raw.send(ASK).await;
        assert!(raw.read_until("ordinary").await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    assert_eq!(rig.in_flight("c1"), 0);
}

#[tokio::test]
async fn an_upgrade_nobody_asked_for_is_an_error_of_the_app() {
    let rig = Rig::new();
    let app = App::raw(|mut stream| async move {
        let _ =
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let got = Client::http1(rig.listen).await.get("/").await;
    assert_eq!((got.status.as_u16(), got.code()), (502, "broke"));
}
