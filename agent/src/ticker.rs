//! The clock that never jumps, as the pure machine counts it. It follows tokio's, so that tests and the simulation move it.
//! Not here: the wall clock, which only certificates are compared with.

use evenkeel_model::Monotonic;
use tokio::time::Instant;

/// Milliseconds since this process began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticker {
    origin: Instant,
}

impl Ticker {
    /// Begins now.
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Monotonic {
        Monotonic(u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// A moment of ours as tokio's timers take it.
    pub(crate) fn instant(&self, at: Monotonic) -> Instant {
        self.origin + std::time::Duration::from_millis(at.0)
    }
}
