//! Fifth step: the progress deadline, which always fires: whoever is silent, whatever is missing.
//!
//! It is measured from the last progress, or from the end of the bake if that is later: a bake is no lack of progress. A wave that has been
//! wholly healthy before and is not now is given one bake. Not here: the deadline of the way back (step `finish`).

use evenkeel_model::{CauseKind, Failure, HostId, UnixMillis};

use super::advance::{bake_end, tally};
use super::finish::is_complete;
use super::judge::fail;
use crate::fleet::{Fleet, ids};
use crate::row::{Row, Standing, named};
use crate::{HostState, Rollout, State};

/// So many hosts are named in a message; more are counted.
const NAMED: usize = 5;

/// When the deadline fires if nothing moves until then; none while it does not run.
pub(crate) fn due(fleet: &Fleet<'_>, rollout: &Rollout) -> Option<UnixMillis> {
    let allowed = rollout.policy.progress_deadline;
    match rollout.state {
        State::RollingBack | State::Withdrawing => Some(rollout.progressed + allowed),
        State::Queued | State::Paused | State::Ended { .. } => None,
        // Nothing is late that waits for a person, a time or a measurement: those have limits of their own, or none.
        State::Advancing if fleet.held.is_some() || !fleet.at_gate.reasons.is_empty() => None,
        State::Advancing => {
            let tally = tally(fleet, rollout);
            let baked = match rollout.healthy_since {
                Some(since) => bake_end(rollout, since),
                None if tally.unproven == 0 && tally.on_the_way > 0 => bake_end(rollout, rollout.progressed),
                None => rollout.progressed,
            };
            Some(rollout.progressed.max(baked) + allowed)
        }
    }
}

/// Fails a rollout that has made no progress for too long.
pub(crate) fn deadline(fleet: &Fleet<'_>, rollout: &mut Rollout) {
    let is_due = rollout.state == State::Advancing && due(fleet, rollout).is_some_and(|due| fleet.now() >= due);
    if is_due && !is_complete(fleet) {
        let failure = cause(fleet, rollout);
        fail(rollout, failure, fleet.now());
    }
}

/// What the deadline's failure says: the trouble that stands in the way if there is one, else who is missing.
fn cause(fleet: &Fleet<'_>, rollout: &Rollout) -> Failure {
    let after = format!("no progress for {}", rollout.policy.progress_deadline);
    let obstacle = fleet.rows.iter().find_map(|row| {
        let obstacle = row.progress.as_ref()?.obstacle.as_ref()?;
        Some(named(&row.view.host, obstacle))
    });
    if let Some(obstacle) = obstacle {
        return Failure { message: format!("{after}: {}", obstacle.message), ..obstacle };
    }
    let missing = |row: &&Row<'_>| is_missing(row, rollout.wave);
    let live = ids(fleet.rows.iter().filter(missing).filter(|row| row.is_live()));
    let silent = ids(fleet.rows.iter().filter(|row| row.standing() == Standing::Unavailable && !row.is_live()));
    match (live.is_empty(), silent.is_empty()) {
        (true, true) => {
            let waiting = ids(fleet.covered().filter(|(_, state)| *state == HostState::Waiting).map(|(row, _)| row));
            Failure::plain(CauseKind::HealthTimeout, format!("{after}: not ordered yet: {}", names(&waiting)))
        }
        (true, false) => Failure::plain(CauseKind::Silent, format!("{after}: not heard from {}", names(&silent))),
        (false, true) => Failure::plain(CauseKind::HealthTimeout, format!("{after}: waiting for {}", names(&live))),
        (false, false) => Failure::plain(
            CauseKind::HealthTimeout,
            format!("{after}: waiting for {}; not heard from {}", names(&live), names(&silent)),
        ),
    }
}

/// Whether the rollout waits for something that this host was ordered.
fn is_missing(row: &Row<'_>, wave: usize) -> bool {
    row.progress.as_ref().is_some_and(|progress| match progress.state {
        HostState::Ordered | HostState::Committing => progress.wave <= wave,
        _ => row.standing() == Standing::Unavailable,
    })
}

/// Hosts by name, for a message.
pub(crate) fn names(hosts: &[HostId]) -> String {
    let mut text: Vec<&str> = hosts.iter().take(NAMED).map(HostId::as_str).collect();
    let more = format!("{} more", hosts.len().saturating_sub(NAMED));
    if hosts.len() > NAMED {
        text.push(&more);
    }
    if text.is_empty() { "any host".to_owned() } else { text.join(", ") }
}

#[cfg(test)]
mod tests;
