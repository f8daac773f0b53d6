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

/// Ends TLS.
pub trait Terminate: Send + Sync + Debug {
    /// Does the handshake. The caller sets the deadline.
    fn accept(&self, stream: TcpStream) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, Alpn)>>;
}
