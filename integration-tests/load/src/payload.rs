//! A request's body: nothing, or so many of the bytes that can be checked.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use evenkeel_test_program::payload::fill;
use hyper::body::{Body, Bytes, Frame, SizeHint};

/// Handed over at a time.
const CHUNK_BYTES: u64 = 64 * 1024;

/// The bytes from `place` to `end`.
#[derive(Debug)]
pub(crate) struct Payload {
    place: u64,
    end: u64,
}

impl Payload {
    /// This many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { place: 0, end: bytes }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let bytes = (self.end - self.place).min(CHUNK_BYTES);
        let mut chunk = vec![0; usize::try_from(bytes).unwrap_or_default()];
        fill(self.place, &mut chunk);
        self.place += bytes;
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.place == self.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end - self.place)
    }
}
