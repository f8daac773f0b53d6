//! Fourth step: a wave that is healthy bakes, gets more of what is new until it has all, is committed, and makes way for the next; each time past
//! the gates that stand there. Not here: the gates (step `gate`), ordering the next wave's hosts (step `select`).

use evenkeel_model::{GatePoint, Phase, UnixMillis};

use super::gate::passes;

use crate::fleet::Fleet;
use crate::{HostState, Order, Rollout, State};

/// How many hosts of the waves up to this one are how far. Failed ones are left out: they are judged already.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    /// Not ordered, or not healthy.
    pub(crate) on_the_way: usize,
    /// Of these, not seen healthy before.
    pub(crate) unproven: usize,
    /// Healthy in trial.
    pub(crate) healthy: usize,
    /// Told to commit.
    pub(crate) committing: usize,
}

/// Counts the hosts of the waves up to the rollout's.
pub(crate) fn tally(fleet: &Fleet<'_>, rollout: &Rollout) -> Tally {
    let mut tally = Tally::default();
    for progress in fleet.rows.iter().filter_map(|row| row.progress.as_ref()) {
        if progress.wave > rollout.wave {
            continue;
        }
        match progress.state {
            HostState::Waiting | HostState::Ordered => {
                tally.on_the_way += 1;
                tally.unproven += usize::from(!progress.proven);
            }
            HostState::Healthy => tally.healthy += 1,
            HostState::Committing => tally.committing += 1,
            _ => {}
        }
    }
    tally
}

/// Moves the wave on as far as it has come.
pub(crate) fn advance(fleet: &mut Fleet<'_>, rollout: &mut Rollout) {
    if rollout.state != State::Advancing {
        return;
    }
    let Some(tally) = enter(fleet, rollout) else { return };
    if tally.on_the_way > 0 {
        // One that is not healthy (any more) starts the bake anew.
        rollout.restart_bake(fleet.now());
    } else if tally.healthy > 0 {
        let since = *rollout.healthy_since.get_or_insert(fleet.now());
        if fleet.now() < bake_end(rollout, since) {
            return;
        }
        if !rollout.is_last_step() {
            if passes(fleet, rollout, GatePoint::Switch) {
                shift(fleet, rollout);
            }
        } else if passes(fleet, rollout, GatePoint::Commit) {
            commit(fleet, rollout);
        }
    }
}

/// Goes to the wave that has something to do, past the gates between, and says how far it is. None: a gate is closed.
fn enter(fleet: &mut Fleet<'_>, rollout: &mut Rollout) -> Option<Tally> {
    let mut tally = tally(fleet, rollout);
    while tally.on_the_way + tally.healthy + tally.committing == 0 {
        if !leave(fleet, rollout) {
            return None;
        }
        if rollout.wave + 1 >= rollout.waves {
            break;
        }
        rollout.enter_wave(rollout.wave + 1, fleet.now());
        tally = self::tally(fleet, rollout);
    }
    if !rollout.begun {
        if !passes(fleet, rollout, GatePoint::Before) {
            return None;
        }
        rollout.begun = true;
        rollout.progressed = fleet.now();
    }
    Some(tally)
}

/// Whether a wave that has nothing to do any more may be left. One of hosts that have all failed or left is left without a bake, and without gates:
/// there is nothing to prove.
fn leave(fleet: &mut Fleet<'_>, rollout: &mut Rollout) -> bool {
    let waited = std::mem::take(&mut rollout.waits_at_gate);
    let may_leave = !rollout.moved || passes(fleet, rollout, GatePoint::After);
    if waited && may_leave {
        rollout.progressed = fleet.now();
    }
    may_leave
}

/// When the bake of a wave ends that has been healthy since then.
pub(crate) fn bake_end(rollout: &Rollout, since: UnixMillis) -> UnixMillis {
    since + rollout.bake()
}

/// Gives the wave's hosts the next share of what is new: all at once, because both releases run there and either serves.
fn shift(fleet: &mut Fleet<'_>, rollout: &mut Rollout) {
    rollout.step += 1;
    rollout.healthy_since = None;
    rollout.progressed = fleet.now();
    let share = rollout.share();
    order_healthy(fleet, HostState::Ordered, |last| Order { share, ..last });
}

fn commit(fleet: &mut Fleet<'_>, rollout: &mut Rollout) {
    rollout.moved = true;
    order_healthy(fleet, HostState::Committing, |last| Order { phase: Phase::Committed, ..last });
    // A wave that has passed its bake is progress: however long ago that ended, the acknowledgements get a deadline of their own.
    rollout.progressed = fleet.now();
}

fn order_healthy(fleet: &mut Fleet<'_>, state: HostState, next: impl Fn(Order) -> Order) {
    for index in 0..fleet.rows.len() {
        let row = &fleet.rows[index];
        let is_healthy = row.progress.as_ref().is_some_and(|progress| progress.state == HostState::Healthy);
        if let Some(last) = row.last().filter(|_| is_healthy) {
            fleet.order_for(index, next(last), state);
        }
    }
}

#[cfg(test)]
mod tests;
