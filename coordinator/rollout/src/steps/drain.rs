//! Eleventh step: hosts that are to be emptied. They are told to have nothing, inside the budget, unless something is in trial there; and they count
//! as unavailable until they are given back. Not here: who is to be emptied (an operator says), giving them the release back (step `converge`).

use evenkeel_model::{Phase, Share, Stage};

use crate::fleet::Fleet;
use crate::row::{Row, Standing};
use crate::{Duty, Order};

/// Orders hosts to have nothing.
pub(crate) fn drain(fleet: &mut Fleet<'_>) {
    for index in 0..fleet.rows.len() {
        let row = &fleet.rows[index];
        if !is_to_be_told(row) {
            continue;
        }
        // One that is being filled does not count for what gets the release; for what loses it, it does not serve yet.
        let filled = fleet.rows.iter().filter(|row| is_being_filled(row)).count();
        if !fleet.may_act(index) || fleet.unavailable + filled >= fleet.budget {
            fleet.held_back = true;
            continue;
        }
        // Nothing has nothing to prove: it is final at once.
        let order =
            Order { generation: row.next_generation(), release: None, phase: Phase::Committed, share: Share::ALL };
        fleet.order(index, order);
    }
}

fn is_to_be_told(row: &Row<'_>) -> bool {
    let has_something = row.base().is_some() || row.last().is_some_and(|last| last.release.is_some());
    row.view.duty == Duty::Drained && !row.covered && row.is_live() && has_something && !row.was_told_to_have_nothing()
}

fn is_being_filled(row: &Row<'_>) -> bool {
    let is_on_its_way = row.last().is_some_and(|last| last.release.is_some()) && row.reverted().is_none();
    row.standing() == Standing::Empty && is_on_its_way
}

/// Whether a host that is to be emptied is not yet.
pub(crate) fn is_draining(row: &Row<'_>) -> bool {
    let is_empty = || row.heard().is_some_and(|report| report.stage == Stage::Committed);
    row.view.duty == Duty::Drained && (is_to_be_told(row) || (row.was_told_to_have_nothing() && !is_empty()))
}

#[cfg(test)]
mod tests;
