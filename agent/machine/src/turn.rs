//! What a step decides: the first change that may be tried now, else the probe that is due, else a wait with its end. Not here: which
//! changes there are to make (the steps).

use evenkeel_model::{Failure, Monotonic, Stage};

use crate::drain::{Leave, leave};
use crate::release::Goal;
use crate::situation::Situation;
use crate::{Action, Container, End};

/// What a step comes to.
#[derive(Debug)]
pub(crate) enum Move {
    /// An action, or a wait.
    Turn(Box<Turn>),
    /// The generation ends so, and the decision is made anew with that in the ledger.
    End(End),
    /// The images of the oldest of the kept releases are dealt with, and the decision is made anew without it in the ledger.
    Forgotten,
    /// Nothing of the release before runs on any more, and the decision is made anew without it in the ledger.
    Parted,
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

/// Something that only time, or somebody else, can bring about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pause {
    /// What is waited for, for people.
    pub(crate) why: String,
    /// When it is over at the latest; none: an event ends it.
    pub(crate) until: Option<Monotonic>,
    /// What stands in the way, if it is not in the order of things.
    pub(crate) obstacle: Option<Failure>,
}

impl Pause {
    /// One that is in the order of things.
    pub(crate) fn new(why: String, until: Option<Monotonic>) -> Self {
        Self { why, until, obstacle: None }
    }
}

/// What a step still has to do: changes, the most urgent first, and what it waits for beside them.
#[derive(Debug, Default)]
pub(crate) struct Todo {
    pub(crate) actions: Vec<Action>,
    pub(crate) pauses: Vec<Pause>,
}

impl Todo {
    pub(crate) fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.pauses.is_empty()
    }

    /// The same, after what is there already.
    pub(crate) fn add(&mut self, other: impl Into<Self>) {
        let other = other.into();
        self.actions.extend(other.actions);
        self.pauses.extend(other.pauses);
    }

    /// Ends a container by `action`, once it may be.
    pub(crate) fn end(&mut self, s: &Situation<'_>, container: &Container, action: Option<Action>) {
        let Some(action) = action else { return };
        match leave(s, container) {
            Leave::Now => self.actions.push(action),
            Leave::First(before) => self.actions.push(before),
            Leave::Wait(pause) => self.pauses.push(pause),
        }
    }
}

impl From<Option<Action>> for Todo {
    fn from(action: Option<Action>) -> Self {
        Self { actions: action.into_iter().collect(), pauses: Vec::new() }
    }
}

impl From<Pause> for Todo {
    fn from(pause: Pause) -> Self {
        Self { actions: Vec::new(), pauses: vec![pause] }
    }
}

/// The turn that makes the first of the changes that may be tried now. `idle` says what is waited for if there is nothing to do.
pub(crate) fn turn(s: &Situation<'_>, stage: Stage, todo: Todo, probed: &[&Goal<'_>], idle: &str) -> Turn {
    let mut wake_at = todo.pauses.iter().filter_map(|pause| pause.until).filter(|until| *until > s.now).min();
    let mut held: Option<(Action, Option<Failure>)> = None;
    for action in todo.actions {
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
    let (why, obstacle) = match (held, todo.pauses.into_iter().next()) {
        (Some((action, Some(failure))), _) => {
            (format!("waiting to go on {}: {failure}", doing(&action)), Some(failure))
        }
        (_, Some(pause)) => (pause.why, pause.obstacle),
        (Some((action, None)), None) => (format!("waiting to go on {}", doing(&action)), None),
        (None, None) => (idle.to_owned(), None),
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
        Action::Route(_) => "telling the proxy who gets the traffic".to_owned(),
        Action::Cut { container } => format!("ending what is still under way at {container}"),
        Action::Forget { image } => format!("taking {image} away, which no kept release needs"),
        Action::Collect(place) => format!("gathering the proof of the failure of {place}"),
        Action::Wait => "waiting".to_owned(),
    }
}
