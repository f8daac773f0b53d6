//! A rollout as it is now and whenever it changed, as a stream. Each state is made when the reader has room for it, so a slow
//! one gets the newest and misses those in between. Not here: whose rollouts one may follow (`auth.rs`).

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_certs::TimeSource;
use evenkeel_proto::v1::RolloutView;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{StreamEnd, revoked};
use crate::clock::Clock;
use crate::controller::RolloutSnapshot;
use crate::listen::Link;
use crate::view;

/// Between two views of a rollout, for each of its hosts. A view has all of them, and each costs some microseconds to be made, sent and read: three hosts
/// are shown whenever anything changes, ten thousand four times a second, and an end at once.
const PAUSE_PER_HOST: Duration = Duration::from_micros(25);

/// What an rpc gives that streams rollouts.
pub(super) type Rollouts = Pin<Box<dyn Stream<Item = Result<RolloutView, Status>> + Send>>;

/// By what a stream of rollouts is ended.
pub(super) struct Until {
    pub(super) link: Arc<Link>,
    pub(super) time: TimeSource,
    pub(super) stop: CancellationToken,
    /// By which views tell what is to come.
    pub(super) clock: Arc<dyn Clock>,
}

/// Ends after the rollout's last state.
pub(super) fn follow(mut snapshots: watch::Receiver<RolloutSnapshot>, until: Until) -> Rollouts {
    snapshots.mark_changed();
    Box::pin(stream::unfold(Some((snapshots, Duration::ZERO, until)), |state| async move {
        let (mut snapshots, pause, until) = state?;
        let changed = tokio::select! {
            biased;
            end = revoked(&until.link, &until.time, &until.stop) => Err(end),
            // Cancel safe. The last state is seen even if its sender is gone.
            changed = next(&mut snapshots, pause) => changed.map_err(|_| StreamEnd::Lost),
        };
        if let Err(end) = changed {
            return Some((Err(end.into()), None));
        }
        let view = view::rollout(&snapshots.borrow_and_update(), until.clock.now());
        let ended = view.ended.is_some();
        let pause = PAUSE_PER_HOST * u32::try_from(view.hosts.len()).unwrap_or(u32::MAX);
        Some((Ok(view), (!ended).then_some((snapshots, pause, until))))
    }))
}

/// The next state that is to be shown: after a pause the newest, or the end as soon as there is one.
async fn next(
    snapshots: &mut watch::Receiver<RolloutSnapshot>,
    pause: Duration,
) -> Result<(), watch::error::RecvError> {
    // A receiver of its own: what it has looked at, the other one has not seen.
    let mut ending = snapshots.clone();
    let ended = ending.wait_for(|snapshot| snapshot.rollout.outcome().is_some());
    // Either way the newest state is the one to show. An error: there will be no more, and the other receiver says so.
    let _ = timeout(pause, ended).await;
    snapshots.changed().await
}

#[cfg(test)]
mod tests {
    use evenkeel_rollout::{Outcome, State};
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::fixture::rollout;

    const PAUSE: Duration = Duration::from_secs(1);

    fn snapshot(wave: usize, state: State) -> RolloutSnapshot {
        let rollout = Arc::new(evenkeel_rollout::Rollout { wave, state, ..rollout(1, 1) });
        RolloutSnapshot { rollout, waiting: Vec::new(), whys: [].into(), prefetch: [].into() }
    }

    #[tokio::test(start_paused = true)]
    async fn of_what_changes_in_a_pause_the_newest_is_shown_after_it_and_an_end_at_once() {
        let (sender, mut receiver) = watch::channel(snapshot(0, State::Advancing));
        let began = Instant::now();
        let changes = async {
            for wave in 1..=3 {
                sleep(PAUSE / 10).await;
                sender.send_replace(snapshot(wave, State::Advancing));
            }
        };
        let (shown, ()) = tokio::join!(next(&mut receiver, PAUSE), changes);
        assert!(shown.is_ok());
        assert_eq!((began.elapsed(), receiver.borrow_and_update().rollout.wave), (PAUSE, 3));

        let began = Instant::now();
        let end = async {
            sleep(PAUSE / 10).await;
            sender.send_replace(snapshot(3, State::Ended { outcome: Outcome::Succeeded }));
        };
        let (shown, ()) = tokio::join!(next(&mut receiver, PAUSE), end);
        assert!(shown.is_ok());
        assert_eq!(began.elapsed(), PAUSE / 10);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_shown_that_was_shown_before() {
        let (sender, mut receiver) = watch::channel(snapshot(0, State::Advancing));
        let shown = timeout(PAUSE * 10, next(&mut receiver, PAUSE)).await;
        assert!(shown.is_err(), "there was nothing new");
        drop(sender);
        assert!(next(&mut receiver, PAUSE).await.is_err(), "and there will be nothing");
    }
}
