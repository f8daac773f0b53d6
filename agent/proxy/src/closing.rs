//! A listener's way to tell its connections that they should end when it suits them. Not here: what they do then (`http/server`).

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Told once.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    // Beside the token because it is read for each answer, and the token's own state is behind a lock.
    told: AtomicBool,
    /// To wait for it.
    pub(crate) token: CancellationToken,
}

impl Closing {
    /// Tells.
    pub(crate) fn tell(&self) {
        self.told.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Whether it was told.
    pub(crate) fn told(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }
}
