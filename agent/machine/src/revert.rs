//! Going back to the base, which never gives up: passing errors are tried again soon, others every half minute. The revert is in the ledger
//! already when the first container is touched. Not here: deciding that it must be (`forward`, `trial`).

use evenkeel_model::{Failure, Monotonic, Stage};

use crate::keep::{self, Zeal};
use crate::memory::LONGEST_BACKOFF;
use crate::release::Goal;
use crate::situation::Situation;
use crate::turn::{Move, Turn, turn};
use crate::{Action, End, removal};

/// What is next on the way back. Running is enough for the end, and having the traffic back where there is any: the base was proven
/// before, and nothing better is to be had. A proxy that does not answer is waited for, unless it sends what is new to the base as far as is
/// known: the rest it is told when it answers.
pub(crate) fn next(s: &Situation<'_>, failure: &Failure) -> Move {
    let todo = match &s.base {
        Goal::Nothing => removal::all(s),
        Goal::Release(base) => keep::changes(s, base, Zeal::Insist),
        Goal::Unreadable => return Move::Turn(Box::new(stuck(s.now))),
    };
    let can_wait = !s.proxy_answers() && s.serves_as_planned();
    let mut needed = todo.actions.iter().filter(|action| !(can_wait && matches!(action, Action::Route(_))));
    if needed.next().is_none() && todo.pauses.is_empty() {
        return Move::End(End::Reverted { failure: Box::new(failure.clone()) });
    }
    Move::Turn(Box::new(turn(s, Stage::Reverting, todo, &[&s.base], "")))
}

/// Where to go back to can't be read: after a downgrade of the agent. Whatever runs is left alone.
fn stuck(now: Monotonic) -> Turn {
    Turn {
        action: Action::Wait,
        wake_at: Some(now + LONGEST_BACKOFF),
        why: "can't go back: the manifest of the release before can't be read by this version of the agent".to_owned(),
        obstacle: None,
        stage: Stage::Reverting,
    }
}

#[cfg(test)]
mod tests;
