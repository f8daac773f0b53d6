//! One client's connection from its first byte to its end: finds out whether it is HTTP/1.1 or HTTP/2, lets hyper serve it, and ends it when
//! it is unused for too long or its listener closes. Not here: what a request is (`service`).

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};

use super::body::AnswerBody;
use super::client::Client;
use super::pace::Streams;
use super::service;
use super::wire::Wire;
use crate::aside::Aside;
use crate::limits::within;
use crate::terminate::Alpn;

/// The first bytes of HTTP/2 (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves it. `alpn`: what was agreed on; none: the first bytes tell.
pub(crate) async fn serve<I>(mut stream: I, client: Arc<Client>, alpn: Option<Alpn>)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (early, alpn) = match alpn {
        Some(alpn) => (Bytes::new(), alpn),
        None => match sniff(&mut stream, &client).await {
            Some(sniffed) => sniffed,
            None => return,
        },
    };
    match alpn {
        Alpn::H1 => serve_http1(Wire::new(stream, early, client.clone(), true), client).await,
        Alpn::H2 => serve_http2(Wire::new(stream, early, client.clone(), false), client).await,
    }
}

/// Reads until it is clear what is spoken. None: it ended before, or took too long.
async fn sniff<I: AsyncRead + Unpin>(stream: &mut I, client: &Client) -> Option<(Bytes, Alpn)> {
    let limits = &client.shared.limits;
    let mut read = BytesMut::with_capacity(1024);
    loop {
        // Without a byte it is a connection in reserve, not a slow one.
        let limit = if read.is_empty() { limits.idle } else { limits.head };
        let count = timeout(within(limit), stream.read_buf(&mut read)).await.ok()?.ok()?;
        let looked_at = read.len().min(PREFACE.len());
        if count == 0 && read.is_empty() {
            return None;
        }
        if read[..looked_at] != PREFACE[..looked_at] || count == 0 {
            return Some((read.freeze(), Alpn::H1));
        }
        if looked_at == PREFACE.len() {
            return Some((read.freeze(), Alpn::H2));
        }
    }
}

async fn serve_http1<I>(wire: Wire<I>, client: Arc<Client>)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let limits = &client.shared.limits;
    let mut builder = http1::Builder::new();
    builder.auto_date_header(false).max_buf_size(limits.head_bytes.max(8192));
    // Only where it differs: hyper's own bound costs no allocation.
    if limits.headers != 100 {
        builder.max_headers(limits.headers);
    }
    let service = service_fn({
        let client = client.clone();
        move |request| service::serve(client.clone(), request)
    });
    drive(builder.serve_connection(TokioIo::new(wire), service).with_upgrades(), &client, false).await;
}

async fn serve_http2<I>(wire: Wire<I>, client: Arc<Client>)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let limits = &client.shared.limits;
    let mut builder = http2::Builder::new(Streams(client.clone()));
    builder.timer(TokioTimer::new()).auto_date_header(false).max_concurrent_streams(limits.streams);
    builder.max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX));
    if limits.ping.0 > 0 {
        builder.keep_alive_interval(limits.ping.to_std()).keep_alive_timeout(limits.ping.to_std());
    }
    let service = service_fn({
        let client = client.clone();
        move |request| service::serve(client.clone(), request)
    });
    // A GOAWAY loses nothing: the client sends what was not taken elsewhere.
    drive(builder.serve_connection(TokioIo::new(wire), service), &client, true).await;
}

/// hyper's connections, which have this in common but no trait for it.
trait Connection: Future<Output = hyper::Result<()>> {
    fn graceful_shutdown(self: Pin<&mut Self>);
}

impl<I, S> Connection for http1::UpgradeableConnection<TokioIo<Wire<I>>, S>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: HttpService<Incoming, ResBody = AnswerBody, Error = Infallible>,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        Self::graceful_shutdown(self);
    }
}

impl<I, S> Connection for http2::Connection<TokioIo<Wire<I>>, S, Streams>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: HttpService<Incoming, ResBody = AnswerBody, Error = Infallible>,
    S::Future: Send + 'static,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        Self::graceful_shutdown(self);
    }
}

/// Serves to the end. `goes_away`: it can be told to end at once when the listener closes. An HTTP/1.1 client cannot: closing an idle
/// connection crosses its next request on the wire. It is told with its next answer, or ends when it is idle for too long.
async fn drive(connection: impl Connection, client: &Client, goes_away: bool) {
    let mut connection = pin!(connection);
    let limit = within(client.shared.limits.idle);
    // Its own token: thousands of connections must not wake through one lock.
    let mut closed = Aside::new(client.closing.token.child_token().cancelled_owned());
    let mut idle = Aside::new(unused(client, limit, Duration::ZERO));
    let (mut told, mut has_expired) = (!goes_away, false);
    loop {
        tokio::select! {
            biased;
            ended = poll_fn(|cx| connection.as_mut().poll(cx)) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a client's connection ended");
                }
                return;
            }
            () = &mut closed, if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            () = &mut idle => {
                // Else the end of an answer that its client leaves with hyper would hold it open for ever.
                if goes_away && has_expired {
                    return;
                }
                has_expired = true;
                connection.as_mut().graceful_shutdown();
                idle = Aside::new(unused(client, limit, limit));
            }
        }
    }
}

/// Returns when the connection has been without a request for so long, but not before `after` has passed.
async fn unused(client: &Client, limit: Duration, after: Duration) {
    let mut at = client.idle_at(limit).max(Instant::now() + after);
    while at > Instant::now() {
        sleep_until(at).await;
        at = client.idle_at(limit);
    }
}
