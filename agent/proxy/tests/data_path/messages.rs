//! The shapes of messages: trailers, 100-continue, HEAD, old versions, pipelines, answers that come early.

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Channel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app::{App, any, text};
use crate::client::{Client, Raw, get, request};
use crate::rig::{Rig, soon, until};

#[tokio::test]
async fn trailers_pass_both_ways() {
    let rig = Rig::new();
    let app = App::http1(|request| async move {
        let collected = request.into_body().collect().await.unwrap();
        let sent = collected.trailers().unwrap()["x-sum"].clone();
        let (mut body, channel) = Channel::<Bytes>::new(4);
        body.send_data(collected.to_bytes()).await.unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", sent);
        body.send_trailers(trailers).await.unwrap();
        let mut answer = Response::new(any(channel));
        answer.headers_mut().insert("trailer", "x-sum".parse().unwrap());
        answer
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send("POST / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n").await;
    raw.send("5\r\nhello\r\n0\r\nx-sum: 17\r\n\r\n").await;
    let answer = raw.read_until("x-sum: 17\r\n\r\n").await;
    assert!(answer.contains("\r\ntrailer: x-sum\r\n") && answer.contains("5\r\nhello\r\n0\r\n"), "{answer}");
}

#[tokio::test]
async fn a_client_that_expects_to_be_asked_for_the_body_is_asked_when_the_app_asks() {
    let (rig, app) = (
        Rig::new(),
        App::http1(|request| async move { text(request.into_body().collect().await.unwrap().to_bytes()) }).await,
    );
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    for _ in 0..2 {
        raw.send("PUT / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n").await;
        raw.read_until("HTTP/1.1 100 Continue\r\n\r\n").await;
        raw.send("hello").await;
        raw.read_until("\r\n\r\nhello").await;
    }
}

#[tokio::test]
async fn a_client_that_expects_to_be_asked_is_not_asked_if_the_app_refuses_the_body() {
    let rig = Rig::new();
    let app = App::http1(|_| async {
        let mut answer = text("too large");
        *answer.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
        answer
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send("PUT / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n").await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("too large"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    until("nothing is in flight", || rig.in_flight("c1") == 0).await;
}

#[tokio::test]
async fn an_app_that_never_heard_of_100_continue_gets_the_body_too() {
    let rig = Rig::new();
    let app = App::raw(|mut stream| async move {
        let mut read = vec![];
        while !read.ends_with(b"hello") {
            read.push(stream.read_u8().await.unwrap());
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ngot").await;
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send("PUT / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n").await;
    raw.read_until("HTTP/1.1 100 Continue\r\n\r\n").await;
    raw.send("hello").await;
    raw.read_until("\r\n\r\ngot").await;
}

#[tokio::test]
async fn the_answer_to_head_has_the_length_and_no_body_and_the_connection_goes_on() {
    let (rig, app) = (Rig::new(), App::named("served").await);
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(raw.read_until("\r\n\r\n").await.contains("content-length: 6\r\n"));
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    raw.read_until("\r\n\r\nserved").await;
    assert_eq!(rig.in_flight("c1"), 0);
}

#[tokio::test]
async fn requests_that_come_all_at_once_are_answered_in_order() {
    let (rig, app) = (
        Rig::new(),
        App::http1(|request| async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            text(format!("[{path} {}]", String::from_utf8_lossy(&body)))
        })
        .await,
    );
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send(
        "GET /1 HTTP/1.1\r\nhost: a\r\n\r\nPOST /2 HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nxyPOST /3 HTTP/1.1\r\nhost: a\r\n\
         transfer-encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\nGET /4 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    let all = raw.rest().await;
    let found: Vec<_> = all.split('[').skip(1).map(|part| part.split(']').next().unwrap()).collect();
    assert_eq!(found, ["/1 ", "/2 xy", "/3 z", "/4 "]);
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_an_answer_to_the_end_of_the_connection() {
    let rig = Rig::new();
    let app = App::http1(|_| async {
        let (mut body, channel) = Channel::<Bytes>::new(1);
        body.send_data("no length".into()).await.unwrap();
        Response::new(any(channel))
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send("GET / HTTP/1.0\r\n\r\n").await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\nno length"), "{answer}");
}

#[tokio::test]
async fn an_answer_that_comes_before_the_bodys_end_is_passed_on_and_the_body_too() {
    let (rig, (ends, mut ended)) = (Rig::new(), tokio::sync::mpsc::unbounded_channel());
    let app = App::http1(move |request| {
        let ends = ends.clone();
        async move {
            tokio::spawn(async move { ends.send(request.into_body().collect().await.unwrap().to_bytes()) });
            text("early")
        }
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let (mut body, channel) = Channel::<Bytes>::new(1);
    let mut client = Client::http1(rig.listen).await;
    let answer = client.send(request("POST", "/", channel)).await;
    assert_eq!(soon("the whole answer", answer.into_body().collect()).await.unwrap().to_bytes(), "early");
    body.send_data("late ".into()).await.unwrap();
    body.send_data("words".into()).await.unwrap();
    drop(body);
    assert_eq!(soon("the app has the body", ended.recv()).await.unwrap(), "late words");
    assert_eq!(client.got(request("POST", "/", http_body_util::Empty::new())).await.body, "early");
}

#[tokio::test]
async fn what_the_client_breaks_off_is_broken_off_at_the_app() {
    let (rig, (ends, mut ended)) = (Rig::new(), tokio::sync::mpsc::unbounded_channel());
    let app = App::http1(move |request| {
        let ends = ends.clone();
        async move {
            let whole = request.into_body().collect().await.is_ok();
            ends.send(whole).unwrap();
            text("")
        }
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf").await;
    until("it is in flight", || rig.in_flight("c1") == 1).await;
    drop(raw);
    assert!(!soon("the app hears of it", ended.recv()).await.unwrap());
    until("nothing is in flight", || rig.in_flight("c1") == 0).await;
    assert_eq!(rig.upstream("c1").unwrap().failed, 0, "it was not the app's fault");
}

#[tokio::test]
async fn an_answer_that_the_app_breaks_off_does_not_look_whole() {
    let rig = Rig::new();
    let app = App::raw(|mut stream| async move {
        let mut bytes = [0; 4096];
        let _ = stream.read(&mut bytes).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let answer = Client::http1(rig.listen).await.send(get("/")).await;
    assert!(soon("the body breaks", answer.into_body().collect()).await.is_err());
    until("it is counted as failed", || rig.upstream("c1").unwrap().failed == 1).await;
}
