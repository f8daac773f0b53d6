//! When something last came by a stream. Whoever reads the stream notes it, and the controller looks when the lease falls due: ten thousand beats in two
//! seconds are no events. Not here: what a late word means (`live.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use evenkeel_model::{Millis, UnixMillis};

/// When something last came by a stream.
#[derive(Debug, Clone)]
pub struct Heard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// When the stream was taken, by the two clocks, which go on together.
    began: (Instant, UnixMillis),
    /// Microseconds from then to the last word.
    after: AtomicU64,
}

impl Heard {
    /// The stream is taken now.
    pub(super) fn begin(now: UnixMillis) -> Self {
        Self(Arc::new(Inner { began: (Instant::now(), now), after: AtomicU64::new(0) }))
    }

    /// Something came by it now.
    pub fn note(&self) {
        let after = u64::try_from(self.0.began.0.elapsed().as_micros()).unwrap_or(u64::MAX);
        // Of two that note at once either will do.
        self.0.after.store(after, Ordering::Relaxed);
    }

    /// When that was.
    pub(super) fn at(&self) -> Instant {
        self.0.began.0 + self.after()
    }

    /// The same by the wall clock.
    pub(super) fn at_wall(&self) -> UnixMillis {
        self.0.began.1 + Millis::from(self.after())
    }

    fn after(&self) -> Duration {
        Duration::from_micros(self.0.after.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_noted_by_one_is_seen_by_the_other_on_both_clocks() {
        let (heard, began) = (Heard::begin(UnixMillis(1_000)), Instant::now());
        assert_eq!((heard.at(), heard.at_wall()), (began, UnixMillis(1_000)));
        tokio::time::advance(Duration::from_millis(2_500)).await;
        assert_eq!(heard.at(), began);
        heard.clone().note();
        assert_eq!((heard.at(), heard.at_wall()), (began + Duration::from_millis(2_500), UnixMillis(3_500)));
    }
}
