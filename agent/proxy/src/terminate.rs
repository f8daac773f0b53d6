//! The port to TLS: someone who knows certificates turns a connection into a stream of plain bytes. Not here: any TLS.

use std::fmt::Debug;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A future in a box, as trait objects need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection's two directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What client and server agreed to speak inside TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/1.1, also where nothing was agreed.
    H1,
    /// HTTP/2.
    H2,
}

/// The hosts that a connection may be used for.
pub trait Names: Send + Sync + Debug {
    /// Whether requests for this host (no port, lower case) may come by it: the client asked for a certificate for it, or the one it was
    /// shown is for it too.
    fn are_for(&self, host: &str) -> bool;
}

/// A connection whose TLS is ended here.
pub struct Terminated {
    /// Its plain bytes.
    pub stream: Box<dyn Stream>,
    /// What is spoken.
    pub alpn: Alpn,
    /// What it may be used for.
    pub names: Box<dyn Names>,
}

impl Debug for Terminated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminated").field("alpn", &self.alpn).field("names", &self.names).finish_non_exhaustive()
    }
}

/// Ends TLS.
pub trait Terminate: Send + Sync + Debug {
    /// Does the handshake. The caller sets the deadline.
    fn accept(&self, stream: TcpStream) -> BoxFuture<'_, io::Result<Terminated>>;
}
