//! What a trial below its full share needs beside the way forward: the base serves on, and what can't be beside it is named. Not here: who
//! gets the traffic (`route`), the new containers (`swap`).

use evenkeel_model::{CauseKind, Failure, ServiceName};

use crate::keep::{self, Zeal};
use crate::release::{Goal, Target, Wanted};
use crate::situation::Situation;
use crate::swap::{self, Change};
use crate::turn::{Pause, Todo};
use crate::{Action, revive, route};

/// What comes before all that is made; none if nothing does.
pub(crate) fn next(s: &Situation<'_>, wanted: &Target<'_>) -> Option<Change> {
    if !s.is_beside() {
        return None;
    }
    first(s, upkeep(s)).or_else(|| hindrance(s, wanted).map(Change::Wait))
}

/// What is left to do for the base when nothing is left to do for the release: what was tried in vain, and what does not serve well.
pub(crate) fn care(s: &Situation<'_>) -> Todo {
    let mut todo = Todo::default();
    if s.is_beside() {
        todo.add(upkeep(s));
        todo.add(revive::todo(s, &s.base));
    }
    todo
}

/// What brings the base's containers back that should serve on, and do not: a trial that had all may have stopped them.
fn upkeep(s: &Situation<'_>) -> Todo {
    let mut todo = Todo::default();
    let Some(base) = s.base.target() else { return todo };
    for (name, older) in base.services().filter(|(name, older)| serves_on(s, name, older)) {
        bring_back(s, base, (name, older), &mut todo);
    }
    todo
}

/// The first that may be tried now. What has to wait for its next try does not hold up the release.
fn first(s: &Situation<'_>, todo: Todo) -> Option<Change> {
    let may_be_tried = |action: &Action| s.memory.attempt(action).is_none_or(|attempt| attempt.next <= s.now);
    if let Some(action) = todo.actions.into_iter().find(may_be_tried) {
        return Some(Change::Keep(action));
    }
    // Nor does room on the disk, for an image of the base.
    todo.pauses.into_iter().find(|pause| pause.obstacle.is_none()).map(Change::Wait)
}

/// Whether the base's container of this service is to run beside another, or alone.
fn serves_on(s: &Situation<'_>, name: &ServiceName, older: &Wanted) -> bool {
    let is_same = s.wanted.get(name).is_some_and(|newer| newer.fingerprint == older.fingerprint);
    !is_same && !s.is_replaced(name)
}

fn bring_back(s: &Situation<'_>, base: &Target<'_>, (name, older): (&ServiceName, &Wanted), todo: &mut Todo) {
    let Some(keeper) = s.find(name, &older.fingerprint) else {
        // Nothing makes room for it: the new container, or what a superseded generation left, may be in the other place.
        if s.free_slot(name).is_some() {
            keep::bring_up(s, base, (name, older), Zeal::Once, todo);
        }
        return;
    };
    if !keeper.is_running() {
        let before = todo.actions.len();
        keep::bring_up(s, base, (name, older), Zeal::Once, todo);
        // What the engine never starts may have been stopped by an earlier life of this agent.
        if todo.actions.len() == before && older.is_routed() && s.containers_of(name).count() > 1 {
            todo.actions.extend(swap::rescue_start(s, keeper));
        }
        return;
    }
    let restart = older.service.spec.restart;
    if keeper.restart != restart && !keep::waits_for_proof(s, keeper, older) {
        todo.actions.push(Action::SetRestart { place: keeper.place.clone(), restart });
    }
}

/// What keeps the release from running beside the one before. Nothing of it is made then.
fn hindrance(s: &Situation<'_>, wanted: &Target<'_>) -> Option<Pause> {
    if matches!(s.base, Goal::Unreadable) {
        let why = "the manifest of the release before can't be read by this version of the agent, so nothing can run beside it";
        return Some(obstacle(Failure::plain(CauseKind::Forbidden, why)));
    }
    let (name, why) = wanted.services().find_map(|(name, _)| Some((name, s.why_not_staged(name)?)))?;
    let message = format!(
        "{name} can't run beside its old container ({why}), so the release can't be staged: nothing of it is made before it is to have all"
    );
    Some(obstacle(of(name, message)))
}

/// What keeps the traffic from being divided as asked for. All else is done then.
pub(crate) fn undivided(s: &Situation<'_>, wanted: &Target<'_>) -> Option<Change> {
    let (name, why) = wanted.services().find_map(|(name, _)| Some((name, route::why_not_divided(s, name)?)))?;
    let message = format!("what comes to {name} can't be divided between the releases: {why}");
    Some(Change::Wait(obstacle(of(name, message))))
}

fn of(name: &ServiceName, message: String) -> Failure {
    Failure { service: Some(name.clone()), ..Failure::plain(CauseKind::Unstartable, message) }
}

/// It stays until something else is asked for.
fn obstacle(failure: Failure) -> Pause {
    Pause { why: failure.message.clone(), until: None, obstacle: Some(failure) }
}

#[cfg(test)]
mod tests;
