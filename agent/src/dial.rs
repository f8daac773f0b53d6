//! The way to a coordinator's address: the network's port. Not here: TLS, retries, which address to try.

use std::fmt::Debug;
use std::io;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection's two directions.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens connections.
#[async_trait]
pub trait Dialer: Send + Sync + Debug {
    /// Connects to `host:port`. The caller sets the deadline.
    async fn dial(&self, address: &str) -> io::Result<Box<dyn Io>>;
}

/// The operating system's TCP.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpDialer;

#[async_trait]
impl Dialer for TcpDialer {
    async fn dial(&self, address: &str) -> io::Result<Box<dyn Io>> {
        let stream = TcpStream::connect(address).await?;
        // Messages are small and wait for nothing: sending each at once keeps a wave's latency low.
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}
