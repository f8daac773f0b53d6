//! One connection that has passed its handshake: who is there, until when, and how it is cut. Not here: accepting it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use evenkeel_certs::{Identity, Peer, ServerStream};
use evenkeel_model::UnixMillis;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use super::{Io, Limits};

/// What is known of a connection: the same for every request on it.
#[derive(Debug)]
pub struct Link {
    peer: Option<Peer>,
    remote: SocketAddr,
    valid_until: watch::Sender<UnixMillis>,
}

impl Link {
    pub(crate) fn new(peer: Option<Peer>, remote: SocketAddr) -> Arc<Self> {
        let not_after = peer.as_ref().map_or(UnixMillis(u64::MAX), |peer| peer.not_after);
        Arc::new(Self { peer, remote, valid_until: watch::Sender::new(not_after) })
    }

    /// Who is there, by the certificate of the handshake; none: it showed no certificate.
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// Whose certificate it showed.
    pub fn identity(&self) -> Option<&Identity> {
        self.peer.as_ref().map(|peer| &peer.identity)
    }

    /// The other end's address: for logs alone.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Until when its word counts: the certificate's end, or that of the newest one that was given to it over this connection.
    /// An agent goes on using its connection when it has renewed.
    pub fn valid_until(&self) -> watch::Receiver<UnixMillis> {
        self.valid_until.subscribe()
    }

    /// Whether it counts at this moment.
    pub fn is_valid(&self, now: UnixMillis) -> bool {
        now <= *self.valid_until.borrow()
    }

    /// It was given a certificate that ends then.
    pub(crate) fn renewed(&self, until: UnixMillis) {
        self.valid_until.send_if_modified(|current| std::mem::replace(current, until.max(*current)) < until);
    }
}

/// The places that connections take up.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) connections: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    limits: Limits,
}

impl Places {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            connections: Arc::new(Semaphore::new(limits.connections)),
            strangers: Arc::new(Semaphore::new(limits.strangers)),
            limits,
        }
    }

    /// The connection, if there is a place for it.
    pub(crate) fn seat(
        &self,
        stream: ServerStream<Box<dyn Io>>,
        link: Arc<Link>,
        place: OwnedSemaphorePermit,
        cut: CancellationToken,
    ) -> Option<Connection> {
        let mut held = vec![place];
        let lifetime = if link.peer.is_some() {
            None
        } else {
            let Ok(place) = Arc::clone(&self.strangers).try_acquire_owned() else {
                tracing::warn!(from = %link.remote, "too many connections without a certificate: one is closed");
                return None;
            };
            held.push(place);
            Some(self.limits.stranger_lifetime)
        };
        let end: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            let lifetime = async {
                match lifetime {
                    Some(lifetime) => tokio::time::sleep(lifetime).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = cut.cancelled_owned() => {}
                () = lifetime => {}
            }
        });
        Some(Connection { stream, link, end: Some(end), _places: held })
    }
}

/// A connection that can be served.
pub(crate) struct Connection {
    stream: ServerStream<Box<dyn Io>>,
    link: Arc<Link>,
    /// Ready when the connection is to be cut; none: it was.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Given back when the connection ends.
    _places: Vec<OwnedSemaphorePermit>,
}

impl Connected for Connection {
    type ConnectInfo = Arc<Link>;

    fn connect_info(&self) -> Arc<Link> {
        Arc::clone(&self.link)
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // HTTP/2 always waits for the next frame, so this is where an end is noticed.
        let ended = self.end.as_mut().is_none_or(|end| end.as_mut().poll(context).is_ready());
        if ended {
            self.end = None;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
