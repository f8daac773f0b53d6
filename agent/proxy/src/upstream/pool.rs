//! HTTP/1.1 connections to one upstream, kept for a moment for the next request. Not here: opening them (`http/send`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_model::Millis;
use hyper::client::conn::http1::SendRequest;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Live;
use crate::http::ClientBody;
use crate::limits::within;

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    /// Sends requests over it. None: it has ended.
    pub(crate) sender: Option<SendRequest<ClientBody>>,
    /// Cancelled when it has ended.
    pub(crate) ended: CancellationToken,
    /// Set when anything was read from it.
    pub(crate) answered: Arc<AtomicBool>,
}

/// Those without a request, the longest unused first.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<(Instant, Link)>>,
    reaping: AtomicBool,
}

impl Link {
    fn is_open(&self) -> bool {
        self.sender.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    fn is_ready(&self) -> bool {
        self.sender.as_ref().is_some_and(SendRequest::is_ready)
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
