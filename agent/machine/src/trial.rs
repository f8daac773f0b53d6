//! The trial: all services are proven, the base is kept, the probes go on. It ends by the commit, which is in the assignment, or if it is
//! orphaned and the release says to go back then. Not here: a container that fails in it (`forward` sees that first).

use evenkeel_model::manifest::IfOrphaned;
use evenkeel_model::{CauseKind, Failure, Monotonic, Phase, Share, Stage};

use crate::forward::revert;
use crate::release::Target;
use crate::situation::Situation;
use crate::turn::{Move, turn};
use crate::{End, staging};

/// What is next when nothing is left to change.
pub(crate) fn next(s: &Situation<'_>, wanted: &Target<'_>) -> Move {
    if s.assignment().phase == Phase::Committed {
        return Move::End(End::Committed);
    }
    let orphaned_at = orphaned_at(s);
    let orphaned = s.now > orphaned_at;
    if orphaned && wanted.if_orphaned() == IfOrphaned::Revert {
        let silence = s.now.since(last_heard(s));
        let message = format!("no coordinator was heard for {silence}, and the release says to go back then");
        return revert(Failure::plain(CauseKind::Orphaned, message));
    }
    let (waits, wake_at) = if orphaned {
        ("no coordinator is heard, and the release says to stay", None)
    } else {
        (waits(s.share()), Some(Monotonic(orphaned_at.0.saturating_add(1))))
    };
    let why = format!("{} and healthy; {waits}", standing(s.share()));
    // What serves on is looked after, and asked, as it was before the trial.
    let (both, serve) = ([&s.wanted, &s.base], 1 + usize::from(s.is_beside()));
    Move::Turn(Box::new(turn(s, Stage::Trial, staging::care(s), &both[..serve], &why).until(wake_at)))
}

fn standing(share: Share) -> String {
    match share {
        Share::NONE => "staged".to_owned(),
        Share::ALL => "in trial".to_owned(),
        part => format!("in trial with {part} of what is new"),
    }
}

fn waits(share: Share) -> &'static str {
    if share == Share::NONE { "the release before serves until the switch" } else { "waiting for the commit" }
}

/// Counted anew after each contact; before the first, from when this process began to decide.
fn last_heard(s: &Situation<'_>) -> Monotonic {
    s.observed.heard.or(s.memory.deciding_since()).unwrap_or(s.now)
}

/// After this moment the trial is orphaned.
fn orphaned_at(s: &Situation<'_>) -> Monotonic {
    last_heard(s) + s.assignment().terms.orphan_after
}

#[cfg(test)]
mod tests;
