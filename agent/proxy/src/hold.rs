//! Waiting for an upstream: while none serves, or all refuse. It costs latency instead of an error, up to the route's `hold`.
//! Not here: what is tried in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::entry::{Entry, RouteState};

/// How soon another of those that wait takes over when the one that tries for all has gone.
const TAKE_OVER: Duration = Duration::from_secs(1);

/// One request, or TCP connection, that may have to wait.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    until: Option<Instant>,
    waiter: Option<Waiter>,
}

/// Why nobody waits any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// The route does not hold at all.
    Never,
    /// It was long enough.
    TimeUp,
    /// Too many wait already.
    Full,
}

impl Hold {
    /// Waits until the route has changed or an upstream of it accepts; where nobody else does, also until it is time to try `again`.
    /// The caller looks again after each return: the first returns at once, so that no change can fall between a look and the wait.
    pub(crate) async fn wait(&mut self, entry: &Entry, again: Option<Duration>, most: u64) -> Result<(), Over> {
        if entry.route.hold.0 == 0 {
            return Err(Over::Never);
        }
        let until = *self.until.get_or_insert_with(|| Instant::now() + entry.route.hold.to_std());
        if Instant::now() >= until {
            return Err(Over::TimeUp);
        }
        match &mut self.waiter {
            Some(waiter) if Arc::ptr_eq(&waiter.state, &entry.state) => waiter.wait(until, again).await,
            slot => *slot = Some(Waiter::new(entry.state.clone(), most).ok_or(Over::Full)?),
        }
        Ok(())
    }
}

/// Counted as waiting while it lives.
#[derive(Debug)]
struct Waiter {
    state: Arc<RouteState>,
    changed: watch::Receiver<()>,
}

impl Waiter {
    fn new(state: Arc<RouteState>, most: u64) -> Option<Self> {
        let before = state.waiting.fetch_add(1, Ordering::SeqCst);
        let waiter = Self { changed: state.changed.subscribe(), state };
        (before < most).then_some(waiter)
    }

    async fn wait(&mut self, until: Instant, again: Option<Duration>) {
        let Some(again) = again else {
            let _ = timeout_at(until, self.changed.changed()).await;
            return;
        };
        // Thousands that wait must not connect every 100 ms each.
        loop {
            let probe = Probe::begin(&self.state.probed);
            let next = until.min(Instant::now() + if probe.is_some() { again } else { TAKE_OVER });
            let changed = timeout_at(next, self.changed.changed()).await.is_ok();
            if changed || probe.is_some() || next == until {
                return;
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.state.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Held by the one that tries for all, while it waits for its next attempt.
#[derive(Debug)]
struct Probe<'a>(&'a AtomicBool);

impl<'a> Probe<'a> {
    fn begin(taken: &'a AtomicBool) -> Option<Self> {
        (!taken.swap(true, Ordering::SeqCst)).then_some(Self(taken))
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
