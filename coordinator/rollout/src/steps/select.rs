//! Sixth step: who of the waves begun is ordered the new release next, inside the budget. While the registry is away for one that was ordered, no
//! other is: it would meet the same (G8). Not here: how the budget counts (crate documentation).

use evenkeel_model::{CauseClass, Phase};

use crate::fleet::Fleet;
use crate::{HostState, Order, Rollout, State};

/// Orders hosts that wait in the waves begun.
pub(crate) fn select(fleet: &mut Fleet<'_>, rollout: &Rollout) {
    if rollout.state != State::Advancing || !rollout.begun {
        return;
    }
    if lacks_images(fleet) {
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
        let order = Order { generation: row.next_generation(), release, phase: Phase::Trial, share: rollout.share() };
        fleet.order_for(index, order, HostState::Ordered);
    }
}

/// Whether a host that was ordered waits for images that may come yet.
fn lacks_images(fleet: &Fleet<'_>) -> bool {
    let waits = |progress: &crate::HostProgress| {
        progress.obstacle.as_ref().is_some_and(|it| it.kind.class() == CauseClass::Image && it.kind.is_passing())
    };
    fleet.rows.iter().filter(|row| row.is_live()).filter_map(|row| row.progress.as_ref()).any(waits)
}

#[cfg(test)]
mod tests;
