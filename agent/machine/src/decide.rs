//! The decision: which step it is, what it comes to, and what must be durable before it is done. Total: no input makes it panic.
//! Not here: the steps, each in a file of its own.

use evenkeel_model::{AppReport, CauseKind, Content, Failure, Millis, Monotonic, Phase, Stage};

use crate::forward::revert;
use crate::memory::Memory;
use crate::release::Goal;
use crate::report::{report, stage_of};
use crate::situation::Situation;
use crate::turn::{Move, Turn};
use crate::{Action, Blue, End, Engine, Kept, Ledger, Observed, forward, hygiene, removal, settle};

/// How soon an engine that is down is asked again.
const ENGINE_RETRY: Millis = Millis::seconds(1);
/// The longest wait of a generation that has not ended, should no step name a shorter one.
const LONGEST_WAIT: Millis = Millis::seconds(30);
/// More than the ends one decision can set, each further than the one before: reverting, then reverted; and then the kept release's.
const MOST_ENDS: usize = 4;

/// All that a decision is based on.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What was accepted, and how it ended.
    pub ledger: &'a Ledger,
    /// What the engine says now.
    pub observed: &'a Observed,
    /// What is remembered, after [`Memory::observe`] with these same inputs.
    pub memory: &'a Memory,
    /// The present moment.
    pub now: Monotonic,
}

/// What to do, and what to write down before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The one thing to do. It may rely on `ledger` being durable.
    pub action: Action,
    /// The ledger from now on; durable before `action` begins.
    pub ledger: Ledger,
    /// What to tell the coordinator; none: nothing was ever accepted for this key.
    pub report: Option<AppReport>,
    /// When to decide again if nothing happens before: set where `action` is to wait, unless time alone can't change anything.
    pub wake_at: Option<Monotonic>,
    /// What it does or waits for, for people.
    pub why: String,
}

/// What one host does next for one app.
///
/// Each action is done once per decision; where it changed nothing, the next decision waits before it is tried again.
pub fn decide(inputs: &Inputs<'_>) -> Decision {
    let mut ledger = inputs.ledger.clone();
    for _ in 0..=MOST_ENDS + inputs.ledger.kept.len() {
        let Some(situation) = Situation::new(&ledger, inputs.observed, inputs.memory, inputs.now) else { break };
        match next(&situation) {
            Move::Turn(turn) => {
                let turn = bounded(*turn, &situation);
                let report = Some(report(&situation, &ledger, &turn));
                return Decision { action: turn.action, report, wake_at: turn.wake_at, why: turn.why, ledger };
            }
            Move::End(end) => {
                let kept = (end == End::Committed).then(|| hygiene::kept(&situation)).flatten();
                conclude(&mut ledger, end, kept);
            }
            Move::Forgotten => drop(ledger.kept.pop()),
            Move::Parted => ledger.blue = None,
        }
    }
    let why = "nothing was assigned yet".to_owned();
    Decision { action: Action::Wait, ledger, report: None, wake_at: None, why }
}

fn next(s: &Situation<'_>) -> Move {
    if let Engine::Down { message } = &s.observed.engine {
        return Move::Turn(Box::new(engine_down(s, message)));
    }
    match (&s.accepted.end, s.assignment().phase) {
        (None, Phase::Withdrawn) => revert(Failure::plain(CauseKind::Withdrawn, "the rollout was given up")),
        (None, Phase::Trial | Phase::Committed) => match &s.wanted {
            Goal::Nothing => removal::next(s),
            Goal::Release(wanted) => forward::next(s, wanted),
            Goal::Unreadable => revert(Failure::plain(CauseKind::Forbidden, "the release's manifest can't be read")),
        },
        (Some(End::Committed), _) => settle::next(s, &s.wanted, Stage::Committed),
        (Some(End::Reverting { failure }), _) => crate::revert::next(s, failure),
        (Some(End::Reverted { .. }), _) => settle::next(s, &s.base, Stage::Reverted),
    }
}

/// Nothing can be known or done; what was decided stays.
fn engine_down(s: &Situation<'_>, message: &str) -> Turn {
    Turn {
        action: Action::Wait,
        wake_at: Some(s.now + ENGINE_RETRY),
        why: format!("waiting for the engine: {message}"),
        obstacle: Some(Failure::plain(CauseKind::EngineUnavailable, message)),
        stage: stage_of(s.accepted),
    }
}

/// A generation that has not ended is looked at again whatever happens.
fn bounded(turn: Turn, s: &Situation<'_>) -> Turn {
    let ended = matches!(s.accepted.end, Some(End::Committed | End::Reverted { .. }));
    if ended || turn.wake_at.is_some() { turn } else { turn.until(Some(s.now + LONGEST_WAIT)) }
}

/// The end, and with a commit the new base, what it replaced, and its images as the newest to keep, in one write.
fn conclude(ledger: &mut Ledger, end: End, kept: Option<Kept>) {
    let Some(accepted) = &mut ledger.accepted else { return };
    if end == End::Committed {
        let before = std::mem::replace(&mut ledger.base, accepted.assignment.content.clone());
        let digest = |content: &Option<Content>| content.as_ref().map(|content| content.digest.clone());
        // The same release once more replaces nothing.
        if digest(&before) != digest(&ledger.base) {
            let keep = accepted.assignment.terms.keep_blue;
            let is_kept = keep > Millis(0) && ledger.base.is_some();
            ledger.blue = before.filter(|_| is_kept).map(|content| Blue { content, keep });
        }
    }
    if let Some(kept) = kept {
        ledger.kept.retain(|older| older.release != kept.release);
        ledger.kept.insert(0, kept);
    }
    accepted.end = Some(end);
}
