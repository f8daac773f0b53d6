//! Clients that leave what they asked for where it is: each loses what is its own, in time, and nobody else notices.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use evenkeel_model::Millis;
use evenkeel_proxy::{Alpn, BoundSockets, BoxFuture, Kind, Limits, Names, Proxy, Route, Stream, Terminate, Terminated};
use http::{Request, Response};
use http_body_util::{BodyExt, Channel};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::app::{AnyBody, App, any, text};
use crate::client::{Client, Raw, get};
use crate::rig::{Rig, reserve, soon, until};

const SHORT: Millis = Millis(50);
/// What a client of these tests takes of an answer that it does not read.
const WINDOW: u32 = 1000;

/// Without an end on `/flood`, and else a megabyte.
async fn answer(request: Request<Incoming>) -> Response<AnyBody> {
    if request.uri().path() != "/flood" {
        return text(vec![b'x'; 1 << 20]);
    }
    let (mut body, channel) = Channel::<Bytes>::new(1);
    tokio::spawn(async move { while body.send_data(Bytes::from(vec![0; 64 * 1024])).await.is_ok() {} });
    Response::new(any(channel))
}

#[tokio::test]
async fn answers_that_nobody_takes_do_not_hold_up_the_others_on_their_connection_to_the_app() {
    let (rig, opened) = (Rig::new(), Arc::new(AtomicUsize::new(0)));
    let app = App::raw({
        let opened = opened.clone();
        move |stream| {
            opened.fetch_add(1, Ordering::SeqCst);
            let service = service_fn(|request| async { Ok::<_, std::convert::Infallible>(answer(request).await) });
            async move {
                let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            }
        }
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let mut stalled = Client::http2_with_window(rig.listen, WINDOW).await;
    let mut answers = vec![];
    for _ in 0..40 {
        answers.push(stalled.send(get("/flood")).await);
    }
    let mut other = Client::http2(rig.listen).await;
    for _ in 0..20 {
        assert_eq!(other.get("/").await.body.len(), 1 << 20);
    }
    assert_eq!(rig.in_flight("c1"), 40);
    assert_eq!(opened.load(Ordering::SeqCst), 1, "all of it came by one connection");
}

#[tokio::test]
async fn a_stream_whose_client_takes_nothing_is_reset_and_the_others_of_its_connection_go_on() {
    let rig = Rig::with(Limits { write_stall: SHORT, ..Limits::default() });
    let flood = App::http1(answer).await;
    let (quiet, mut bodies) = App::fed().await;
    rig.serve(&[("quiet", quiet.address)]);
    let mut client = Client::http2_with_window(rig.listen, WINDOW).await;
    let mut silent = client.send(get("/")).await.into_body();
    let mut body = bodies.recv().await.unwrap();
    body.send_data("first".into()).await.unwrap();
    assert_eq!(soon("a word", silent.frame()).await.unwrap().unwrap().into_data().unwrap(), "first");
    rig.serve(&[("flood", flood.address)]);
    let mut stalled = client.send(get("/flood")).await.into_body();
    until("it is let go", || rig.in_flight("flood") == 0).await;
    assert_eq!(rig.upstream("flood").unwrap().failed, 0, "it was not the app's fault");
    let broken = async { while let Some(Ok(_)) = stalled.frame().await {} };
    soon("the client hears of it", broken).await;
    // That app said nothing for as long, and its client would have taken it.
    body.send_data("second".into()).await.unwrap();
    assert_eq!(soon("a word", silent.frame()).await.unwrap().unwrap().into_data().unwrap(), "second");
}

#[tokio::test]
async fn a_connection_on_which_the_end_of_an_answer_is_left_ends() {
    let rig = Rig::with(Limits { idle: SHORT, ..Limits::default() });
    let app = App::http1(|_| async { text(vec![b'x'; 2 * WINDOW as usize]) }).await;
    rig.serve(&[("c1", app.address)]);
    let mut client = Client::http2_with_window(rig.listen, WINDOW).await;
    let _taken_by_nobody = client.send(get("/")).await;
    until("the app is done with it", || rig.in_flight("c1") == 0).await;
    until("it ends", || rig.proxy.status().connections == 0).await;
}

/// As TLS: whatever is written is taken, and only a flush tells that it does not leave.
struct Swallowing(TcpStream);

impl AsyncRead for Swallowing {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Swallowing {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[derive(Debug)]
struct Swallows;

impl Terminate for Swallows {
    fn accept(&self, stream: TcpStream) -> BoxFuture<'_, io::Result<Terminated>> {
        let stream: Box<dyn Stream> = Box::new(Swallowing(stream));
        let ended = Terminated { stream, alpn: Alpn::H1, names: Box::new(ForAll) };
        Box::pin(std::future::ready(Ok(ended)))
    }
}

#[derive(Debug)]
struct ForAll;

impl Names for ForAll {
    fn are_for(&self, _: &str) -> bool {
        true
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed_although_tls_has_taken_it() {
    let (sockets, app) = (Arc::new(BoundSockets::default()), App::named("served").await);
    let listen = reserve(&sockets);
    let limits = Limits { write_stall: SHORT, ..Limits::default() };
    let proxy = Proxy::new(sockets, limits, Some(Arc::new(Swallows)));
    let kind = Kind::Http { hosts: vec![], path: "/".into(), sticky: None, redirect_to_https: false, tls: true };
    proxy.apply("shop", vec![Route { kind, listen, ..Rig::new().http(&[("c1", app.address)]) }]).unwrap();
    for connection in ["keep-alive", "close"] {
        let mut raw = Raw::connect(listen).await;
        raw.send(&format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: {connection}\r\n\r\n")).await;
        assert_eq!(raw.rest().await, "");
        until("it is closed", || proxy.status().connections == 0).await;
    }
}
