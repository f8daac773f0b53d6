//! A generation that has not ended: it goes forward, or is given up, with the proof of why. Not here: the changes themselves (`swap`).

use evenkeel_model::{CauseKind, Failure, Monotonic, ServiceName, Stage};

use crate::health::{self, Verdict};
use crate::memory::Attempt;
use crate::release::Target;
use crate::situation::Situation;
use crate::swap::{self, Change};
use crate::turn::{Move, Pause, Todo, Turn, turn};
use crate::{Action, Container, End, trial};

/// What is next for a release that should run and is not final.
pub(crate) fn next(s: &Situation<'_>, wanted: &Target<'_>) -> Move {
    if let Some((container, kind)) = first_failed(s, wanted) {
        return give_up(s, container, kind);
    }
    match swap::next_change(s, wanted) {
        Some(Change::Make(action)) => attempt(s, wanted, action),
        Some(Change::Keep(action)) => working(s, Some(action)).until_deadline(s, wanted),
        Some(Change::Prove(name)) => prove(s, wanted, &name),
        Some(Change::Wait(pause)) => wait(s, wanted, pause),
        None => trial::next(s, wanted),
    }
}

/// A revert with `failure` as its reason.
pub(crate) fn revert(failure: Failure) -> Move {
    Move::End(End::Reverting { failure: Box::new(failure) })
}

fn working(s: &Situation<'_>, todo: impl Into<Todo>) -> Turn {
    turn(s, Stage::Working, todo.into(), &[&s.wanted, &s.base], "")
}

fn prove(s: &Situation<'_>, wanted: &Target<'_>, name: &ServiceName) -> Move {
    let held =
        if s.is_held(name) { format!("holding requests for {name} while it is replaced; ") } else { String::new() };
    let why = format!("{held}waiting for {name} to become healthy{}", one_by_one(s, name));
    working(s, Pause::new(why, None)).until_deadline(s, wanted)
}

/// Why old and new don't run side by side though the release does not ask for that; empty if they do.
fn one_by_one(s: &Situation<'_>, name: &ServiceName) -> String {
    let port = s.wanted.get(name).and_then(|wanted| s.adopted(name, wanted));
    port.map_or_else(String::new, |port| {
        format!(" (port {} passes from the engine to the proxy, so old and new can't run side by side)", port.published)
    })
}

/// Waits for what only time or somebody else can bring about; an obstacle has its time too.
fn wait(s: &Situation<'_>, wanted: &Target<'_>, pause: Pause) -> Move {
    let Some(obstacle) = &pause.obstacle else { return working(s, pause).until_deadline(s, wanted) };
    let deadline = match obstacle.kind {
        CauseKind::DiskFull => s.memory.pull_began().map(|began| began + s.assignment().terms.pull_deadline),
        _ => pause.until,
    };
    if deadline.is_some_and(|deadline| s.now >= deadline) {
        return revert(obstacle.clone());
    }
    working(s, pause).until(deadline).until_deadline(s, wanted)
}

impl Turn {
    fn until_deadline(self, s: &Situation<'_>, wanted: &Target<'_>) -> Move {
        Move::Turn(Box::new(self.until(next_deadline(s, wanted))))
    }
}

fn verdicts<'a>(s: &Situation<'a>, wanted: &Target<'_>) -> Vec<(&'a Container, Verdict)> {
    let deadline = s.assignment().terms.health_deadline;
    let containers = wanted.services().filter_map(|(name, service)| s.find(name, &service.fingerprint));
    containers.map(|container| (container, health::verdict(container, s.seen(container), deadline, s.now))).collect()
}

fn first_failed<'a>(s: &Situation<'a>, wanted: &Target<'_>) -> Option<(&'a Container, CauseKind)> {
    verdicts(s, wanted).into_iter().find_map(|(container, verdict)| match verdict {
        Verdict::Failed(kind) => Some((container, kind)),
        Verdict::Idle | Verdict::Proving { .. } | Verdict::Healthy => None,
    })
}

/// When the first of the containers that are not proven has had its time.
fn next_deadline(s: &Situation<'_>, wanted: &Target<'_>) -> Option<Monotonic> {
    let deadlines = verdicts(s, wanted).into_iter().filter_map(|(_, verdict)| match verdict {
        Verdict::Proving { deadline } => Some(deadline),
        Verdict::Idle | Verdict::Healthy | Verdict::Failed(_) => None,
    });
    deadlines.min()
}

/// The proof is gathered while the container is still there, once; then the revert is decided, and only then anything is stopped.
fn give_up(s: &Situation<'_>, container: &Container, kind: CauseKind) -> Move {
    let Some(collected) = s.memory.evidence(&container.id) else {
        return Move::Turn(Box::new(Turn {
            action: Action::Collect(container.place.clone()),
            wake_at: None,
            why: format!("gathering the proof that {} failed: {kind}", container.place),
            obstacle: None,
            stage: Stage::Working,
        }));
    };
    let deadline = s.assignment().terms.health_deadline;
    revert(health::failure(kind, container, s.seen(container), collected, deadline))
}

/// Tries a change, unless its failures have used up what they may.
fn attempt(s: &Situation<'_>, wanted: &Target<'_>, action: Action) -> Move {
    let attempt = s.memory.attempt(&action);
    let deadline = budget_end(s, &action, attempt);
    let spent = deadline.is_some_and(|deadline| s.now >= deadline);
    let failure = attempt.and_then(|attempt| attempt.failure.as_ref());
    match failure {
        Some(failure) if spent || (makes(&action) && !failure.kind.is_passing()) => revert(named(failure, &action)),
        None if spent => revert(pull_timeout(s, &action)),
        _ => {
            let place = if let Action::Stop { place, .. } = &action { Some(place.clone()) } else { None };
            let mut turn = working(s, Some(action)).until(deadline);
            if let Some(place) = place {
                turn.why += &one_by_one(s, &place.service);
            }
            turn.until_deadline(s, wanted)
        }
    }
}

/// Whether the action makes the new release run: that it fails may prove the release bad. Others are about the old one.
fn makes(action: &Action) -> bool {
    matches!(action, Action::Pull { .. } | Action::Create(_) | Action::Start(_) | Action::Route(_))
}

/// Until when an action may be tried: pulls have a budget from when they were first needed, others from when they first failed.
fn budget_end(s: &Situation<'_>, action: &Action, attempt: Option<&Attempt>) -> Option<Monotonic> {
    let terms = s.assignment().terms;
    match action {
        Action::Pull { .. } => s.memory.pull_began().map(|began| began + terms.pull_deadline),
        _ => attempt?.failed_since.map(|since| since + terms.health_deadline),
    }
}

/// The failure with the service it happened to, if the port did not name it.
fn named(failure: &Failure, action: &Action) -> Failure {
    let service = match action {
        Action::Create(plan) => Some(plan.place.service.clone()),
        Action::Start(place)
        | Action::Stop { place, .. }
        | Action::SetRestart { place, .. }
        | Action::Remove(place) => Some(place.service.clone()),
        _ => None,
    };
    Failure { service: failure.service.clone().or(service), ..failure.clone() }
}

fn pull_timeout(s: &Situation<'_>, action: &Action) -> Failure {
    let deadline = s.assignment().terms.pull_deadline;
    let image = match action {
        Action::Pull { image, .. } => image.to_string(),
        _ => String::new(),
    };
    Failure::plain(CauseKind::PullTimeout, format!("the image is not here within {deadline}: {image}"))
}

#[cfg(test)]
mod tests;
