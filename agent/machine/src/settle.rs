//! After the end, committed or reverted: what serves gets the engine's restart as written, all else of the app goes, and the probes go on:
//! for the report, and for the restart of what is of no use any more (`revive`). What a commit replaced may run on for a while (`blue`). Never a revert from here. Not here: getting there
//! (`trial`, `revert`), which images stay (`hygiene`).

use evenkeel_model::Stage;

use crate::hygiene::{self, Tidying};
use crate::keep::{self, Zeal};
use crate::release::{Goal, Target};
use crate::situation::Situation;
use crate::turn::{Move, Pause, Todo, turn};
use crate::{removal, revive, swap};

/// What is next for a generation that has ended, with `goal` as what serves since.
pub(crate) fn next(s: &Situation<'_>, goal: &Goal<'_>, stage: Stage) -> Move {
    let (mut todo, why): (Todo, _) = match goal {
        Goal::Nothing => (removal::all(s), "nothing should run here"),
        Goal::Unreadable => {
            (Todo::default(), "the manifest can't be read by this version of the agent: all is left as it is")
        }
        Goal::Release(target) => (keep::changes(s, target, Zeal::Once), idle(stage)),
    };
    let kept_until = s.kept_until();
    if todo.is_empty() {
        if kept_until.is_none() && s.blue_until.is_some() && !matches!(goal, Goal::Unreadable) {
            return Move::Parted;
        }
        match hygiene::next(s, goal) {
            Some(Tidying::Image(forget)) => todo.actions.push(forget),
            Some(Tidying::Done) => return Move::Forgotten,
            None => {}
        }
    }
    todo.add(revive::todo(s, goal));
    todo.pauses.extend(unreachable(s, goal));
    let mut turn = turn(s, stage, todo, &[goal, &s.blue], why).until(kept_until);
    // What is still tidied up is not what the host has come to. A reader may keep the report of the end as the last one.
    if turn.why != why {
        turn.why = format!("{why}; {}", turn.why);
    }
    if let (Some(_), Some(blue)) = (kept_until, s.blue.target()) {
        turn.why = format!("{}; release {} runs on beside it", turn.why, blue.number());
    }
    Move::Turn(Box::new(turn))
}

/// Containers that should have the traffic, and can't be reached by the proxy. Only people can mend that.
fn unreachable(s: &Situation<'_>, goal: &Goal<'_>) -> Vec<Pause> {
    let services = goal.target().into_iter().flat_map(Target::services).filter(|(_, wanted)| wanted.is_routed());
    let keepers = services.filter_map(|(name, wanted)| s.find(name, &wanted.fingerprint));
    let keepers = keepers.filter(|keeper| keeper.is_running() && keeper.address.is_none());
    keepers.map(|keeper| Pause { until: None, ..swap::unroutable(s, keeper) }).collect()
}

fn idle(stage: Stage) -> &'static str {
    if stage == Stage::Reverted { "back on the release before" } else { "the release is final here" }
}

#[cfg(test)]
mod tests;
