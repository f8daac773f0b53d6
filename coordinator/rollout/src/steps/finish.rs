//! Eighth step: whether it is over, and how. An outcome is only what every host has said by itself. Not here: the way forward's deadline (step `deadline`).

use evenkeel_model::{CauseKind, Failure, HostId, Stage};

use super::deadline::{due, names};
use super::judge::add_to_failure;
use crate::fleet::{Fleet, end, ids};
use crate::row::{Row, named};
use crate::{HostState, Outcome, Rollout, State};

/// Ends a rollout that is over.
pub(crate) fn finish(fleet: &mut Fleet<'_>, rollout: &mut Rollout) {
    if matches!(rollout.state, State::Queued | State::Ended { .. }) {
        return;
    }
    if fleet.covered().next().is_none() {
        let failure = Failure::plain(CauseKind::Silent, "every host that it covered has left the fleet");
        add_to_failure(rollout, &failure, &failure.message);
        end(rollout, Outcome::Halted, fleet.now());
        return;
    }
    match rollout.state {
        State::Advancing if fleet.held.is_some() => {}
        State::Advancing => finish_forward(fleet, rollout),
        State::RollingBack => finish_back(fleet, rollout),
        State::Withdrawing => finish_withdrawal(fleet, rollout),
        State::Queued | State::Paused | State::Ended { .. } => {}
    }
}

/// Whether every host that has not failed has committed, and says that it is healthy.
pub(crate) fn is_complete(fleet: &Fleet<'_>) -> bool {
    fleet.covered().all(|(row, state)| state == HostState::Failed || is_done(row, state))
}

/// Whether every host has committed or failed.
fn all_decided(fleet: &Fleet<'_>) -> bool {
    fleet.covered().all(|(_, state)| matches!(state, HostState::Committed | HostState::Failed))
}

fn is_done(row: &Row<'_>, state: HostState) -> bool {
    let says_so = row.heard().is_some_and(|report| report.stage == Stage::Committed);
    state == HostState::Committed && says_so && row.is_whole()
}

fn finish_forward(fleet: &Fleet<'_>, rollout: &mut Rollout) {
    if !all_decided(fleet) || rollout.waits_at_gate {
        return;
    }
    let failed = fleet.covered().find(|(_, state)| *state == HostState::Failed);
    let failure = failed.and_then(|(row, _)| Some(named(&row.view.host, row.progress.as_ref()?.failure.as_ref()?)));
    if failed.is_some() {
        // Failures that were put up with are failures all the same.
        rollout.failure = failure;
        end(rollout, Outcome::Halted, fleet.now());
    } else if is_complete(fleet) {
        end(rollout, Outcome::Succeeded, fleet.now());
    }
}

fn finish_back(fleet: &Fleet<'_>, rollout: &mut Rollout) {
    let missing = || fleet.covered().filter(|(_, state)| *state != HostState::Returned).map(|(row, _)| row);
    if missing().next().is_none() {
        let outcome = if rollout.abort.is_some() { Outcome::Aborted } else { Outcome::RolledBack };
        end(rollout, outcome, fleet.now());
        return;
    }
    let only_silent = missing().all(is_silent_and_told);
    let silence_was_the_cause = rollout.failure.as_ref().is_some_and(|failure| failure.kind == CauseKind::Silent);
    let is_due = due(fleet, rollout).is_some_and(|due| fleet.now() >= due);
    if is_due || (only_silent && silence_was_the_cause) {
        give_up(rollout, &ids(missing().filter(|row| row.is_live())), &ids(missing().filter(|row| !row.is_live())));
        end(rollout, Outcome::Halted, fleet.now());
    }
}

fn finish_withdrawal(fleet: &Fleet<'_>, rollout: &mut Rollout) {
    let missing: Vec<_> =
        fleet.covered().filter(|(row, state)| is_unresolved(row, *state)).map(|(row, _)| row).collect();
    let is_due = due(fleet, rollout).is_some_and(|due| fleet.now() >= due);
    // Silent hosts find the withdrawal when they return; this outcome claims nothing of them.
    if !missing.iter().copied().all(is_silent_and_told) && !is_due {
        return;
    }
    if rollout.failure.is_none() && is_due {
        give_up(rollout, &ids(missing.into_iter().filter(|row| row.is_live())), &[]);
    }
    let outcome = if rollout.abort.is_some() { Outcome::Aborted } else { Outcome::Halted };
    end(rollout, outcome, fleet.now());
}

/// Whether a host finds its order back when it returns, and nothing is to be expected before.
fn is_silent_and_told(row: &Row<'_>) -> bool {
    !row.is_live() && row.progress.as_ref().is_some_and(|progress| progress.state == HostState::Returning)
}

/// Whether a host is in trial still, or on its way back from it.
fn is_unresolved(row: &Row<'_>, state: HostState) -> bool {
    match state {
        HostState::Ordered | HostState::Healthy | HostState::Committing | HostState::Returning => true,
        HostState::Failed => row.heard().is_some_and(|report| report.stage == Stage::Reverting),
        _ => false,
    }
}

/// Says who is not back.
fn give_up(rollout: &mut Rollout, live: &[HostId], silent: &[HostId]) {
    let (kind, message) = match (live.is_empty(), silent.is_empty()) {
        (true, _) => (CauseKind::Silent, format!("not back, because not heard from: {}", names(silent))),
        (false, true) => (CauseKind::HealthTimeout, format!("not back: {}", names(live))),
        (false, false) => {
            (CauseKind::HealthTimeout, format!("not back: {}; not heard from: {}", names(live), names(silent)))
        }
    };
    add_to_failure(rollout, &Failure::plain(kind, message.clone()), &message);
}

#[cfg(test)]
mod tests;
