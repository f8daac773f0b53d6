//! Third step: a wave that is healthy bakes, is committed, and makes way for the next. Not here: ordering the next wave's hosts (step `select`).

use evenkeel_model::{Phase, UnixMillis};

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
    let mut tally = tally(fleet, rollout);
    // Waves of hosts that have all failed or left are passed without a bake: there is nothing to prove.
    while tally.on_the_way + tally.healthy + tally.committing == 0 && rollout.wave + 1 < rollout.waves {
        rollout.wave += 1;
        rollout.healthy_since = None;
        rollout.progressed = fleet.now();
        tally = self::tally(fleet, rollout);
    }
    if tally.on_the_way > 0 {
        // One that is not healthy (any more) starts the bake anew.
        rollout.healthy_since = None;
    } else if tally.healthy > 0 {
        let since = *rollout.healthy_since.get_or_insert(fleet.now());
        if fleet.now() >= bake_end(rollout, since) {
            commit(fleet, rollout);
        }
    }
}

/// When the bake of a wave ends that has been healthy since then.
pub(crate) fn bake_end(rollout: &Rollout, since: UnixMillis) -> UnixMillis {
    since + rollout.policy.bake
}

fn commit(fleet: &mut Fleet<'_>, rollout: &mut Rollout) {
    for index in 0..fleet.rows.len() {
        let row = &fleet.rows[index];
        let is_healthy = row.progress.as_ref().is_some_and(|progress| progress.state == HostState::Healthy);
        if let Some(last) = row.last().filter(|_| is_healthy) {
            fleet.order_for(index, Order { phase: Phase::Committed, ..last }, HostState::Committing);
        }
    }
    // A wave that has passed its bake is progress: however long ago that ended, the acknowledgements get a deadline of their own.
    rollout.progressed = fleet.now();
}

#[cfg(test)]
mod tests;
