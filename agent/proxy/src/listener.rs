//! One listening socket: accepts, within the bounds on connections, and hands each connection on. Not here: what is spoken on it.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::aside::Aside;
use crate::closing::Closing;
use crate::connections::{Connections, Open};
use crate::http::{self, Client};
use crate::keepalive;
use crate::limits::within;
use crate::shared::Shared;
use crate::table::Port;
use crate::tcp;

/// After an accept that failed because this process, or the machine, has no more files: time for one to be closed.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket that accepts until it is closed.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    closing: Arc<Closing>,
    connections: Connections,
    // Shared with the task that accepts, so that closing is done when `close` returns: the port may be opened again at once.
    socket: Arc<Mutex<Option<TcpListener>>>,
}

impl Listener {
    /// Takes a socket over; nothing is accepted yet. `all`: the connections of all ports.
    pub(crate) fn new(address: SocketAddr, socket: std::net::TcpListener, all: &Connections) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        // Here and not where it is bound: that may have been someone else, long ago.
        keepalive::probe(&socket)?;
        let socket = TcpListener::from_std(socket)?;
        let connections = all.of_one_port();
        Ok(Self { address, closing: Arc::default(), connections, socket: Arc::new(Mutex::new(Some(socket))) })
    }

    /// Accepts from now on.
    pub(crate) fn start(&self, shared: Arc<Shared>, acceptors: &TaskTracker) {
        let accept = Accept {
            shared,
            address: self.address,
            closing: self.closing.clone(),
            connections: self.connections.clone(),
            socket: self.socket.clone(),
        };
        acceptors.spawn(accept.run());
    }

    /// Accepts no more. What waits in the kernel stays there if someone else holds the socket too. Open connections end in their own time.
    pub(crate) fn close(&self) {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.closing.tell();
    }
}

#[derive(Debug)]
struct Accept {
    shared: Arc<Shared>,
    address: SocketAddr,
    closing: Arc<Closing>,
    connections: Connections,
    socket: Arc<Mutex<Option<TcpListener>>>,
}

impl Accept {
    async fn run(self) {
        let closing = self.closing.clone();
        tokio::select! {
            biased;
            () = closing.token.cancelled() => {}
            () = self.accept_all() => {}
        }
    }

    /// Safe to drop at any await: between an accept and the task that serves the connection there is none.
    async fn accept_all(&self) {
        loop {
            self.connections.room().await;
            let accepted = poll_fn(|cx| match &*self.socket.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(socket) => socket.poll_accept(cx),
                None => Poll::Pending,
            });
            match accepted.await {
                Ok((stream, peer)) => self.serve(stream, peer),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(address = %self.address, %error, "cannot accept; raise LimitNOFILE if it is out of files");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let open = self.connections.begin();
        let (shared, address, closing) = (self.shared.clone(), self.address, self.closing.clone());
        self.shared.tasks.spawn(async move {
            // Its own token: thousands of connections must not wake through one lock.
            let end = Aside::new(shared.end.child_token().cancelled_owned());
            tokio::select! {
                biased;
                () = end => {}
                () = connection(shared, address, closing, stream, peer, open) => {}
            }
        });
    }
}

async fn connection(
    shared: Arc<Shared>,
    listen: SocketAddr,
    closing: Arc<Closing>,
    stream: TcpStream,
    peer: SocketAddr,
    open: Open,
) {
    // Fails only if the client has gone already.
    let _ = stream.set_nodelay(true);
    let port = match shared.table.load().port(listen) {
        None => return,
        Some(Port::Http(port)) => Ok(port.tls),
        Some(Port::Tcp(entry)) => Err(entry.clone()),
    };
    let tls = match port {
        Ok(tls) => tls,
        Err(entry) => return tcp::serve(&shared, listen, entry, stream, open).await,
    };
    let client = |names| Arc::new(Client::new(shared.clone(), listen, peer.ip(), names, closing, open));
    if !tls {
        return http::serve(stream, client(None), None).await;
    }
    let Some(terminate) = &shared.tls else { return };
    match timeout(within(shared.limits.head), terminate.accept(stream)).await {
        Ok(Ok(ended)) => http::serve(ended.stream, client(Some(ended.names)), Some(ended.alpn)).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// Whether only that connection was lost, before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_socket_of_someone_else_accepts_is_probed() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, duplicate) = (socket.local_addr().unwrap(), socket.try_clone().unwrap());
        let _listener = Listener::new(address, socket, &Connections::new(1)).unwrap();
        let _client = TcpStream::connect(address).await.unwrap();
        let (accepted, _) = TcpListener::from_std(duplicate).unwrap().accept().await.unwrap();
        assert!(keepalive::is_probed(&accepted));
    }
}
