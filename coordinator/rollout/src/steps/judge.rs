//! Third step: whether the rollout may go on: an operator's abort, too many failed hosts, a host that failed on its way back.
//! It only changes the rollout's state; the orders that follow are step `revert`'s. Not here: the progress deadline (step `deadline`).

use evenkeel_model::{Failure, OnFailure, UnixMillis};

use crate::fleet::{Fleet, end};
use crate::row::{Row, named};
use crate::{HostState, Kind, Outcome, Rollout, State};

/// Changes the rollout's state where it may not go on.
pub(crate) fn judge(fleet: &mut Fleet<'_>, rollout: &mut Rollout) {
    let now = fleet.now();
    obey_abort(rollout, now);
    match rollout.state {
        // What rests is judged when it goes on.
        State::Advancing if fleet.held.is_some() => {}
        State::Advancing => {
            if let Some(failure) = too_many_failed(fleet, rollout) {
                fail(rollout, failure, now);
            }
        }
        State::RollingBack => {
            if let Some(lost) = fleet.lost.take() {
                // A way back that fails is not tried another way: it stops, and a person hears of it.
                add_to_failure(rollout, &lost, &format!("and on the way back: {}", lost.message));
                end(rollout, Outcome::Halted, now);
            }
        }
        State::Withdrawing => {
            if let (Some(lost), None) = (fleet.lost.take(), &rollout.failure) {
                rollout.failure = Some(lost);
            }
        }
        State::Queued | State::Paused | State::Ended { .. } => {}
    }
}

/// What a failure means under the policy.
pub(crate) fn fail(rollout: &mut Rollout, failure: Failure, now: UnixMillis) {
    rollout.failure = Some(failure);
    match (rollout.kind, rollout.policy.on_failure) {
        (Kind::Rollback, _) => end(rollout, Outcome::Halted, now),
        (Kind::Deploy, OnFailure::Pause) => enter(rollout, State::Paused, now),
        (Kind::Deploy, OnFailure::RevertFailed) => enter(rollout, State::Withdrawing, now),
        (Kind::Deploy, OnFailure::Rollback) => enter(rollout, State::RollingBack, now),
    }
}

/// Adds to a failure what came of it later; `otherwise` is the failure where there was none before.
pub(crate) fn add_to_failure(rollout: &mut Rollout, otherwise: &Failure, addition: &str) {
    match &mut rollout.failure {
        Some(failure) => failure.message = format!("{}; {addition}", failure.message),
        None => rollout.failure = Some(otherwise.clone()),
    }
}

fn obey_abort(rollout: &mut Rollout, now: UnixMillis) {
    let Some(abort) = &rollout.abort else { return };
    match rollout.state {
        State::Queued | State::Ended { .. } => {}
        // The next rollout takes the hosts as they are.
        _ if abort.superseded => end(rollout, Outcome::Superseded, now),
        State::RollingBack => {}
        _ if abort.rollback => enter(rollout, State::RollingBack, now),
        State::Withdrawing => {}
        State::Advancing | State::Paused => enter(rollout, State::Withdrawing, now),
    }
}

/// The way on (or back) begins now, and gets a deadline of its own.
fn enter(rollout: &mut Rollout, state: State, now: UnixMillis) {
    rollout.state = state;
    rollout.progressed = now;
    rollout.healthy_since = None;
}

fn too_many_failed(fleet: &Fleet<'_>, rollout: &Rollout) -> Option<Failure> {
    let tolerated = rollout.tolerated_failures(fleet.total(rollout));
    let failed = || fleet.covered().filter(|(_, state)| *state == HostState::Failed).map(|(row, _)| row);
    if failed().count() <= tolerated {
        return None;
    }
    // The newest is the one too many; of several, the first.
    let since = |row: &Row<'_>| row.progress.as_ref().map(|progress| progress.since);
    let newest = failed().reduce(|newest, row| if since(row) > since(newest) { row } else { newest })?;
    Some(named(&newest.view.host, newest.progress.as_ref()?.failure.as_ref()?))
}

#[cfg(test)]
mod tests;
