//! The port to listening sockets. They may belong to someone who outlives this process (systemd, a parent), so that its end refuses
//! nobody; then `open` hands out a duplicate. Not here: accepting.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// Connections that may wait in the kernel to be accepted.
const BACKLOG: u32 = 1024;

/// Opens and closes listening sockets.
pub trait Sockets: Send + Sync + Debug {
    /// A listening socket for this address, opened now or earlier. Called within a tokio runtime; must not block for long.
    fn open(&self, address: SocketAddr) -> io::Result<TcpListener>;

    /// No route needs this address any more. Not called when the proxy shuts down: another may take the socket over.
    fn close(&self, address: SocketAddr);
}

/// Binds, and keeps a duplicate of each socket until it is closed. Two proxies that share one of these share the sockets.
#[derive(Debug, Default)]
pub struct BoundSockets {
    held: Mutex<HashMap<SocketAddr, TcpListener>>,
}

impl BoundSockets {
    /// Takes a listening socket that someone else has opened, and hands it out for the address it is bound to. Says which that is.
    pub fn keep(&self, listener: TcpListener) -> io::Result<SocketAddr> {
        let address = listener.local_addr()?;
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(address, listener);
        Ok(address)
    }
}

impl Sockets for BoundSockets {
    fn open(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = held.get(&address) {
            return listener.try_clone();
        }
        let listener = bind(address)?;
        held.insert(address, listener.try_clone()?);
        Ok(listener)
    }

    fn close(&self, address: SocketAddr) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() }?;
    // Without it a port could not be bound again while old connections of it linger in the kernel.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}
