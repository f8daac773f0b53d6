//! An assignment by which nothing should run. There is nothing to prove, so it ends as soon as it is done, commit or no commit.
//! Not here: what of a release is kept before its commit (`swap`).

use evenkeel_model::Stage;

use crate::End;
use crate::situation::Situation;
use crate::turn::{Move, Todo, turn};

/// What is next when nothing should run.
pub(crate) fn next(s: &Situation<'_>) -> Move {
    let todo = all(s);
    if todo.is_empty() {
        return Move::End(End::Committed);
    }
    Move::Turn(Box::new(turn(s, Stage::Working, todo, &[], "")))
}

/// Everything of this app goes: its routes first, then what has nothing under way any more.
pub(crate) fn all(s: &Situation<'_>) -> Todo {
    let mut todo = Todo::from(s.routing().action());
    for container in &s.observed.containers {
        todo.end(s, container, Some(s.removal(container)));
    }
    todo
}
