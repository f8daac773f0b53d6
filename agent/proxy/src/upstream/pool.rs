//! HTTP/1.1 connections to one upstream, kept for a moment for the next request. Not here: opening them (`http/send`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ::http::{Request, Response};
use evenkeel_model::Millis;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::SendRequest;
use tokio::time::{Instant, sleep};

use super::Live;
use crate::http::ClientBody;
use crate::limits::within;

/// One connection; closed when this is dropped and nothing is under way on it.
///
/// Whoever waits for an answer has it in hand, and so the sender; and a request that is queued in the very moment in which its connection
/// ends may be seen by neither side: tokio's channel keeps it until the last sender is dropped. So the connection itself drops the sender
/// at its end ([`Ended`]), and whatever is stranded comes back as unsent. An answer that is on its way still comes.
#[derive(Debug)]
pub(crate) struct Link {
    sender: Arc<Mutex<Option<SendRequest<ClientBody>>>>,
    answered: Arc<AtomicBool>,
}

/// To be dropped when the connection has ended, after all else of it.
#[derive(Debug)]
pub(crate) struct Ended(Weak<Mutex<Option<SendRequest<ClientBody>>>>);

impl Drop for Ended {
    fn drop(&mut self) {
        let Some(sender) = self.0.upgrade() else { return };
        let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Not under the lock: what is stranded wakes whoever waits for it.
        drop(sender);
    }
}

/// What comes of a request that was sent.
pub(crate) type Answered = Result<Response<Incoming>, TrySendError<Request<ClientBody>>>;

/// Those without a request, the longest unused first.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<(Instant, Link)>>,
    reaping: AtomicBool,
}

impl Link {
    /// A new connection. `answered` is set when anything was read from it.
    pub(crate) fn new(sender: SendRequest<ClientBody>, answered: Arc<AtomicBool>) -> (Self, Ended) {
        let sender = Arc::new(Mutex::new(Some(sender)));
        let ended = Ended(Arc::downgrade(&sender));
        (Self { sender, answered }, ended)
    }

    /// Sends a request; an error gives it back: the connection has ended.
    pub(crate) fn send(
        &self,
        request: Request<ClientBody>,
    ) -> Result<impl Future<Output = Answered> + use<>, Box<Request<ClientBody>>> {
        self.answered.store(false, Ordering::Release);
        match &mut *self.sender() {
            Some(sender) => Ok(sender.try_send_request(request)),
            None => Err(Box::new(request)),
        }
    }

    /// Whether anything of an answer has come since the last request was sent.
    pub(crate) fn answered(&self) -> bool {
        self.answered.load(Ordering::Acquire)
    }

    fn is_open(&self) -> bool {
        self.sender().as_ref().is_some_and(|sender| !sender.is_closed())
    }

    fn is_ready(&self) -> bool {
        self.sender().as_ref().is_some_and(SendRequest::is_ready)
    }

    fn sender(&self) -> MutexGuard<'_, Option<SendRequest<ClientBody>>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// The one that was used last, of those that are open and ready. (One whose answer has just ended may not be ready yet.)
    pub(crate) fn take(&self, limit: Millis) -> Option<Link> {
        let mut idle = self.idle();
        let now = Instant::now();
        let stale = idle.partition_point(|(since, _)| now.duration_since(*since) >= within(limit));
        idle.drain(..stale);
        for at in (0..idle.len()).rev() {
            let link = &idle[at].1;
            if !link.is_open() {
                idle.remove(at);
            } else if link.is_ready() {
                return Some(idle.remove(at).1);
            }
        }
        None
    }

    /// Keeps one for the next request, at most for the limit; not if the upstream is retired.
    pub(crate) fn put(live: &Arc<Live>, link: Link, limit: Millis) {
        {
            let mut idle = live.pool.idle();
            // Under the lock: `retire` sets the mark before it clears the list.
            if live.is_retired() || !link.is_open() {
                return;
            }
            idle.push((Instant::now(), link));
        }
        if !live.pool.reaping.swap(true, Ordering::SeqCst) {
            tokio::spawn(reap(Arc::downgrade(live), limit));
        }
    }

    /// Closes all.
    pub(crate) fn clear(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Instant, Link)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what is unused for too long, and ends when nothing is left.
async fn reap(live: std::sync::Weak<Live>, limit: Millis) {
    loop {
        sleep(within(limit)).await;
        let Some(live) = live.upgrade() else { return };
        let mut idle = live.pool.idle();
        let now = Instant::now();
        idle.retain(|(since, _)| now.duration_since(*since) < within(limit));
        if idle.is_empty() {
            // Still under the lock: whoever puts one in after this starts another.
            live.pool.reaping.store(false, Ordering::SeqCst);
            return;
        }
    }
}
