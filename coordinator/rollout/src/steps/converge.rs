//! Ninth step: hosts outside any rollout that goes on. One that joins or returns gets the current release, never the release of a rollout that
//! is not through. Not here: hosts that a rollout covers.
//!
//! After a rollout that was halted or aborted its hosts are left as they are, but for those that it was taking back: they are brought home when
//! they are heard again. A host that went back from the current release is not tried again with it.

use evenkeel_model::{Phase, ReleaseNumber, Share, Stage};

use super::current;
use crate::fleet::Fleet;
use crate::row::{Row, is_healthy};
use crate::{Duty, HostState, Kind, Order, Outcome, Rollout};

/// What a host outside of a rollout needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing.
    Nothing,
    /// The current release.
    Release,
    /// To be told that it is final.
    Commit,
    /// Time: it is ordered, and not healthy yet.
    Time,
    /// Time: it was told to commit, and has not said that it did.
    Acknowledgement,
    /// A person, or another release: it went back from the current release, or refuses it.
    Person,
}

/// Orders hosts outside the rollout.
pub(crate) fn converge(fleet: &mut Fleet<'_>, rollout: Option<&Rollout>) {
    let Some(current) = current(fleet.input, rollout) else { return };
    let needs: Vec<Need> = fleet.rows.iter().map(|row| need(fleet, rollout, current, row)).collect();
    let mut on_the_way = needs.iter().filter(|need| **need == Need::Time).count();
    for (index, need) in needs.into_iter().enumerate() {
        let row = &fleet.rows[index];
        match (need, row.last()) {
            (Need::Commit, Some(last)) => fleet.order(index, Order { phase: Phase::Committed, ..last }),
            (Need::Release, _) if on_the_way < fleet.budget && fleet.may_act(index) => {
                let generation = row.next_generation();
                fleet
                    .order(index, Order { generation, release: Some(current), phase: Phase::Trial, share: Share::ALL });
                on_the_way += 1;
            }
            (Need::Release, _) => fleet.held_back = true,
            _ => {}
        }
    }
}

/// What one host needs.
pub(crate) fn need(fleet: &Fleet<'_>, rollout: Option<&Rollout>, current: ReleaseNumber, row: &Row<'_>) -> Need {
    if row.covered || !row.is_live() || row.view.duty == Duty::Drained || !fleet.release_matches(current, row) {
        return Need::Nothing;
    }
    let is_new = row.last().is_none_or(|last| last.release != Some(current));
    if row.view.duty == Duty::Cordoned && is_new {
        return Need::Nothing;
    }
    let Some(last) = row.last() else { return Need::Release };
    if last.release == Some(current) && last.phase != Phase::Withdrawn {
        return need_of_current(row, last.phase);
    }
    let never_left = row.kept(Some(current));
    let is_there = never_left || row.reverted().is_some_and(|report| report.base == Some(current));
    let in_withdrawal = last.phase == Phase::Withdrawn && row.reverted().is_none() && !stays_committed(row);
    if is_there || in_withdrawal || !may_be_moved(rollout, row) {
        return Need::Nothing;
    }
    Need::Release
}

fn need_of_current(row: &Row<'_>, phase: Phase) -> Need {
    let Some(report) = row.heard().filter(|_| row.refusal().is_none()) else {
        return if row.refusal().is_some() { Need::Person } else { waits(phase) };
    };
    match report.stage {
        Stage::Reverting | Stage::Reverted => Need::Person,
        Stage::Committed => Need::Nothing,
        Stage::Trial if is_healthy(report) && phase == Phase::Trial => Need::Commit,
        Stage::Trial | Stage::Working => waits(phase),
    }
}

fn waits(phase: Phase) -> Need {
    if phase == Phase::Trial { Need::Time } else { Need::Acknowledgement }
}

/// Whether it answered a withdrawal by saying that it had committed before.
fn stays_committed(row: &Row<'_>) -> bool {
    row.refusal().is_some() || row.heard().is_some_and(|report| report.stage == Stage::Committed)
}

/// Whether the newest rollout leaves this host to be moved to the current release.
fn may_be_moved(rollout: Option<&Rollout>, row: &Row<'_>) -> bool {
    let (Some(rollout), Some(progress)) = (rollout, &row.progress) else { return true };
    let takes_all_back = match &rollout.abort {
        Some(abort) => abort.rollback,
        None => rollout.kind == Kind::Deploy && rollout.policy.on_failure == evenkeel_model::OnFailure::Rollback,
    };
    match rollout.outcome() {
        Some(Outcome::Succeeded | Outcome::RolledBack) => true,
        Some(Outcome::Halted | Outcome::Aborted) if takes_all_back => {
            matches!(progress.state, HostState::Returning | HostState::Returned)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
