//! Fifth step: who of the waves begun is ordered the new release next, inside the budget. Not here: how the budget counts (crate documentation).

use evenkeel_model::Phase;

use crate::fleet::Fleet;
use crate::{HostState, Order, Rollout, State};

/// Orders hosts that wait in the waves begun.
pub(crate) fn select(fleet: &mut Fleet<'_>, rollout: &Rollout) {
    if rollout.state != State::Advancing {
        return;
    }
    for index in 0..fleet.rows.len() {
        let row = &fleet.rows[index];
        let is_next = |progress: &crate::HostProgress| {
            progress.state == HostState::Waiting && progress.wave <= rollout.wave && !row.view.conflict
        };
        if !row.progress.as_ref().is_some_and(is_next) {
            continue;
        }
        if !fleet.may_act(index) {
            fleet.held_back = true;
            continue;
        }
        // A host that only the old release matches is to have nothing of the app.
        let release = fleet.release_matches(rollout.to, row).then_some(rollout.to);
        let order = Order { generation: row.next_generation(), release, phase: Phase::Trial };
        fleet.order_for(index, order, HostState::Ordered);
    }
}

#[cfg(test)]
mod tests;
