//! What a step decides: the first change that may be tried now, else the probe that is due, else a wait with its end. Not here: which
//! changes there are to make (the steps).

use evenkeel_model::{Failure, Monotonic, Stage};

use crate::release::Goal;
use crate::situation::Situation;
use crate::{Action, End};

/// What a step comes to.
#[derive(Debug)]
pub(crate) enum Move {
    /// An action, or a wait.
    Turn(Box<Turn>),
    /// The generation ends so, and the decision is made anew with that in the ledger.
    End(End),
}

/// One action with its reason.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) action: Action,
    pub(crate) wake_at: Option<Monotonic>,
    pub(crate) why: String,
    pub(crate) obstacle: Option<Failure>,
    pub(crate) stage: Stage,
}

impl Turn {
    /// Makes a wait end at `moment` at the latest.
    pub(crate) fn until(mut self, moment: Option<Monotonic>) -> Self {
        if self.action == Action::Wait {
            self.wake_at = earliest(self.wake_at, moment);
        }
        self
    }
}

/// The turn that makes the first of `changes` that may be tried now. `idle` says what is waited for if there is nothing to change.
pub(crate) fn turn(
    s: &Situation<'_>,
    stage: Stage,
    changes: impl IntoIterator<Item = Action>,
    probed: &[&Goal<'_>],
    idle: &str,
) -> Turn {
    let (mut wake_at, mut held): (_, Option<(Action, Option<Failure>)>) = (None, None);
    for action in changes {
        let attempt = s.memory.attempt(&action);
        let failure = attempt.and_then(|attempt| attempt.failure.clone());
        match attempt.filter(|attempt| attempt.next > s.now) {
            None => return Turn { why: doing(&action), action, wake_at: None, obstacle: failure, stage },
            Some(attempt) => {
                wake_at = earliest(wake_at, Some(attempt.next));
                held.get_or_insert((action, failure));
            }
        }
    }
    let (why, obstacle) = match held {
        Some((action, Some(failure))) => (format!("waiting to go on {}: {failure}", doing(&action)), Some(failure)),
        Some((action, None)) => (format!("waiting to go on {}", doing(&action)), None),
        None => (idle.to_owned(), None),
    };
    match s.next_probe(probed) {
        Some((due, action)) if due <= s.now => Turn { action, wake_at: None, why, obstacle, stage },
        probe => {
            let wake_at = earliest(wake_at, probe.map(|(due, _)| due));
            Turn { action: Action::Wait, wake_at, why, obstacle, stage }
        }
    }
}

/// The earlier of two moments, where there are any.
pub(crate) fn earliest(one: Option<Monotonic>, other: Option<Monotonic>) -> Option<Monotonic> {
    one.into_iter().chain(other).min()
}

/// What an action does, for people, in the present tense.
fn doing(action: &Action) -> String {
    match action {
        Action::Pull { image, .. } => format!("pulling {image}"),
        Action::Create(plan) => format!("creating {} for release {}", plan.place, plan.release),
        Action::Start(place) => format!("starting {place}"),
        Action::Probe { place, .. } => format!("probing {place}"),
        Action::SetRestart { place, .. } => format!("setting what the engine does when {place} ends"),
        Action::Stop { place, .. } => format!("stopping {place}"),
        Action::Remove(place) => format!("removing {place}"),
        Action::Collect(place) => format!("gathering the proof of the failure of {place}"),
        Action::Wait => "waiting".to_owned(),
    }
}
