//! What one client, or all of them, may take.

use bytes::Bytes;
use evenkeel_model::Millis;
use evenkeel_proxy::Limits;
use http::Response;
use http_body_util::Channel;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::app::{App, any};
use crate::client::{Client, Raw, get, request};
use crate::rig::{Rig, soon, until};

const SHORT: Millis = Millis(50);

async fn served(limits: Limits) -> (Rig, App) {
    let (rig, app) = (Rig::with(limits), App::named("served").await);
    rig.serve(&[("c1", app.address)]);
    (rig, app)
}

#[tokio::test]
async fn a_head_that_takes_too_long_is_answered_408_and_the_connection_ends() {
    let (rig, _app) = served(Limits { head: SHORT, ..Limits::default() }).await;
    let mut raw = Raw::connect(rig.listen).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n").await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("x-evenkeel-proxy: slow-head\r\n"), "{answer}");
    let mut second = Raw::connect(rig.listen).await;
    second.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    second.read_until("served").await;
    second.send("GET / HT").await;
    assert!(second.rest().await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn a_head_is_not_too_slow_because_its_connection_was_quiet_before() {
    let (rig, _app) = served(Limits { head: SHORT, ..Limits::default() }).await;
    let mut quiet = Raw::connect(rig.listen).await;
    let mut slow = Raw::connect(rig.listen).await;
    slow.send("G").await;
    // However long that takes: it is at least the time for a head.
    slow.rest().await;
    quiet.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    quiet.read_until("served").await;
}

#[tokio::test]
async fn a_head_that_is_too_large_or_has_too_many_fields_is_answered_431() {
    let (rig, app) = served(Limits { head_bytes: 8192, headers: 20, ..Limits::default() }).await;
    for head in [format!("x: {}\r\n", "y".repeat(9000)), "x: y\r\n".repeat(20)] {
        let mut raw = Raw::connect(rig.listen).await;
        raw.send(&format!("GET / HTTP/1.1\r\nhost: a\r\n{head}\r\n")).await;
        let answer = raw.read_until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let mut raw = Raw::connect(rig.listen).await;
    raw.send(&format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n{}\r\n", "y".repeat(7000), "z: y\r\n".repeat(18))).await;
    raw.read_until("served").await;
    drop(app);
}

#[tokio::test]
async fn accepting_pauses_at_the_limit_and_goes_on_when_a_connection_ends() {
    let (rig, _app) = served(Limits { connections: 2, ..Limits::default() }).await;
    let mut first = Client::http1(rig.listen).await;
    let mut second = Client::http1(rig.listen).await;
    assert_eq!(first.get("/").await.body, "served");
    assert_eq!(second.get("/").await.body, "served");
    let mut third = Raw::connect(rig.listen).await;
    third.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(first.get("/").await.body, "served");
    assert_eq!(rig.proxy.status().connections, 2);
    assert_eq!(rig.upstream("c1").unwrap().requests, 3);
    drop(second);
    third.read_until("served").await;
    assert_eq!(rig.proxy.status().connections, 2);
}

#[tokio::test]
async fn a_connection_without_a_request_ends_after_a_while_and_one_with_a_request_does_not() {
    let rig = Rig::with(Limits { idle: SHORT, ..Limits::default() });
    let (app, mut bodies) = App::fed().await;
    rig.serve(&[("c1", app.address)]);
    let mut busy = Raw::connect(rig.listen).await;
    busy.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut body = bodies.recv().await.unwrap();
    let mut never = Raw::connect(rig.listen).await;
    assert_eq!(never.rest().await, "");
    body.send_data("still here".into()).await.unwrap();
    busy.read_until("still here\r\n").await;
    drop(body);
    assert_eq!(busy.rest().await, "0\r\n\r\n");
    // Over HTTP/2 too.
    let mut client = Client::http2(rig.listen).await;
    let answer = client.send(get("/")).await;
    drop(bodies.recv().await.unwrap());
    drop(answer);
    until("all have ended", || rig.proxy.status().connections == 0).await;
}

#[tokio::test]
async fn the_head_of_an_answer_is_bounded_too() {
    let rig = Rig::new();
    let app = App::http1(|request| async move {
        let count: usize = request.uri().path()[1..].parse().unwrap();
        let mut answer = crate::app::text("served");
        for number in 0..count {
            let name: http::HeaderName = format!("x-{number}").parse().unwrap();
            answer.headers_mut().insert(name, "y".repeat(10_000).parse().unwrap());
        }
        answer
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut client = Client::http1(rig.listen).await;
    assert_eq!(client.get("/10").await.body, "served");
    assert_eq!(client.get("/20").await.code(), "broke");
    assert_eq!(client.get("/10").await.body, "served");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed() {
    let rig = Rig::with(Limits { write_stall: SHORT, ..Limits::default() });
    let app = App::http1(|_| async {
        let (mut body, channel) = Channel::<Bytes>::new(1);
        tokio::spawn(async move { while body.send_data(Bytes::from(vec![0; 64 * 1024])).await.is_ok() {} });
        Response::new(any(channel))
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    raw.read_until("\r\n\r\n").await;
    until("it is closed", || rig.proxy.status().connections == 0).await;
    assert_eq!(rig.in_flight("c1"), 0);
    assert_eq!(rig.upstream("c1").unwrap().failed, 0, "it was not the app's fault");
}

#[tokio::test]
async fn a_client_that_stops_in_the_middle_of_its_body_is_told() {
    let rig = Rig::with(Limits { read_stall: SHORT, ..Limits::default() });
    let app = App::raw(|mut stream: TcpStream| async move {
        let mut bytes = [0; 1024];
        while let Ok(1..) = stream.read(&mut bytes).await {}
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf").await;
    let answer = raw.read_until("arriving\n").await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("body-stalled"), "{answer}");
    // Only over HTTP/2 there are calls that may be silent.
    let mut raw = Raw::connect(rig.listen).await;
    raw.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\ncontent-length: 10\r\n\r\nhalf").await;
    assert!(raw.read_until("arriving\n").await.starts_with("HTTP/1.1 408 "));
    until("nothing is in flight", || rig.in_flight("c1") == 0).await;
    assert_eq!(rig.upstream("c1").unwrap().failed, 0, "it was not the app's fault");
}

#[tokio::test]
async fn an_app_that_gives_no_answer_in_time_is_given_up() {
    for http2 in [false, true] {
        let rig = Rig::with(Limits { answer: SHORT, ..Limits::default() });
        let app = if http2 {
            App::http2(|_| std::future::pending()).await
        } else {
            App::http1(|_| std::future::pending()).await
        };
        rig.serve(&[("c1", app.address)]);
        let mut client = if http2 { Client::http2(rig.listen).await } else { Client::http1(rig.listen).await };
        let got = client.get("/").await;
        assert_eq!((got.status.as_u16(), got.code()), (504, "answer-timeout"));
        until("nothing is in flight", || rig.in_flight("c1") == 0).await;
        assert_eq!(rig.upstream("c1").unwrap().failed, 1);
    }
}

#[tokio::test]
async fn a_connection_to_an_app_is_kept_for_the_next_request_but_not_for_long() {
    for http2 in [false, true] {
        check_kept(http2).await;
    }
}

async fn check_kept(http2: bool) {
    let rig = Rig::with(Limits { upstream_idle: Millis(200), ..Limits::default() });
    let (app, mut ends) = App::telling_ends(http2).await;
    rig.serve(&[("c1", app.address)]);
    let mut client = if http2 { Client::http2(rig.listen).await } else { Client::http1(rig.listen).await };
    assert_eq!(client.get("/").await.body, "served");
    soon("the proxy closes it", ends.recv()).await.unwrap();
    assert_eq!(client.got(request("POST", "/", http_body_util::Empty::new())).await.body, "served");
}
