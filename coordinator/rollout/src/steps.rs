//! The plan: its steps in their order. Not here: any rule (a file each beside).

mod admit;
mod advance;
mod converge;
mod deadline;
mod drain;
mod finish;
pub(crate) mod gate;
mod hold;
mod judge;
mod prefetch;
mod revert;
mod select;
mod waiting;

use evenkeel_model::{Policy, ReleaseNumber};

use crate::fleet::Fleet;
use crate::{Input, Outcome, Plan, Rollout};

pub use prefetch::MOST_PREFETCHING;

/// What the fleet is ordered next, the rollout's new state, and why no more is done. Pure: the same input gives the same plan.
///
/// The caller stores orders and rollout together before it sends anything. Then planning again with nothing new heard changes nothing.
/// About linear in the number of hosts.
pub fn plan(input: &Input<'_>) -> Plan {
    let mut rollout = input.rollout.cloned();
    let mut fleet = Fleet::new(input, rollout.as_mut());
    let mut answer = waiting::Waiting::default();

    let mut going = rollout.as_mut().filter(|rollout| rollout.outcome().is_none());
    if let Some(rollout) = going.as_deref_mut() {
        admit::admit(&mut fleet, rollout);
        fleet.recount();
        fleet.held = hold::hold(input, rollout);
        judge::judge(&mut fleet, rollout);
        fleet.held = fleet.held.filter(|_| rollout.state == crate::State::Advancing);
        if fleet.held.is_none() {
            advance::advance(&mut fleet, rollout);
        }
        // An analysis may have had it rest.
        if fleet.held.is_none() {
            deadline::deadline(&fleet, rollout);
            select::select(&mut fleet, rollout);
        }
        revert::revert(&mut fleet, rollout);
        finish::finish(&mut fleet, rollout);
    }
    let mut ahead = Vec::new();
    match going.filter(|rollout| rollout.outcome().is_none()) {
        Some(rollout) => {
            ahead = prefetch::prefetch(&fleet, rollout);
            answer.for_rollout(&fleet, rollout);
        }
        None => fleet.leave_rollout(current_policy(input, rollout.as_ref()), current(input, rollout.as_ref())),
    }
    converge::converge(&mut fleet, rollout.as_ref());
    drain::drain(&mut fleet);
    answer.for_others(&fleet, rollout.as_ref());

    if let Some(rollout) = rollout.as_mut().filter(|_| input.rollout.is_some_and(|before| before.outcome().is_none())) {
        fleet.give_back(rollout);
    }
    let measures = std::mem::take(&mut fleet.at_gate.measures);
    let orders = fleet.rows.iter().filter_map(|row| Some((row.view.host.clone(), row.order?))).collect();
    Plan { orders, prefetch: ahead, measures, rollout, waiting: answer.reasons, wake_at: answer.wake_at }
}

/// The current release. A rollout that has just succeeded makes it, even where the caller has not taken note yet.
fn current(input: &Input<'_>, rollout: Option<&Rollout>) -> Option<ReleaseNumber> {
    let made = rollout.filter(|rollout| rollout.outcome() == Some(Outcome::Succeeded)).map(|rollout| rollout.to);
    made.or(input.current)
}

fn current_policy<'p>(input: &'p Input<'_>, rollout: Option<&'p Rollout>) -> &'p Policy {
    let made = rollout.filter(|rollout| rollout.outcome() == Some(Outcome::Succeeded)).map(|rollout| &rollout.policy);
    made.unwrap_or(input.current_policy)
}
