//! HTTP/2 with prior knowledge: the paths of HTTP/1.1, and two methods of gRPC.
//!
//! Each connection has a thread and a runtime of its own, as those of HTTP/1.1 have a thread: so one slow request holds up nobody.
//! Deliberately not here: protocol buffers, whose two messages are a few bytes; large and chunked bodies.

use std::convert::Infallible;
use std::io;
use std::net::TcpStream;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::Notify;

use super::Shared;
use crate::http::{self, Body};
use crate::payload::Received;

/// RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Between two looks at a preface that has not wholly arrived.
const PAUSE: Duration = Duration::from_millis(1);
/// `HealthCheckResponse { status: … }`: `SERVING` and `NOT_SERVING`, each behind gRPC's five bytes.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
const NOT_SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 2];

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// Whether the client begins as HTTP/2 does; nothing is taken from the stream.
pub(super) fn is_spoken(stream: &TcpStream) -> io::Result<bool> {
    let mut begin = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut begin)?;
        if count == 0 || !PREFACE.starts_with(&begin[..count]) {
            return Ok(false);
        }
        if count == PREFACE.len() {
            return Ok(true);
        }
        thread::sleep(PAUSE);
    }
}

/// Serves a connection to its end. After `ending` it takes no new request, and ends with the last.
pub(super) fn serve(shared: &Arc<Shared>, id: u64, stream: &TcpStream, ending: &Notify) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let stream = stream.try_clone()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::from_std(stream)?;
        let service = service_fn(|request| {
            let shared = Arc::clone(shared);
            async move {
                shared.mark_served(id);
                Ok::<_, Infallible>(shared.answer_http2(request).await)
            }
        });
        let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            biased;
            ended = &mut connection => ended,
            () = ending.notified() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        ended.map_err(io::Error::other)
    })
}

impl Shared {
    async fn answer_http2(&self, request: Request<Incoming>) -> Answer {
        let mut answer = match request.uri().path() {
            "/evenkeel.test.Echo/Stream" => grpc(request.into_body().boxed()),
            "/grpc.health.v1.Health/Check" => {
                grpc(whole(Bytes::from_static(if self.is_well() { SERVING } else { NOT_SERVING })))
            }
            _ => self.answer_plain(request).await,
        };
        if let Ok(version) = HeaderValue::from_str(&self.settings.version) {
            answer.headers_mut().insert("x-version", version);
        }
        answer
    }

    /// As over HTTP/1.1.
    async fn answer_plain(&self, request: Request<Incoming>) -> Answer {
        let uri = request.uri().clone();
        let mut received = Received::default();
        let mut body = request.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            received.take(frame.data_ref().map_or(&[], |data| data));
        }
        let response = self.answer(&http::Request {
            method: String::new(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            keep_alive: true,
            websocket_key: None,
            received,
        });
        tokio::time::sleep(response.delay).await;
        let (status, text) = match response.body {
            Body::Text(text) => (response.status, text),
            _ => ("501", "only over HTTP/1.1\n".to_owned()),
        };
        let mut answer = Response::new(whole(text.into()));
        *answer.status_mut() = status[..3].parse().unwrap_or_default();
        answer
    }
}

/// An answer of gRPC: its status comes behind the body.
fn grpc(body: BoxBody<Bytes, hyper::Error>) -> Answer {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let mut answer = Response::new(body.with_trailers(async { Some(Ok(trailers)) }).boxed());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    answer
}

fn whole(bytes: Bytes) -> BoxBody<Bytes, hyper::Error> {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}
