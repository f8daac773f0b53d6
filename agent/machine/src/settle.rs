//! After the end, committed or reverted: what serves gets the engine's restart as written, all else of the app goes, and the probes go on
//! for the report alone. Never a revert from here. Not here: getting there (`trial`, `revert`).

use evenkeel_model::Stage;

use crate::keep::{self, Zeal};
use crate::release::Goal;
use crate::situation::Situation;
use crate::turn::{Move, turn};
use crate::{Action, removal};

/// What is next for a generation that has ended, with `goal` as what serves since.
pub(crate) fn next(s: &Situation<'_>, goal: &Goal<'_>, stage: Stage) -> Move {
    let (changes, why): (Vec<Action>, _) = match goal {
        Goal::Nothing => (removal::all(s), "nothing should run here"),
        Goal::Unreadable => {
            (Vec::new(), "the manifest can't be read by this version of the agent: all is left as it is")
        }
        Goal::Release(target) => (keep::changes(s, target, Zeal::Once), idle(stage)),
    };
    let mut turn = turn(s, stage, changes, &[goal], why);
    // What is still tidied up is not what the host has come to. A reader may keep the report of the end as the last one.
    if turn.why != why {
        turn.why = format!("{why}; {}", turn.why);
    }
    Move::Turn(Box::new(turn))
}

fn idle(stage: Stage) -> &'static str {
    if stage == Stage::Reverted { "back on the release before" } else { "the release is final here" }
}

#[cfg(test)]
mod tests;
