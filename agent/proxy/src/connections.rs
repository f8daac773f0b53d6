//! How many connections clients have, in all and on each port, and the bounds on both. Not here: accepting them (`listener`).

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::Limits;

/// Counts connections.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    open: AtomicUsize,
    most: usize,
    /// What this is a part of.
    whole: Option<Arc<Self>>,
    /// One ended that others may wait for.
    ended: Notify,
}

/// One open connection; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Open(Arc<Inner>);

impl Connections {
    /// None yet.
    pub(crate) fn new(most: usize) -> Self {
        Self::of(most, None)
    }

    /// Those of one port: not all, because one app that is held, or one crowd, would silence every other port of the host.
    pub(crate) fn of_one_port(&self) -> Self {
        Self::of(Limits::of_one_port(self.inner.most), Some(self.inner.clone()))
    }

    fn of(most: usize, whole: Option<Arc<Inner>>) -> Self {
        Self { inner: Arc::new(Inner { open: AtomicUsize::new(0), most: most.max(1), whole, ended: Notify::new() }) }
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.inner.open.load(Ordering::SeqCst)
    }

    /// Counts a new one, also in what this is a part of.
    pub(crate) fn begin(&self) -> Open {
        self.inner.and_whole().for_each(|inner| {
            inner.open.fetch_add(1, Ordering::SeqCst);
        });
        Open(self.inner.clone())
    }

    /// Waits until one more may be opened. For a part: only whoever opens in it waits, so that no other can fill it meanwhile.
    pub(crate) async fn room(&self) {
        for inner in self.inner.and_whole() {
            inner.below(inner.most).await;
        }
    }

    /// Waits until none is open.
    pub(crate) async fn none(&self) {
        self.inner.below(1).await;
    }
}

impl Inner {
    fn and_whole(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.whole.as_deref())
    }

    async fn below(&self, bound: usize) {
        loop {
            let mut ended = pin!(self.ended.notified());
            // Before the count is read: an end between the two must wake us.
            ended.as_mut().enable();
            if self.open.load(Ordering::SeqCst) < bound {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        for inner in self.0.and_whole() {
            let before = inner.open.fetch_sub(1, Ordering::SeqCst);
            if before >= inner.most || before == 1 {
                inner.ended.notify_waiters();
            }
        }
    }
}
