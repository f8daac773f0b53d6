//! Last step: why no more is done, as values, and when to plan again. Not here: deciding anything.

use evenkeel_model::{HostId, UnixMillis};

use super::advance::bake_end;
use super::converge::{Need, need};
use super::current;
use super::deadline::due;
use super::drain::is_draining;
use crate::fleet::{Fleet, ids};
use crate::row::{Row, Standing};
use crate::{HostState, Rollout, State, WaitingOn};

/// The reasons found, and the time to plan again.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) reasons: Vec<WaitingOn>,
    pub(crate) wake_at: Option<UnixMillis>,
}

impl Waiting {
    /// Why a rollout that goes on does no more now.
    pub(crate) fn for_rollout(&mut self, fleet: &Fleet<'_>, rollout: &Rollout) {
        if rollout.state == State::Paused {
            self.reasons.push(WaitingOn::Person);
        }
        self.for_hold(fleet);
        let baked = rollout.healthy_since.filter(|_| is_baking(fleet)).map(|since| bake_end(rollout, since));
        if let Some(until) = baked.filter(|until| fleet.now() < *until) {
            self.reasons.push(WaitingOn::Bake { until });
            self.wake_at = self.wake_at.into_iter().chain([until]).min();
        }
        self.for_hosts(fleet, rollout);
        self.for_budget(fleet);
        self.wake_at = self.wake_at.into_iter().chain(due(fleet, rollout)).min();
    }

    /// What it rests for, and what stands before a closed gate.
    fn for_hold(&mut self, fleet: &Fleet<'_>) {
        if let Some(WaitingOn::Frozen { until, .. }) = &fleet.held {
            self.wake_at = *until;
        }
        if let Some(held) = &fleet.held {
            self.reasons.push(held.clone());
        } else {
            self.reasons.extend(fleet.at_gate.reasons.iter().cloned());
            self.wake_at = fleet.at_gate.wake_at;
        }
    }

    fn for_hosts(&mut self, fleet: &Fleet<'_>, rollout: &Rollout) {
        let begun = |row: &Row<'_>| row.progress.as_ref().is_some_and(|progress| progress.wave <= rollout.wave);
        let live = |wanted: fn(&Row<'_>, HostState) -> bool| {
            ids(fleet.covered().filter(|(row, state)| row.is_live() && wanted(row, *state)).map(|(row, _)| row))
        };
        let obstructed = fleet.covered().filter_map(|(row, _)| Some((row, row.progress.as_ref()?.obstacle.clone()?)));
        self.reasons
            .extend(obstructed.map(|(row, failure)| WaitingOn::Obstacle { host: row.view.host.clone(), failure }));
        let shifts = live(|row, state| is_not_healthy_yet(row, state) && row.has_to_take_its_share());
        let unhealthy = live(|row, state| is_not_healthy_yet(row, state) && !row.has_to_take_its_share());
        self.push(unhealthy, |hosts| WaitingOn::Unhealthy { hosts });
        self.push(shifts, |hosts| WaitingOn::Share { hosts, share: rollout.share() });
        self.push(live(|_, state| state == HostState::Committing), |hosts| WaitingOn::Acknowledgement { hosts });
        if matches!(rollout.state, State::RollingBack | State::Withdrawing) {
            let returning = |row: &Row<'_>, state| match state {
                HostState::Returning => true,
                HostState::Failed => row.reverted().is_none(),
                _ => false,
            };
            self.push(live(returning), |hosts| WaitingOn::Returning { hosts });
        }
        // A host of a later wave matters only where it spends the budget.
        let matters = |row: &Row<'_>, state| state != HostState::Returned && (begun(row) || fleet.held_back);
        let out_of_reach = |conflict: bool| {
            let rows =
                fleet.covered().filter(|(row, state)| !row.is_live() && matters(row, *state)).map(|(row, _)| row);
            ids(rows.filter(|row| row.view.conflict == conflict))
        };
        self.push(out_of_reach(false), |hosts| WaitingOn::HostLost { hosts });
        self.push(out_of_reach(true), |hosts| WaitingOn::Conflict { hosts });
    }

    fn for_budget(&mut self, fleet: &Fleet<'_>) {
        let is_said = self.reasons.iter().any(|reason| matches!(reason, WaitingOn::BudgetSpent { .. }));
        if fleet.held_back && !is_said {
            self.reasons.push(WaitingOn::BudgetSpent { unavailable: fleet.unavailable, budget: fleet.budget });
        }
    }

    /// Why hosts outside of the rollout are not where they should be.
    pub(crate) fn for_others(&mut self, fleet: &Fleet<'_>, rollout: Option<&Rollout>) {
        self.push(ids(fleet.rows.iter().filter(|row| is_draining(row))), |hosts| WaitingOn::Drain { hosts });
        let Some(current) = current(fleet.input, rollout) else { return };
        let (mut unhealthy, mut unacknowledged, mut conflicts) = (Vec::new(), Vec::new(), Vec::new());
        for row in fleet.rows.iter().filter(|row| !row.covered) {
            if row.view.conflict && fleet.release_matches(current, row) {
                conflicts.push(row.view.host.clone());
            }
            match need(fleet, rollout, current, row) {
                Need::Time | Need::Person => match row.heard().and_then(|report| report.failure.clone()) {
                    Some(failure) => self.reasons.push(WaitingOn::Obstacle { host: row.view.host.clone(), failure }),
                    None => unhealthy.push(row.view.host.clone()),
                },
                Need::Commit | Need::Acknowledgement => unacknowledged.push(row.view.host.clone()),
                Need::Nothing | Need::Release => {}
            }
        }
        self.push(unhealthy, |hosts| WaitingOn::Unhealthy { hosts });
        self.push(unacknowledged, |hosts| WaitingOn::Acknowledgement { hosts });
        self.push(conflicts, |hosts| WaitingOn::Conflict { hosts });
        self.for_budget(fleet);
    }

    fn push(&mut self, hosts: Vec<HostId>, reason: impl FnOnce(Vec<HostId>) -> WaitingOn) {
        if !hosts.is_empty() {
            self.reasons.push(reason(hosts));
        }
    }
}

fn is_baking(fleet: &Fleet<'_>) -> bool {
    fleet.covered().any(|(_, state)| state == HostState::Healthy)
}

/// Ordered and not healthy, or healthy before and not any more; what has an obstacle is said by that.
fn is_not_healthy_yet(row: &Row<'_>, state: HostState) -> bool {
    let is_awaited = match state {
        HostState::Ordered => true,
        HostState::Waiting | HostState::Committed => row.standing() == Standing::Unavailable,
        _ => false,
    };
    is_awaited && row.progress.as_ref().is_some_and(|progress| progress.obstacle.is_none())
}
