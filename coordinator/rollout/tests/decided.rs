//! More of the planner's invariants: what was decided of a host stays decided, how many may fail, and what "rolled back" claims.
//! Not here: budgets, gates, orders (`invariants.rs`).

use evenkeel_model::HostId;
use evenkeel_rollout::{HostState, Outcome, Rollout, State};

use crate::invariants::{Step, Verdict, ensure, rests};
use crate::world::World;
use crate::world::releases::matches;

/// The rollout that went on before the plan, and what has become of it.
fn planned<'s>(step: &Step<'s>) -> Option<(&'s Rollout, &'s Rollout)> {
    step.before.going().zip(step.after.rollout.as_ref())
}

/// Whether a host may come from one state to the other in one plan. Only a person has a failed one tried again.
fn may_become(was: HostState, is: HostState) -> bool {
    use HostState::{Committed, Committing, Failed, Healthy, Ordered, Returned, Returning, Waiting};
    match was {
        Waiting => matches!(is, Waiting | Ordered | Returned),
        Ordered | Healthy => is != Waiting,
        Committing => !matches!(is, Waiting | Ordered | Healthy),
        Committed => matches!(is, Committed | Failed | Returning | Returned),
        Failed => matches!(is, Failed | Returning | Returned),
        Returning => matches!(is, Returning | Returned | Failed | Committed),
        Returned => is == Returned,
    }
}

pub(crate) fn check_decided(step: &Step<'_>) -> Verdict {
    let Some((before, after)) = planned(step) else { return Ok(()) };
    for (id, progress) in &after.hosts {
        let was = before.hosts[id].state;
        ensure(may_become(was, progress.state), || format!("{id} was {was:?}, and is {:?}", progress.state))?;
        // One that fails by going back may be back in the plan that hears of it.
        let at_once =
            progress.state == HostState::Returned && !matches!(was, HostState::Waiting | HostState::Returning);
        let has_failed = progress.state == HostState::Failed || (at_once && was != HostState::Returned);
        ensure(!has_failed || progress.failure.is_some(), || format!("{id} has failed, and nobody knows why"))?;
    }
    Ok(())
}

/// A rollout goes on only while no more hosts have failed than may.
pub(crate) fn check_failures(step: &Step<'_>) -> Verdict {
    let Some((before, after)) = planned(step).filter(|(_, after)| after.state == State::Advancing) else {
        return Ok(());
    };
    // What rests is judged when it goes on; and an analysis may just have had it rest.
    if rests(step.before) || rests(step.after) {
        return Ok(());
    }
    let rule = before.rules[before.wave].map(|rule| &before.policy.waves.list()[rule]);
    let tolerated = before.policy.tolerated_failures(before.total(), before.wave, rule);
    let failed = after.hosts.values().filter(|progress| progress.state == HostState::Failed).count();
    ensure(failed <= tolerated, || format!("{failed} have failed, and {tolerated} may"))
}

/// By the truth there: whether the release that was left is what the host has to lose now.
fn is_back(world: &World, rollout: &Rollout, id: &HostId) -> bool {
    let host = &world.hosts[id];
    let before = rollout.from.filter(|from| matches(&world.releases[from], host));
    // Where the way back leads to nothing, what the host still has is left to it.
    before.is_none() || host.agent.base == before
}

/// Rolled back is what every host that was touched has said by itself, and it is true there.
pub(crate) fn check_rolled_back(step: &Step<'_>) -> Verdict {
    let Some((_, after)) = planned(step).filter(|(_, after)| after.outcome() == Some(Outcome::RolledBack)) else {
        return Ok(());
    };
    for (id, progress) in &after.hosts {
        ensure(progress.state == HostState::Returned, || format!("{id} is {:?}", progress.state))?;
        // One that was never touched has what it had; labels that changed since then say nothing of where it went.
        let is_asked = progress.generation.is_some() && !step.after.relabelled.contains(id);
        ensure(!is_asked || is_back(step.after, after, id), || format!("{id} is {:?}", step.after.hosts[id].agent))?;
    }
    Ok(())
}
