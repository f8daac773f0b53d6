//! Seventh step: taking hosts back. A trial is withdrawn under its own number; what was committed goes back by a new order. All inside the budget:
//! what is broken moves at once, what still serves moves as the budget allows, and one at a time always.
//! Not here: why (step `judge`), when it is over (step `finish`).

use evenkeel_model::{Phase, Share, Stage};

use super::admit::is_where_it_was;
use super::deadline::due;
use crate::fleet::{Fleet, release_before};
use crate::row::{Row, is_healthy};
use crate::{HostState, Order, Rollout, State};

/// Orders hosts back.
pub(crate) fn revert(fleet: &mut Fleet<'_>, rollout: &mut Rollout) {
    match rollout.state {
        State::Withdrawing => act_on_each(fleet, rollout, |_, row| withdrawal(row)),
        State::RollingBack => {
            note_who_is_back(fleet, rollout);
            act_on_each(fleet, rollout, |context, row| withdrawal(row).or_else(|| way_back(context, row)));
        }
        _ => {}
    }
}

type Context<'c> = (&'c crate::Input<'c>, &'c Rollout);

fn act_on_each(fleet: &mut Fleet<'_>, rollout: &Rollout, next: impl Fn(Context<'_>, &Row<'_>) -> Option<Order>) {
    let is_due = due(fleet, rollout).is_some_and(|due| fleet.now() >= due);
    for index in 0..fleet.rows.len() {
        let row = &fleet.rows[index];
        if !row.covered || row.view.conflict {
            continue;
        }
        let Some(order) = next((fleet.input, rollout), row) else { continue };
        // To commit what has come back moves nothing.
        let is_commit = row.last().is_some_and(|last| last == Order { phase: last.phase, ..order })
            && order.phase == Phase::Committed;
        let is_last_word = is_due && !row.is_live();
        if is_commit || is_last_word || fleet.may_take_back(index) {
            fleet.order_for(index, order, HostState::Returning);
        } else {
            fleet.held_back = true;
        }
    }
}

/// Hosts that were not touched are back at once; hosts that failed are when they say so.
fn note_who_is_back(fleet: &mut Fleet<'_>, rollout: &mut Rollout) {
    let input = fleet.input;
    for row in &mut fleet.rows {
        let before = release_before(input, rollout, row);
        let is_back = match row.progress.as_ref().map(|progress| progress.state) {
            Some(HostState::Waiting) => true,
            Some(HostState::Failed) => is_where_it_was(row, before) || row.kept(before),
            _ => false,
        };
        if let Some(progress) = row.progress.as_mut().filter(|_| is_back) {
            progress.state = HostState::Returned;
            progress.since = input.now;
            rollout.progressed = input.now;
        }
    }
}

/// The end of a trial.
fn withdrawal(row: &Row<'_>) -> Option<Order> {
    let state = row.progress.as_ref()?.state;
    let in_trial = matches!(state, HostState::Ordered | HostState::Healthy | HostState::Committing);
    row.last().filter(|_| in_trial).map(|last| Order { phase: Phase::Withdrawn, ..last })
}

/// The way back for a host that a withdrawal does not bring there.
fn way_back((input, rollout): Context<'_>, row: &Row<'_>) -> Option<Order> {
    let progress = row.progress.as_ref()?;
    let last = row.last()?;
    let before = release_before(input, rollout, row);
    let elsewhere = row.reverted().is_some() && !is_where_it_was(row, before);
    let proven = |stage| row.heard().is_some_and(|report| report.stage == stage && is_healthy(report));
    match progress.state {
        HostState::Returning if last.phase == Phase::Trial && proven(Stage::Trial) => {
            return Some(Order { phase: Phase::Committed, ..last });
        }
        HostState::Committed => {}
        HostState::Returning if last.phase == Phase::Withdrawn && elsewhere => {}
        HostState::Failed if elsewhere || row.never_accepted() => {}
        _ => return None,
    }
    // Nothing has nothing to prove: it is final at once.
    let phase = if before.is_some() { Phase::Trial } else { Phase::Committed };
    Some(Order { generation: row.next_generation(), release: before, phase, share: Share::ALL })
}

#[cfg(test)]
mod tests;
