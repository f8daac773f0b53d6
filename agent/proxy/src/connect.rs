//! Connections to upstreams, watched for their first bytes: whether an answer had begun decides whether a request may be sent again, and
//! the first byte tells HTTP/2 from anything else. Not here: what is sent over them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use evenkeel_model::Millis;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::gather;
use crate::keepalive;
use crate::limits::within;

/// Connects, within a limit.
pub(crate) async fn connect(address: SocketAddr, limit: Millis) -> io::Result<TcpStream> {
    let stream = timeout(within(limit), TcpStream::connect(address)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    // What we pass on is already in the pieces its sender chose: waiting for more would add latency alone.
    stream.set_nodelay(true)?;
    keepalive::probe(&stream)?;
    Ok(stream)
}

/// A connection whose reads are noted.
#[derive(Debug)]
pub(crate) struct Tap {
    inner: TcpStream,
    answered: Arc<AtomicBool>,
    first: Option<oneshot::Sender<u8>>,
}

impl Tap {
    /// Begins to note. The flag is set by each read that brings something; the receiver gets the very first byte, or an error if there is none.
    pub(crate) fn new(inner: TcpStream) -> (Self, Arc<AtomicBool>, oneshot::Receiver<u8>) {
        let answered = Arc::new(AtomicBool::new(false));
        let (first, byte) = oneshot::channel();
        (Self { inner, answered: answered.clone(), first: Some(first) }, answered, byte)
    }
}

impl AsyncRead for Tap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        let byte = buf.filled().get(before).copied();
        if byte.is_some() {
            self.answered.store(true, Ordering::Release);
        }
        // Dropped without a byte at the end of the stream: that is an answer too.
        if let Some(first) = self.first.take()
            && let Some(byte) = byte
        {
            let _ = first.send(byte);
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        gather::poll_write(&mut self.inner, cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_probed() {
        let upstream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = connect(upstream.local_addr().unwrap(), Millis::seconds(5)).await.unwrap();
        assert!(keepalive::is_probed(&stream));
    }
}
