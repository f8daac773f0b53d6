//! HTTP/2 connections to one upstream: each carries many requests, and more are opened when the upstream allows no more on one.
//! Not here: what is sent (`http/send`), HTTP/1.1 (`pool`).

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Live;
use crate::Limits;
use crate::connect::Tap;
use crate::http::ClientBody;
use crate::limits::within;

/// What is known of the upstream.
const UNKNOWN: u8 = 0;
const SPEAKS: u8 = 1;
const SPEAKS_NOT: u8 = 2;

/// Requests on one connection until the upstream has said how many it allows: hyper's own assumption.
const ASSUMED: usize = 100;

/// The connections.
#[derive(Debug, Default)]
pub(crate) struct Multiplexed {
    trunks: Mutex<Vec<Trunk>>,
    /// Held while one is opened, across an await on purpose: a hundred requests that find none must not open a hundred.
    opening: tokio::sync::Mutex<()>,
    /// Attempts to open one that failed.
    failures: AtomicUsize,
    speaks: AtomicU8,
}

#[derive(Debug, Clone)]
struct Trunk {
    sender: SendRequest<ClientBody>,
    active: Arc<AtomicUsize>,
    /// How many the upstream allows on it; until it has said so, what hyper assumes.
    most: Arc<AtomicUsize>,
    /// Cancelled when it takes no more requests.
    ended: CancellationToken,
}

/// A place for one request on a connection; free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Sends the request. To be dropped with that: see `http/send`.
    pub(crate) sender: Option<SendRequest<ClientBody>>,
    /// Cancelled when the connection takes no more requests.
    pub(crate) ended: CancellationToken,
    active: Arc<AtomicUsize>,
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

    /// A place on an open connection, or on a new one; with `fresh` only on a new one. Says whether the connection was used before.
    pub(crate) async fn slot(&self, live: &Live, limits: &Limits, fresh: bool) -> Result<(Slot, bool), Unusable> {
        let free = || if fresh { None } else { self.free() };
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
        let mut trunks = self.trunks();
        // Under the lock: `retire` sets the mark before it clears the list. This request still has its own handle.
        if !live.is_retired() {
            trunks.push(trunk);
        }
        Ok((slot, false))
    }

    /// Forgets a connection that failed; what is on it still may end well.
    pub(crate) fn forget(&self, slot: &Slot) {
        self.trunks().retain(|trunk| !Arc::ptr_eq(&trunk.active, &slot.active));
    }

    /// It has answered in another protocol. What once spoke HTTP/2 has not forgotten it.
    pub(crate) fn learn_other_protocol(&self) {
        let _ = self.speaks.compare_exchange(UNKNOWN, SPEAKS_NOT, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Closes all, once what is in flight on them has ended.
    pub(crate) fn clear(&self) {
        self.trunks().clear();
    }

    fn free(&self) -> Option<Slot> {
        let mut trunks = self.trunks();
        trunks.retain(|trunk| !trunk.sender.is_closed());
        trunks.iter().find(|trunk| trunk.has_room()).map(Trunk::slot)
    }

    fn trunks(&self) -> MutexGuard<'_, Vec<Trunk>> {
        self.trunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens one, and waits for the upstream's first byte before any request is risked: a server's first frame is SETTINGS, whose first
    /// byte is 0; anything else (`HTTP/1.1 400`, the end) is another protocol.
    async fn open(&self, live: &Live, limits: &Limits) -> Result<Trunk, Unusable> {
        let stream = live.connect(limits).await.map_err(Unusable::Unreached)?;
        let (tap, _, first) = Tap::new(stream);
        let spawner = UntilCut(live.cut.clone());
        let handshake = http2::Builder::new(spawner.clone()).timer(TokioTimer::new()).handshake(TokioIo::new(tap));
        let (sender, mut connection) = handshake.await.map_err(|error| Unusable::Unreached(io::Error::other(error)))?;
        let most = Arc::new(AtomicUsize::new(ASSUMED));
        let ended = CancellationToken::new();
        let trunk = Trunk { sender, active: Arc::default(), most: most.clone(), ended: ended.clone() };
        let serving = poll_fn(move |cx| {
            let ended = Pin::new(&mut connection).poll(cx);
            if ended.is_pending() {
                most.store(connection.current_max_send_streams(), Ordering::SeqCst);
            }
            ended
        });
        hyper::rt::Executor::execute(&spawner, async move {
            // Also when this task is cut.
            let _ended = ended.drop_guard();
            if let Err(error) = serving.await {
                tracing::debug!(%error, "a connection to an upstream ended");
            }
        });
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

impl Trunk {
    fn has_room(&self) -> bool {
        self.active.load(Ordering::SeqCst) < self.most.load(Ordering::SeqCst)
    }

    fn slot(&self) -> Slot {
        self.active.fetch_add(1, Ordering::SeqCst);
        Slot { sender: Some(self.sender.clone()), ended: self.ended.clone(), active: self.active.clone() }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.active.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs hyper's tasks of a connection until the upstream is cut.
#[derive(Debug, Clone)]
struct UntilCut(CancellationToken);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for UntilCut {
    fn execute(&self, task: F) {
        let cut = self.0.child_token();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = cut.cancelled() => {}
                () = task => {}
            }
        });
    }
}
