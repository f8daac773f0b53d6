//! How many connections clients have, and the bound on it. Not here: accepting them (`listener`).

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts connections.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    open: AtomicUsize,
    most: usize,
    /// One ended that others may wait for.
    ended: Notify,
}

/// One open connection; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Open(Arc<Inner>);

impl Connections {
    /// None yet.
    pub(crate) fn new(most: usize) -> Self {
        Self { inner: Arc::new(Inner { open: AtomicUsize::new(0), most: most.max(1), ended: Notify::new() }) }
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.inner.open.load(Ordering::SeqCst)
    }

    /// Counts a new one.
    pub(crate) fn begin(&self) -> Open {
        self.inner.open.fetch_add(1, Ordering::SeqCst);
        Open(self.inner.clone())
    }

    /// Waits until one more may be opened.
    pub(crate) async fn room(&self) {
        self.below(self.inner.most).await;
    }

    /// Waits until none is open.
    pub(crate) async fn none(&self) {
        self.below(1).await;
    }

    async fn below(&self, bound: usize) {
        loop {
            let mut ended = pin!(self.inner.ended.notified());
            // Before the count is read: an end between the two must wake us.
            ended.as_mut().enable();
            if self.open() < bound {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let before = self.0.open.fetch_sub(1, Ordering::SeqCst);
        if before >= self.0.most || before == 1 {
            self.0.ended.notify_waiters();
        }
    }
}
