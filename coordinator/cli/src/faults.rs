//! Remembers why a wire broke. A coordinator that refuses our certificate says so only when we first read, and HTTP/2 passes on
//! that the wire broke, but not why. Not here: what is said about it (`errors.rs`).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use evenkeel_certs::TlsError;

use crate::dial::Wire;

/// What TLS had to say when a wire last broke. Shared by all wires of a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Option<TlsError>>>);

impl Faults {
    /// The wire, watched.
    pub(crate) fn watch(&self, wire: Box<dyn Wire>) -> Watched {
        Watched { wire, faults: self.clone() }
    }

    /// The last fault, once.
    pub(crate) fn take(&self) -> Option<TlsError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note<T>(&self, result: io::Result<T>) -> Poll<io::Result<T>> {
        if let Some(fault) = result.as_ref().err().and_then(|error| TlsError::found_in(error)) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        }
        Poll::Ready(result)
    }
}

/// A wire whose faults are remembered.
pub(crate) struct Watched {
    wire: Box<dyn Wire>,
    faults: Faults,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.wire).poll_read(cx, to));
        self.faults.note(read)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.wire).poll_write(cx, bytes));
        self.faults.note(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.wire).poll_flush(cx));
        self.faults.note(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}
