//! Work that must go on as long as its worker: begun again if it ends, or panics where that is not the process's end. Not here: the work.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;

/// Before it begins again: whatever was wrong is hardly better at once.
const PAUSE: Duration = Duration::from_secs(30);

/// Never returns. Cancel safe as far as the work is.
pub(super) async fn kept_up<F: Future<Output = ()>>(what: &str, mut work: impl FnMut() -> F) {
    loop {
        let ended = AssertUnwindSafe(async { work().await }).catch_unwind().await;
        let how = if ended.is_ok() { "ended" } else { "panicked" };
        tracing::error!(what, how, again_in = ?PAUSE, "work that must go on has stopped, and is begun again; please report it");
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_ends_or_panics_is_begun_again() {
        let (sender, mut turns) = tokio::sync::mpsc::unbounded_channel();
        let mut turn = 0;
        let kept = tokio::spawn(async move {
            kept_up("counting", || {
                turn += 1;
                let (sender, turn) = (sender.clone(), turn);
                async move {
                    sender.send(turn).unwrap();
                    assert!(turn != 2, "the second turn");
                }
            })
            .await;
        });
        for turn in 1..=3 {
            assert_eq!(turns.recv().await, Some(turn));
        }
        kept.abort();
    }
}
