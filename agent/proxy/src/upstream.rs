//! One upstream of one route, alive: what is in flight on it, and its connections. Not here: who chooses it (`entry`).

mod multiplexed;
mod pool;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::connect::connect;
use crate::{Limits, choose};

pub(crate) use multiplexed::{Multiplexed, Slot, Unusable};
pub(crate) use pool::{Link, Pool};

/// Nothing may start. It is in the same word as the count: whoever adds one to the count knows that this was not yet set, and whoever
/// sets it sees in the count all that started before.
const RETIRED: u64 = 1 << 63;
/// All connections are being closed: nothing is in flight any more, whatever the count.
const CUT: u64 = 1 << 62;

/// An upstream.
#[derive(Debug)]
pub(crate) struct Live {
    /// The container's id.
    pub(crate) id: String,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What a cookie calls it.
    pub(crate) tag: String,
    /// In flight, and the two bits above.
    word: AtomicU64,
    requests: AtomicU64,
    failed: AtomicU64,
    /// Ends every connection.
    pub(crate) cut: CancellationToken,
    /// HTTP/1.1 connections without a request.
    pub(crate) pool: Pool,
    /// HTTP/2 connections.
    pub(crate) multiplexed: Multiplexed,
    /// The last attempt to connect failed.
    unreached: AtomicBool,
    wake: Wake,
}

/// Whom an upstream wakes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wake {
    /// The last in flight on a draining one has ended: the caller of the proxy.
    pub(crate) drained: Arc<watch::Sender<()>>,
    /// It accepts again: those that wait for the route.
    pub(crate) changed: Arc<watch::Sender<()>>,
}

impl Live {
    /// Takes requests from now on.
    pub(crate) fn new(id: &str, address: SocketAddr, wake: Wake) -> Self {
        Self {
            id: id.to_owned(),
            address,
            tag: choose::tag(id),
            word: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            cut: CancellationToken::new(),
            pool: Pool::default(),
            multiplexed: Multiplexed::default(),
            unreached: AtomicBool::new(false),
            wake,
        }
    }

    /// Opens a connection. The first that succeeds after one that failed wakes all that wait for the route.
    pub(crate) async fn connect(&self, limits: &Limits) -> io::Result<TcpStream> {
        let connected = connect(self.address, limits.connect).await;
        if self.unreached.swap(connected.is_err(), Ordering::SeqCst) && connected.is_ok() {
            self.wake.changed.send_replace(());
        }
        connected
    }

    /// Counts one more in flight. None once it is retired: choose again.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<InFlight> {
        let add = |word: u64| (word & RETIRED == 0).then_some(word + 1);
        self.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add).ok()?;
        Some(InFlight(self.clone()))
    }

    /// Nothing starts any more. Unused connections are closed: a request on one would be lost when the container stops.
    pub(crate) fn retire(&self) {
        if self.word.fetch_or(RETIRED, Ordering::SeqCst) & RETIRED == 0 {
            self.pool.clear();
            self.multiplexed.clear();
        }
    }

    /// Takes requests again, unless it was cut.
    pub(crate) fn revive(&self) {
        let clear = |word: u64| (word & CUT == 0).then_some(word & !RETIRED);
        let _ = self.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, clear);
    }

    /// Ends everything on a retired one. Says how many that were.
    pub(crate) fn cut(&self) -> u64 {
        let retired = |word: u64| (word & (RETIRED | CUT) == RETIRED).then_some(word | CUT);
        let Ok(word) = self.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, retired) else { return 0 };
        self.cut.cancel();
        self.wake.drained.send_replace(());
        word & !RETIRED
    }

    /// Whether nothing may start.
    pub(crate) fn is_retired(&self) -> bool {
        self.word.load(Ordering::SeqCst) & RETIRED != 0
    }

    /// Whether it was cut.
    pub(crate) fn is_cut(&self) -> bool {
        self.word.load(Ordering::SeqCst) & CUT != 0
    }

    /// How many are in flight.
    pub(crate) fn in_flight(&self) -> u64 {
        let word = self.word.load(Ordering::SeqCst);
        if word & CUT == 0 { word & !RETIRED } else { 0 }
    }

    /// All that were ever sent, and how many of them failed.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    /// One more was sent, or connected.
    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// One of those that were sent came to nothing because of it.
    pub(crate) fn count_failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counted as in flight while it lives.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Live>);

impl std::ops::Deref for InFlight {
    type Target = Arc<Live>;

    fn deref(&self) -> &Arc<Live> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let before = self.0.word.fetch_sub(1, Ordering::SeqCst);
        if before == RETIRED | 1 {
            self.0.wake.drained.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests;
