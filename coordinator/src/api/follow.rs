//! A rollout as it is now and whenever it changed, as a stream. Each state is made when the reader has room for it, so a slow
//! one gets the newest and misses those in between. Not here: whose rollouts one may follow (`auth.rs`).

use std::pin::Pin;
use std::sync::Arc;

use evenkeel_certs::TimeSource;
use evenkeel_proto::v1::RolloutView;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{StreamEnd, revoked};
use crate::clock::Clock;
use crate::controller::RolloutSnapshot;
use crate::listen::Link;
use crate::view;

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
    Box::pin(stream::unfold(Some((snapshots, until)), |state| async move {
        let (mut snapshots, until) = state?;
        let changed = tokio::select! {
            biased;
            end = revoked(&until.link, &until.time, &until.stop) => Err(end),
            // Cancel safe. The last state is seen even if its sender is gone.
            changed = snapshots.changed() => changed.map_err(|_| StreamEnd::Lost),
        };
        if let Err(end) = changed {
            return Some((Err(end.into()), None));
        }
        let view = view::rollout(&snapshots.borrow_and_update(), until.clock.now());
        let ended = view.ended.is_some();
        Some((Ok(view), (!ended).then_some((snapshots, until))))
    }))
}
