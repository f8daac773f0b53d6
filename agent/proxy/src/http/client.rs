//! One client's connection, as its requests see it. Not here: its bytes (`wire`), its end (`server`).

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::http::HeaderValue;
use tokio::time::Instant;

use super::scan::HeadScan;
use crate::closing::Closing;
use crate::connections::Open;
use crate::shared::Shared;
use crate::terminate::Names;

/// Shared by the connection, its requests and their bodies.
#[derive(Debug)]
pub(crate) struct Client {
    /// The proxy.
    pub(crate) shared: Arc<Shared>,
    /// The port it came in by.
    pub(crate) listen: SocketAddr,
    /// Its address, as a header's value.
    pub(crate) address: HeaderValue,
    /// It speaks TLS, and may be used for these hosts.
    pub(crate) names: Option<Box<dyn Names>>,
    /// The listener would like it to end.
    pub(crate) closing: Arc<Closing>,
    /// It was upgraded: its bytes are nothing of ours any more.
    pub(super) raw: AtomicBool,
    origin: Instant,
    active: AtomicUsize,
    /// Milliseconds after the origin, as the next.
    idle_since: AtomicU64,
    blocked_at: AtomicU64,
    scan: Mutex<HeadScan>,
    _open: Open,
}

impl Client {
    /// A connection that was just accepted.
    pub(crate) fn new(
        shared: Arc<Shared>,
        listen: SocketAddr,
        peer: IpAddr,
        names: Option<Box<dyn Names>>,
        closing: Arc<Closing>,
        open: Open,
    ) -> Self {
        let address = HeaderValue::try_from(peer.to_canonical().to_string()).expect("an address is plain ASCII");
        Self {
            shared,
            listen,
            address,
            names,
            closing,
            raw: AtomicBool::new(false),
            origin: Instant::now(),
            active: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            blocked_at: AtomicU64::new(0),
            scan: Mutex::default(),
            _open: open,
        }
    }

    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> Active {
        self.active.fetch_add(1, Ordering::SeqCst);
        Active(self.clone())
    }

    /// Whether a request is being served.
    pub(super) fn is_active(&self) -> bool {
        self.active.load(Ordering::SeqCst) > 0
    }

    /// When it will have been without a request for so long, if none comes.
    pub(super) fn idle_at(&self, limit: Duration) -> Instant {
        if self.is_active() {
            return Instant::now() + limit;
        }
        self.origin + Duration::from_millis(self.idle_since.load(Ordering::SeqCst)) + limit
    }

    /// It was used just now.
    pub(super) fn touch(&self) {
        self.idle_since.store(self.age(), Ordering::SeqCst);
    }

    /// It takes no bytes just now.
    pub(super) fn block(&self) {
        self.blocked_at.store(self.age(), Ordering::SeqCst);
    }

    /// When it last took no bytes; its beginning, if it always did.
    pub(super) fn blocked_at(&self) -> Instant {
        self.origin + Duration::from_millis(self.blocked_at.load(Ordering::SeqCst))
    }

    fn age(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Its heads.
    pub(super) fn scan(&self) -> MutexGuard<'_, HeadScan> {
        self.scan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being served, until the last byte of its answer was taken.
#[derive(Debug)]
pub(super) struct Active(Arc<Client>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.touch();
        self.0.active.fetch_sub(1, Ordering::SeqCst);
    }
}
