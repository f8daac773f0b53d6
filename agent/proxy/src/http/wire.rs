//! A client's connection as hyper reads and writes it, with the two limits that hyper does not have: the time for a whole head counted from
//! its first byte, and the time in which a client takes nothing. Not here: the time without any request (`server`).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::client::Client;
use crate::gather;
use crate::limits::within;

const SLOW_HEAD: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: text/plain\r\nx-evenkeel-proxy: slow-head\r\n\
content-length: 45\r\n\r\nthe request's head took too long to arrive.\r\n";

/// HTTP/2: the longest that is written where nothing of an answer is: a ping and what goes with it.
const TALK: usize = 64;

type Timer = Option<Pin<Box<Sleep>>>;

/// The connection.
pub(super) struct Wire<I> {
    inner: I,
    /// What was read before it was known to be HTTP/1.1.
    early: Bytes,
    client: Arc<Client>,
    /// Heads are looked at.
    heads: bool,
    head: Timer,
    blocked: Timer,
    ended: bool,
}

impl<I> Wire<I> {
    /// HTTP/1.1, or HTTP/2, whose heads are not looked at.
    pub(super) fn new(inner: I, early: Bytes, client: Arc<Client>, heads: bool) -> Self {
        Self { inner, early, client, heads, head: None, blocked: None, ended: false }
    }

    fn is_raw(&self) -> bool {
        self.client.raw.load(Ordering::Acquire)
    }

    fn note(&self, bytes: &[u8]) {
        if self.heads && !bytes.is_empty() && !self.is_raw() {
            self.client.scan().feed(bytes);
        }
    }

    /// Whether a head has begun and is not complete, while hyper waits for it.
    fn is_within_head(&self) -> bool {
        self.heads && !self.is_raw() && !self.client.is_active() && self.client.scan().begun()
    }

    /// HTTP/2: what hyper has got of an answer may be on its way long after the request has ended here.
    fn note_taken(&self, written: &io::Result<usize>) {
        if !self.heads && written.as_ref().is_ok_and(|count| *count > TALK) {
            self.client.touch();
        }
    }

    /// The client takes nothing: pending, until it is too long. Within TLS a write is done once it is encrypted; what tells is the flush.
    fn poll_blocked(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.is_raw() {
            return Poll::Pending;
        }
        self.client.block();
        let limit = self.client.shared.limits.write_stall;
        let timer = self.blocked.get_or_insert_with(|| Box::pin(sleep(within(limit))));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let part = self.early.len().min(buf.remaining());
            self.note(&self.early[..part]);
            buf.put_slice(&self.early[..part]);
            self.early.advance(part);
            return Poll::Ready(Ok(()));
        }
        if self.ended {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut self.inner).poll_read(cx, buf) {
            self.note(&buf.filled()[before..]);
            return Poll::Ready(result);
        }
        if !self.is_within_head() {
            self.head = None;
            return Poll::Pending;
        }
        let limit = self.client.shared.limits.head;
        ready!(self.head.get_or_insert_with(|| Box::pin(sleep(within(limit)))).as_mut().poll(cx));
        // hyper has nothing to write now, so this is the whole answer; it sees the end of the connection.
        let _ = Pin::new(&mut self.inner).poll_write(cx, SLOW_HEAD);
        self.ended = true;
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Poll::Ready(result) = Pin::new(&mut self.inner).poll_write(cx, buf) else {
            return self.poll_blocked(cx).map(Err);
        };
        self.blocked = None;
        self.note_taken(&result);
        Poll::Ready(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Poll::Ready(result) = gather::poll_write(&mut self.inner, cx, bufs) else {
            return self.poll_blocked(cx).map(Err);
        };
        self.blocked = None;
        self.note_taken(&result);
        Poll::Ready(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Poll::Ready(result) = Pin::new(&mut self.inner).poll_flush(cx) else {
            return self.poll_blocked(cx).map(Err);
        };
        self.blocked = None;
        Poll::Ready(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Poll::Ready(result) = Pin::new(&mut self.inner).poll_shutdown(cx) else {
            return self.poll_blocked(cx).map(Err);
        };
        self.blocked = None;
        Poll::Ready(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_slow_head_says_its_own_length() {
        let text = std::str::from_utf8(SLOW_HEAD).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
    }
}
