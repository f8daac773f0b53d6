//! One HTTP/2 connection to an upstream, and the places on it. Not here: how many there are (`multiplexed`).

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connect::Tap;
use crate::http::ClientBody;

/// Requests on one connection, however many the upstream allows: see [`STREAM_WINDOW`].
const STREAMS: u32 = 64;

/// What an upstream may send of one answer before its client takes any: many times what is under way between two containers of a host.
///
/// The connection's own window is that of all its streams together. Were it less, a few clients that take nothing would fill it, and no
/// other answer on the connection would come any more. So this is also what clients can make us keep: 16 MiB for each connection.
const STREAM_WINDOW: u32 = 256 * 1024;

/// Requests on one connection over its life. Our side of HTTP/2 counts the empty pieces of answers that come over a connection, tells nobody, and
/// at a hundred breaks it off with whatever is on it; some apps send one with each answer. So a connection goes long before.
const MOST_REQUESTS: usize = 64;

#[derive(Debug, Clone)]
pub(super) struct Trunk {
    sender: SendRequest<ClientBody>,
    load: Arc<Load>,
    /// Cancelled when it takes no more requests.
    ended: CancellationToken,
}

/// What is on a connection.
#[derive(Debug)]
struct Load {
    opened: Instant,
    active: AtomicUsize,
    /// How many may be, as far as the upstream has said.
    most: AtomicUsize,
    /// How many have been.
    taken: AtomicUsize,
    /// When the last one ended: milliseconds after `opened`.
    idle_since: AtomicU64,
}

/// A place for one request on a connection; free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Sends the request. To be dropped with that: see `http/send`.
    pub(crate) sender: Option<SendRequest<ClientBody>>,
    /// Cancelled when the connection takes no more requests.
    pub(crate) ended: CancellationToken,
    load: Arc<Load>,
}

impl Trunk {
    /// Speaks HTTP/2 over it until it ends or is cut. The receiver gets the upstream's first byte.
    pub(super) async fn begin(
        stream: TcpStream,
        cut: &CancellationToken,
    ) -> hyper::Result<(Self, oneshot::Receiver<u8>)> {
        let (tap, _, first) = Tap::new(stream);
        let spawner = UntilCut(cut.clone());
        let mut builder = http2::Builder::new(spawner.clone());
        builder.timer(TokioTimer::new()).initial_stream_window_size(STREAM_WINDOW);
        builder.initial_connection_window_size(STREAM_WINDOW * STREAMS);
        let (sender, mut connection) = builder.handshake(TokioIo::new(tap)).await?;
        let (load, ended) = (Arc::new(Load::new()), CancellationToken::new());
        let trunk = Self { sender, load: load.clone(), ended: ended.clone() };
        let serving = poll_fn(move |cx| {
            let ended = Pin::new(&mut connection).poll(cx);
            if ended.is_pending() {
                load.most.store(connection.current_max_send_streams().min(STREAMS as usize), Ordering::SeqCst);
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
        Ok((trunk, first))
    }

    /// A place on it.
    pub(super) fn slot(&self) -> Slot {
        self.load.active.fetch_add(1, Ordering::SeqCst);
        self.load.taken.fetch_add(1, Ordering::SeqCst);
        Slot { sender: Some(self.sender.clone()), ended: self.ended.clone(), load: self.load.clone() }
    }

    /// Whether there is a place on it.
    pub(super) fn has_room(&self) -> bool {
        !self.load.is_used_up() && self.load.active.load(Ordering::SeqCst) < self.load.most.load(Ordering::SeqCst)
    }

    /// Whether it was opened after that moment.
    pub(super) fn is_newer(&self, than: Instant) -> bool {
        self.load.opened > than
    }

    /// Whether it is open, and in use or was so within the limit.
    pub(super) fn is_kept(&self, now: Instant, limit: Duration) -> bool {
        !self.sender.is_closed()
            && (self.load.active.load(Ordering::SeqCst) > 0
                || (!self.load.is_used_up() && now < self.load.idle_since() + limit))
    }

    /// Whether the place is on this one.
    pub(super) fn has(&self, slot: &Slot) -> bool {
        Arc::ptr_eq(&self.load, &slot.load)
    }
}

impl Load {
    fn new() -> Self {
        Self {
            opened: Instant::now(),
            active: AtomicUsize::new(0),
            most: AtomicUsize::new(STREAMS as usize),
            taken: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
        }
    }

    fn is_used_up(&self) -> bool {
        self.taken.load(Ordering::SeqCst) >= MOST_REQUESTS
    }

    fn idle_since(&self) -> Instant {
        self.opened + Duration::from_millis(self.idle_since.load(Ordering::SeqCst))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Before the count: whoever finds none must not find an older end.
        let now = u64::try_from(self.load.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.load.idle_since.store(now, Ordering::SeqCst);
        self.load.active.fetch_sub(1, Ordering::SeqCst);
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
