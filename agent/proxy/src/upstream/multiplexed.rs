//! HTTP/2 connections to one upstream: each carries many requests, and more are opened when the upstream allows no more on one.
//! Not here: one of them (`trunk`), what is sent (`http/send`), HTTP/1.1 (`pool`).

mod trunk;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use evenkeel_model::Millis;
use tokio::time::{Instant, sleep, timeout};

use super::Live;
use crate::Limits;
use crate::limits::within;

pub(crate) use trunk::Slot;
use trunk::Trunk;

/// What is known of the upstream.
const UNKNOWN: u8 = 0;
const SPEAKS: u8 = 1;
const SPEAKS_NOT: u8 = 2;

/// The connections.
#[derive(Debug, Default)]
pub(crate) struct Multiplexed {
    trunks: Mutex<Vec<Trunk>>,
    reaping: AtomicBool,
    /// Held while one is opened, across an await on purpose: a hundred requests that find none must not open a hundred.
    opening: tokio::sync::Mutex<()>,
    /// Attempts to open one that failed.
    failures: AtomicUsize,
    speaks: AtomicU8,
}

/// Why there is no place.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// No connection.
    Unreached(io::Error),
    /// A connection, but no HTTP/2.
    OtherProtocol,
}

impl Multiplexed {
    /// Whether it is known to speak something else.
    pub(crate) fn speaks_not(&self) -> bool {
        self.speaks.load(Ordering::Relaxed) == SPEAKS_NOT
    }

    /// A place on an open connection, or on a new one; with `since` on one that was opened after that. Says whether the connection was used
    /// before.
    pub(crate) async fn slot(
        &self,
        live: &Arc<Live>,
        limits: &Limits,
        since: Option<Instant>,
    ) -> Result<(Slot, bool), Unusable> {
        let free = || self.free(since, limits.upstream_idle);
        if let Some(slot) = free() {
            return Ok((slot, true));
        }
        let failures = self.failures.load(Ordering::SeqCst);
        let _opening = self.opening.lock().await;
        if let Some(slot) = free() {
            return Ok((slot, true));
        }
        if self.failures.load(Ordering::SeqCst) != failures {
            // Whoever was before us has tried for us too: in a row, their time limits would add up.
            return Err(Unusable::Unreached(io::ErrorKind::ConnectionRefused.into()));
        }
        let trunk = self.open(live, limits).await.inspect_err(|error| {
            if matches!(error, Unusable::Unreached(_)) {
                self.failures.fetch_add(1, Ordering::SeqCst);
            }
        })?;
        let slot = trunk.slot();
        self.keep(live, trunk, limits.upstream_idle);
        Ok((slot, false))
    }

    /// Forgets a connection that failed; what is on it still may end well.
    pub(crate) fn forget(&self, slot: &Slot) {
        self.trunks().retain(|trunk| !trunk.has(slot));
    }

    /// It has answered in another protocol. What once spoke HTTP/2 has not forgotten it.
    pub(crate) fn learn_other_protocol(&self) {
        let _ = self.speaks.compare_exchange(UNKNOWN, SPEAKS_NOT, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Closes all, once what is in flight on them has ended.
    pub(crate) fn clear(&self) {
        self.trunks().clear();
    }

    fn free(&self, since: Option<Instant>, limit: Millis) -> Option<Slot> {
        let mut trunks = self.trunks();
        let now = Instant::now();
        trunks.retain(|trunk| trunk.is_kept(now, within(limit)));
        let is_meant = |trunk: &&Trunk| trunk.has_room() && since.is_none_or(|since| trunk.is_newer(since));
        trunks.iter().find(is_meant).map(Trunk::slot)
    }

    /// Keeps one for the next requests; not if the upstream is retired.
    fn keep(&self, live: &Arc<Live>, trunk: Trunk, limit: Millis) {
        {
            let mut trunks = self.trunks();
            // Under the lock: `retire` sets the mark before it clears the list. The request that opened it still has its own handle.
            if live.is_retired() {
                return;
            }
            trunks.push(trunk);
        }
        if !self.reaping.swap(true, Ordering::SeqCst) {
            tokio::spawn(reap(Arc::downgrade(live), limit));
        }
    }

    fn trunks(&self) -> MutexGuard<'_, Vec<Trunk>> {
        self.trunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens one, and waits for the upstream's first byte before any request is risked: a server's first frame is SETTINGS, whose first
    /// byte is 0; anything else (`HTTP/1.1 400`, the end) is another protocol.
    async fn open(&self, live: &Live, limits: &Limits) -> Result<Trunk, Unusable> {
        let stream = live.connect(limits).await.map_err(Unusable::Unreached)?;
        let begun = Trunk::begin(stream, &live.cut).await;
        let (trunk, first) = begun.map_err(|error| Unusable::Unreached(io::Error::other(error)))?;
        let first = timeout(within(limits.connect), first)
            .await
            .map_err(|_| Unusable::Unreached(io::ErrorKind::TimedOut.into()))?;
        if first == Ok(0) {
            self.speaks.store(SPEAKS, Ordering::Relaxed);
            return Ok(trunk);
        }
        if self.speaks.load(Ordering::Relaxed) == SPEAKS {
            return Err(Unusable::Unreached(io::ErrorKind::ConnectionReset.into()));
        }
        Err(Unusable::OtherProtocol)
    }
}

/// Closes what is unused for too long, and ends when nothing is left.
async fn reap(live: Weak<Live>, limit: Millis) {
    loop {
        sleep(within(limit)).await;
        let Some(live) = live.upgrade() else { return };
        let mut trunks = live.multiplexed.trunks();
        let now = Instant::now();
        trunks.retain(|trunk| trunk.is_kept(now, within(limit)));
        if trunks.is_empty() {
            // Still under the lock: whoever keeps one after this starts another.
            live.multiplexed.reaping.store(false, Ordering::SeqCst);
            return;
        }
    }
}
