//! An assignment by which nothing should run. There is nothing to prove, so it ends as soon as it is done, commit or no commit.
//! Not here: what of a release is kept before its commit (`swap`).

use evenkeel_model::Stage;

use crate::situation::Situation;
use crate::turn::{Move, turn};
use crate::{Action, End};

/// What is next when nothing should run.
pub(crate) fn next(s: &Situation<'_>) -> Move {
    let changes: Vec<Action> = all(s);
    if changes.is_empty() {
        return Move::End(End::Committed);
    }
    Move::Turn(Box::new(turn(s, Stage::Working, changes, &[], "")))
}

/// Everything of this app goes.
pub(crate) fn all(s: &Situation<'_>) -> Vec<Action> {
    s.observed.containers.iter().map(|container| s.removal(container)).collect()
}
