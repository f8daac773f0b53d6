//! When the next request of a connection is due: an open loop, so that a slow answer makes no later request disappear.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// The moments at which one connection asks.
#[derive(Debug)]
pub(crate) struct Schedule {
    next: Instant,
    interval: Duration,
    left: u64,
    ending: CancellationToken,
}

impl Schedule {
    /// The first at `first`, and then one each `interval`, `left` in all.
    pub(crate) fn new(first: Instant, interval: Duration, left: u64, ending: CancellationToken) -> Self {
        Self { next: first, interval, left, ending }
    }

    /// Waits for the next moment, and not at all where it has passed; returns how late it is. `None`: the end has come.
    pub(crate) async fn due(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let due = self.next;
        self.next += self.interval;
        tokio::select! {
            biased;
            () = self.ending.cancelled() => None,
            () = sleep_until(due) => Some(due.elapsed()),
        }
    }
}
