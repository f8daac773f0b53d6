//! A release that is to serve and need not be proven: the base, in a revert and after it, or what was committed. Its containers run, with
//! the engine's restart as written, and nothing else of the app is left. Not here: when that is enough (`revert`, `settle`).

use evenkeel_model::{Order, Restart, ServiceName};

use crate::release::{Target, Wanted};
use crate::situation::Situation;
use crate::swap::spare;
use crate::{Action, Container};

/// How hard it is tried to make a container run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zeal {
    /// As long as it takes: nothing serves otherwise.
    Insist,
    /// Once in an engine session: after that it is the engine's business, and the operator's.
    Once,
}

/// All that is left to change, what serves first.
pub(crate) fn changes(s: &Situation<'_>, target: &Target<'_>, zeal: Zeal) -> Vec<Action> {
    let mut changes = Vec::new();
    for (name, wanted) in target.services() {
        changes.extend(bring_up(s, target, (name, wanted), zeal));
    }
    for (name, wanted) in target.services() {
        changes.extend(finish(s, name, wanted, zeal));
    }
    let surplus = s.observed.containers.iter().filter(|container| target.get(&container.place.service).is_none());
    changes.extend(surplus.map(|container| s.removal(container)));
    changes
}

/// What makes this service's container run.
fn bring_up(
    s: &Situation<'_>,
    target: &Target<'_>,
    (name, wanted): (&ServiceName, &Wanted),
    zeal: Zeal,
) -> Option<Action> {
    let keeper = s.find(name, &wanted.fingerprint);
    if let Some(keeper) = keeper {
        if keeper.is_running() || !may_start(s, keeper, wanted, zeal) {
            return None;
        }
        return Some(clash(s, name, keeper, wanted).unwrap_or_else(|| Action::Start(keeper.place.clone())));
    }
    let image = &wanted.service.image;
    if !s.has_image(image.digest()) {
        return Some(Action::Pull { image: image.clone(), timeout: s.assignment().terms.pull_deadline });
    }
    let Some(slot) = s.free_slot(name) else { return spare(s, name).map(|spare| s.removal(spare)) };
    let create = s.creation(target, name, slot)?;
    let again = s.memory.attempt(&create).is_some_and(|attempt| attempt.done > 0);
    (zeal == Zeal::Insist || !again).then_some(create)
}

fn may_start(s: &Situation<'_>, keeper: &Container, wanted: &Wanted, zeal: Zeal) -> bool {
    let restart = wanted.service.spec.restart;
    let engine_does = keeper.restart == restart;
    let fresh = !s.has_run(keeper);
    let never_started = keeper.state == crate::ContainerState::Created;
    zeal == Zeal::Insist || (fresh && (never_started || restart != Restart::No)) || !engine_does
}

/// The other container of the service, where the two can't run side by side: it ends before this one starts.
fn clash(s: &Situation<'_>, name: &ServiceName, keeper: &Container, wanted: &Wanted) -> Option<Action> {
    let newer = s.wanted.target().and_then(|target| target.get(name)).map(|newer| newer.service.spec.order);
    if wanted.service.spec.order == Order::StartFirst && newer != Some(Order::StopFirst) {
        return None;
    }
    s.containers_of(name).filter(|other| other.id != keeper.id).find_map(|other| s.quiet(other))
}

/// What is left to do for a service once its container runs.
fn finish(s: &Situation<'_>, name: &ServiceName, wanted: &Wanted, zeal: Zeal) -> Vec<Action> {
    let mut changes = Vec::new();
    let Some(keeper) = s.find(name, &wanted.fingerprint) else { return changes };
    let restart = wanted.service.spec.restart;
    if keeper.is_running() && keeper.restart != restart {
        changes.push(Action::SetRestart { place: keeper.place.clone(), restart });
    }
    if keeper.is_running() || zeal == Zeal::Once {
        let others = s.containers_of(name).filter(|other| other.id != keeper.id);
        changes.extend(others.map(|other| s.removal(other)));
    }
    changes
}
