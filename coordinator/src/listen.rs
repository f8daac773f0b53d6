//! Accepting connections: TCP (or the simulation's), the TLS handshake in a task for each, and who is there. One who is silent, or
//! speaks plain text, keeps nobody else waiting.
//!
//! Not here: TLS itself (crate `evenkeel-certs`), and what a peer may do (`auth.rs`).

mod connection;

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use evenkeel_certs::ServerTls;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use connection::Link;
pub(crate) use connection::{Connection, Places};

/// How long to wait after an accept that failed, at first and at most: a process without free file descriptors gets them back
/// from connections that end.
const ACCEPT_BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Connections that are ready and not yet served: the server takes them at once.
const READY_QUEUE: usize = 64;

/// A connection's two directions.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Where connections come from: the network's port.
#[async_trait]
pub trait Listener: Send + Sync {
    /// The next connection and its other end's address. Cancel safe: no connection is lost.
    async fn accept(&self) -> io::Result<(Box<dyn Io>, SocketAddr)>;

    /// Where it listens.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

#[async_trait]
impl Listener for TcpListener {
    async fn accept(&self) -> io::Result<(Box<dyn Io>, SocketAddr)> {
        let (stream, from) = Self::accept(self).await?;
        at_once(&stream)?;
        Ok((Box::new(stream), from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
}

/// Messages are small and wait for nothing: sending each at once keeps a wave's latency low.
fn at_once(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

/// How much is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections of this process. Beyond them, new ones wait in the system's queue.
    pub connections: usize,
    /// Connections in their TLS handshake.
    pub handshakes: usize,
    /// Connections of peers without a certificate, who come to enrol: they can't use up the places of the others.
    pub strangers: usize,
    /// How long a connection without a certificate may last. Enrolment is one question and its answer.
    pub stranger_lifetime: Duration,
}

impl Default for Limits {
    /// 20,000 connections are twice the largest fleet that is measured, for the moment when all come back at once; a handshake
    /// costs about a millisecond, so 1,024 are a second's work.
    fn default() -> Self {
        Self { connections: 20_000, handshakes: 1024, strangers: 256, stranger_lifetime: Duration::from_secs(30) }
    }
}

/// Accepts until `stop`, and cuts what is open at `cut`.
pub(crate) struct Acceptor {
    pub(crate) listener: Box<dyn Listener>,
    pub(crate) tls: ServerTls,
    pub(crate) limits: Limits,
    pub(crate) stop: CancellationToken,
    pub(crate) cut: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Acceptor {
    /// The connections, ready to be served. Accepting is a task among `tasks`, and so is each handshake.
    pub(crate) fn start(self) -> mpsc::Receiver<Result<Connection, std::convert::Infallible>> {
        let (ready, connections) = mpsc::channel(READY_QUEUE);
        let tasks = self.tasks.clone();
        tasks.spawn(async move {
            let stop = self.stop.clone();
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = self.accept_all(ready) => {}
            }
        });
        connections
    }

    async fn accept_all(self, ready: mpsc::Sender<Result<Connection, std::convert::Infallible>>) {
        let places = Places::new(self.limits);
        let handshakes = Arc::new(Semaphore::new(self.limits.handshakes));
        let mut wait = ACCEPT_BACKOFF.0;
        loop {
            let connection_place = take(&places.connections, "connections").await;
            let handshake_place = take(&handshakes, "handshakes").await;
            let (io, from) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) if is_of_one_connection(&error) => continue,
                Err(error) => {
                    tracing::warn!(%error, "connections can't be accepted now, and are tried again");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(ACCEPT_BACKOFF.1);
                    continue;
                }
            };
            wait = ACCEPT_BACKOFF.0;
            let (tls, stop, cut, ready, places) =
                (self.tls.clone(), self.stop.clone(), self.cut.clone(), ready.clone(), places.clone());
            self.tasks.spawn(async move {
                let handshake = tls.accept(io);
                let shaken = tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    shaken = handshake => shaken,
                };
                drop(handshake_place);
                match shaken {
                    Ok((stream, peer)) => {
                        if let Some(connection) = places.seat(stream, Link::new(peer, from), connection_place, cut) {
                            // An error means that the server has ended, and so does the connection.
                            let _ = ready.send(Ok(connection)).await;
                        }
                    }
                    Err(error) => {
                        let trouble = crate::chain::chain(&error);
                        tracing::debug!(%from, trouble, "a connection was refused");
                    }
                }
            });
        }
    }
}

async fn take(places: &Arc<Semaphore>, what: &'static str) -> OwnedSemaphorePermit {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return place;
    }
    tracing::warn!(what, "all places are taken: new connections wait");
    Arc::clone(places).acquire_owned().await.expect("it is never closed")
}

/// Whether only the connection that would have been accepted is concerned: it was gone before we came.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests;
