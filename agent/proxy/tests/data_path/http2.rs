//! HTTP/2 with prior knowledge: streams both ways, trailers, and upstreams that do not speak it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Response, Version};
use http_body_util::channel::Sender;
use http_body_util::{BodyExt, Channel, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::app::{App, any, text};
use crate::client::{Client, get, request};
use crate::rig::{Rig, soon, until};

/// Sends back what it gets, frame by frame, and its name in a trailer.
async fn echo(name: &'static str) -> App {
    App::http2(move |request| async move {
        let (mut sender, channel) = Channel::<Bytes>::new(1);
        tokio::spawn(async move {
            let mut body = request.into_body();
            while let Some(Ok(frame)) = body.frame().await {
                match frame.into_data() {
                    Ok(data) => sender.send_data(data).await.unwrap(),
                    Err(frame) => {
                        let mut trailers = frame.into_trailers().unwrap();
                        trailers.insert("x-served-by", name.parse().unwrap());
                        sender.send_trailers(trailers).await.unwrap();
                    }
                }
            }
        });
        Response::new(any(channel))
    })
    .await
}

/// A call that is open both ways.
struct Call {
    up: Sender<Bytes>,
    down: Incoming,
}

impl Call {
    async fn open(client: &mut Client) -> Self {
        let (up, channel) = Channel::<Bytes>::new(1);
        let mut request = request("POST", "/pkg.Service/Call", channel);
        request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
        request.headers_mut().insert("te", "trailers".parse().unwrap());
        let answer = client.send(request).await;
        assert_eq!(answer.version(), Version::HTTP_2);
        Self { up, down: answer.into_body() }
    }

    async fn say(&mut self, word: &'static str) {
        self.up.send_data(word.into()).await.unwrap();
        let frame = soon("the word comes back", self.down.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), word);
    }

    async fn end(mut self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sent", "1".parse().unwrap());
        self.up.send_trailers(trailers).await.unwrap();
        let frame = soon("the trailers come", self.down.frame()).await.unwrap().unwrap();
        frame.into_trailers().unwrap()
    }
}

#[tokio::test]
async fn a_stream_and_its_trailers_live_on_across_a_switch() {
    let (rig, old, new) = (Rig::new(), echo("old").await, echo("new").await);
    rig.serve(&[("old", old.address)]);
    let mut client = Client::http2(rig.listen).await;
    let mut first = Call::open(&mut client).await;
    first.say("before").await;
    rig.serve(&[("new", new.address)]);
    first.say("after").await;
    let mut second = Call::open(&mut client).await;
    second.say("hello").await;
    assert_eq!(rig.in_flight("old"), 1);
    let trailers = first.end().await;
    assert_eq!((&trailers["x-served-by"], &trailers["x-sent"]), (&"old".parse().unwrap(), &"1".parse().unwrap()));
    rig.drained("old").await;
    old.kill();
    assert_eq!(second.end().await["x-served-by"], "new");
}

#[tokio::test]
async fn a_stream_is_cut() {
    let (rig, old) = (Rig::new(), echo("old").await);
    rig.serve(&[("old", old.address)]);
    let mut client = Client::http2(rig.listen).await;
    let mut call = Call::open(&mut client).await;
    call.say("before").await;
    rig.serve(&[]);
    assert_eq!(rig.proxy.cut("shop", "old"), 1);
    rig.drained("old").await;
    let frame = soon("the stream breaks", call.down.frame()).await;
    assert!(matches!(frame, Some(Err(_))), "a stream that was cut must not look whole");
}

#[tokio::test]
async fn an_upstream_without_http_2_gets_http_1_and_its_cookies_in_one_line() {
    let rig = Rig::new();
    let connections = Arc::new(AtomicUsize::new(0));
    let app = App::raw({
        let connections = connections.clone();
        move |stream| {
            connections.fetch_add(1, Ordering::SeqCst);
            let service = service_fn(|request: http::Request<Incoming>| async move {
                let (host, cookie) = (request.headers()["host"].clone(), request.headers()["cookie"].clone());
                Ok::<_, std::convert::Infallible>(text(format!("{:?} {host:?} {cookie:?}", request.version())))
            });
            async move {
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        }
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut client = Client::http2(rig.listen).await;
    for _ in 0..3 {
        let mut request = get("/");
        request.headers_mut().append("cookie", "a=1".parse().unwrap());
        request.headers_mut().append("cookie", "b=2".parse().unwrap());
        assert_eq!(client.got(request).await.body, r#"HTTP/1.1 "shop.test" "a=1; b=2""#);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2, "one that failed, and one that is kept: the first is remembered");
}

#[tokio::test]
async fn a_grpc_call_is_not_turned_into_http_1() {
    let (rig, app) = (Rig::new(), App::named("no grpc").await);
    rig.serve(&[("c1", app.address)]);
    let mut request = request("POST", "/pkg.Service/Call", Empty::new());
    request.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
    let got = Client::http2(rig.listen).await.got(request).await;
    assert_eq!((got.status.as_u16(), got.code()), (502, "broke"));
    assert_eq!(rig.upstream("c1").unwrap().failed, 1);
}

#[tokio::test]
async fn another_connection_is_opened_when_the_upstream_allows_no_more_streams_on_one() {
    let rig = Rig::new();
    let open = Arc::new(AtomicUsize::new(0));
    let app = App::raw({
        let open = open.clone();
        move |stream| {
            let open = open.clone();
            let service = service_fn(move |_| {
                open.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<Result<Response<crate::app::AnyBody>, std::convert::Infallible>>()
            });
            async move {
                let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ = builder.max_concurrent_streams(2).serve_connection(TokioIo::new(stream), service).await;
            }
        }
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let listen = rig.listen;
    for round in 1..=7 {
        tokio::spawn(async move { Client::http2(listen).await.get("/").await });
        until("the app has the request", || open.load(Ordering::SeqCst) == round).await;
    }
}

#[tokio::test]
async fn an_upstream_that_is_back_at_the_same_address_is_connected_to_again() {
    let (rig, app) = (Rig::new(), echo("one").await);
    rig.serve(&[("c1", app.address)]);
    let mut client = Client::http2(rig.listen).await;
    assert_eq!(client.get("/").await.status, 200);
    let address = app.address;
    app.kill();
    let listener = crate::rig::rebind(address).await;
    let _again = App::on(listener, |stream| async move {
        let service = service_fn(|_| async { Ok::<_, std::convert::Infallible>(text("two")) });
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    });
    assert_eq!(client.get("/").await.body, "two");
}

#[tokio::test]
async fn an_app_sees_no_other_host_than_the_one_that_routes() {
    for http2 in [true, false] {
        let seen = |request: http::Request<Incoming>| async move {
            let hosts = request.headers().get_all("host").iter().map(|host| host.to_str().unwrap());
            let hosts: Vec<_> =
                request.uri().authority().map(http::uri::Authority::as_str).into_iter().chain(hosts).collect();
            text(hosts.join(" "))
        };
        let (rig, app) = (Rig::new(), if http2 { App::http2(seen).await } else { App::http1(seen).await });
        rig.serve(&[("c1", app.address)]);
        let mut request = get("/");
        request.headers_mut().insert("host", "other.test".parse().unwrap());
        assert_eq!(Client::http2(rig.listen).await.got(request).await.body, "shop.test");
    }
}

#[tokio::test]
async fn requests_that_are_sent_again_share_a_connection() {
    let (rig, opened, began) = (Rig::new(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let app = App::raw({
        let (opened, began) = (opened.clone(), began.clone());
        move |stream| {
            let is_first = opened.fetch_add(1, Ordering::SeqCst) == 0;
            let (all, calls) = (Arc::new(tokio::sync::Notify::new()), began.clone());
            let ends = all.clone();
            let service = service_fn(move |_| {
                if calls.fetch_add(1, Ordering::SeqCst) + 1 == 41 {
                    all.notify_one();
                }
                let is_warm = calls.load(Ordering::SeqCst) == 1;
                async move {
                    if is_first && !is_warm {
                        std::future::pending::<()>().await;
                    }
                    Ok::<_, std::convert::Infallible>(text("served"))
                }
            });
            async move {
                let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                tokio::select! {
                    biased;
                    // Without a word, all that is on it unanswered.
                    () = ends.notified(), if is_first => {}
                    _ = builder.serve_connection(TokioIo::new(stream), service) => {}
                }
            }
        }
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let listen = rig.listen;
    // Only on a connection that was used before a request is sent again.
    assert_eq!(Client::http2(listen).await.get("/").await.body, "served");
    let clients: Vec<_> =
        (0..40).map(|_| tokio::spawn(async move { Client::http2(listen).await.get("/").await })).collect();
    for client in clients {
        assert_eq!(client.await.unwrap().body, "served");
    }
    let opened = opened.load(Ordering::SeqCst);
    assert!(opened <= 5, "{opened} connections to the app");
}

/// Peers count them over a connection's life, and break it off at a hundred.
#[tokio::test]
async fn empty_pieces_of_answers_break_no_connection() {
    let app = App::http2(|_| async {
        let (mut sender, channel) = Channel::<Bytes>::new(1);
        tokio::spawn(async move {
            for piece in ["x", ""] {
                sender.send_data(piece.into()).await.unwrap();
            }
            sender.send_trailers(HeaderMap::new()).await.unwrap();
        });
        Response::new(any(channel))
    });
    let (rig, app) = (Rig::new(), app.await);
    rig.serve(&[("app", app.address)]);
    let mut client = Client::http2(rig.listen).await;
    for number in 0..250 {
        assert_eq!(client.get("/").await.body, "x", "call {number}");
    }
}

/// The same for the app's side, which many clients share.
#[tokio::test]
async fn empty_pieces_of_requests_break_no_connection() {
    let (rig, app) = (Rig::new(), echo("app").await);
    rig.serve(&[("app", app.address)]);
    for _ in 0..4 {
        let mut client = Client::http2(rig.listen).await;
        for number in 0..60 {
            let mut call = Call::open(&mut client).await;
            call.up.send_data(Bytes::new()).await.unwrap();
            call.say("word").await;
            assert!(!call.end().await.is_empty(), "call {number}");
        }
    }
}
