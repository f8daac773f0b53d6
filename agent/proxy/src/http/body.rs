//! Bodies on their way through: frame by frame, at the pace of whoever takes them. Not here: framing, which is hyper's.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use evenkeel_model::Millis;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use super::client::{Active, Client};
use super::pace;
use super::send::Lease;
use super::upload::Upload;
use crate::limits::within;

/// A request's body, from the client to the upstream.
#[derive(Debug)]
pub(crate) struct ClientBody {
    inner: Option<Incoming>,
    side: Option<Box<Side>>,
    upload: Option<Arc<Upload>>,
}

/// Only requests that have a body have it.
struct Side {
    client: Arc<Client>,
    /// Resolves once the body may be asked for; false: it is not wanted.
    gate: Option<Pin<Box<dyn Future<Output = bool> + Send>>>,
    /// How long nothing may come.
    stall: Millis,
    timer: Option<Pin<Box<Sleep>>>,
}

impl std::fmt::Debug for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Side").field("stall", &self.stall).finish_non_exhaustive()
    }
}

/// Why a request's body ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The client broke it off.
    #[error("the client broke off the request's body")]
    Client(#[source] hyper::Error),
    /// The client sends nothing any more.
    #[error("the request's body stopped arriving")]
    Stalled,
    /// The answer came first, and the client waits to be asked for the body.
    #[error("the request's body is not wanted")]
    Unwanted,
}

impl ClientBody {
    /// None.
    pub(super) fn empty() -> Self {
        Self { inner: None, side: None, upload: None }
    }

    /// What the client sends. `expects`: it waits to be asked. `stall`: how long nothing may come.
    pub(super) fn new(inner: Incoming, client: &Arc<Client>, expects: bool, stall: Millis) -> Self {
        if inner.is_end_stream() {
            return Self::empty();
        }
        let upload = Arc::new(Upload::new(expects));
        let gate = expects.then(|| upload.gate());
        let side = Side { client: client.clone(), gate, stall, timer: None };
        Self { inner: Some(inner), side: Some(Box::new(side)), upload: Some(upload) }
    }

    /// What is shared with the answer; none without a body.
    pub(super) fn upload(&self) -> Option<Arc<Upload>> {
        self.upload.clone()
    }

    fn ended(&mut self) {
        self.inner = None;
        if let Some(side) = self.side.take() {
            side.client.scan().body_ended();
        }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let (Some(inner), Some(side), Some(upload)) = (&mut this.inner, &mut this.side, &this.upload) else {
            return Poll::Ready(None);
        };
        if let Some(gate) = &mut side.gate {
            if !ready!(gate.as_mut().poll(cx)) {
                return Poll::Ready(Some(Err(BodyError::Unwanted)));
            }
            side.gate = None;
        }
        let Poll::Ready(frame) = Pin::new(&mut *inner).poll_frame(cx) else {
            if side.stall.0 == 0 || upload.answered() {
                return Poll::Pending;
            }
            let stall = side.stall;
            ready!(side.timer.get_or_insert_with(|| Box::pin(sleep(within(stall)))).as_mut().poll(cx));
            // Once the answer has begun a silent client is the app's to judge: both may be talking to each other.
            return if upload.answered() { Poll::Pending } else { Poll::Ready(Some(Err(BodyError::Stalled))) };
        };
        side.timer = None;
        if inner.is_end_stream() || !matches!(frame, Some(Ok(_))) {
            this.ended();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Client)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        self.ended();
    }
}

/// An answer's body, to the client.
#[derive(Debug)]
pub(super) enum AnswerBody {
    /// Ours.
    Own(Bytes),
    /// The upstream's, with what is held until it has ended.
    Passed {
        /// What comes.
        inner: Incoming,
        /// Counted as in flight; gone once the body has ended.
        lease: Option<Lease>,
        /// To a stream of HTTP/2, which is watched.
        is_watched: bool,
        /// The client's request is being served until this is dropped.
        _active: Active,
    },
}

impl AnswerBody {
    /// A text of ours.
    pub(super) fn own(text: Bytes) -> Self {
        Self::Own(text)
    }

    /// Whether it is ours.
    pub(super) fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Own(text) if text.is_empty() => Poll::Ready(None),
            Self::Own(text) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(text))))),
            Self::Passed { inner, lease, is_watched, .. } => {
                if *is_watched {
                    pace::asked();
                }
                let frame = ready!(Pin::new(&mut *inner).poll_frame(cx));
                if *is_watched {
                    pace::handed();
                }
                let is_over = frame.is_none() || inner.is_end_stream();
                match (&frame, lease.take()) {
                    (Some(Err(_)), Some(lease)) => lease.broke(),
                    (_, Some(lease)) if is_over => lease.ended(),
                    (_, held) => *lease = held,
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(text) => text.is_empty(),
            Self::Passed { inner, .. } => inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(text) => SizeHint::with_exact(text.len() as u64),
            Self::Passed { inner, .. } => inner.size_hint(),
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        // An answer without a body is dropped and never polled.
        if let Self::Passed { inner, lease, .. } = self
            && inner.is_end_stream()
            && let Some(lease) = lease.take()
        {
            lease.ended();
        }
    }
}
