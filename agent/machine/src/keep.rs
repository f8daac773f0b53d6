//! A release that is to serve and need not be proven: the base, in a revert and after it, or what was committed. Its containers run, with
//! the engine's restart as written, and nothing else of the app is left but what is kept for a while (`blue`). Not here: when that is enough (`revert`, `settle`), who gets the
//! traffic meanwhile (`route`).

use evenkeel_model::{Restart, ServiceName};

use crate::release::{Target, Wanted};
use crate::room::spare;
use crate::route::Routing;
use crate::situation::Situation;
use crate::turn::{Pause, Todo};
use crate::{Action, Container, swap};

/// How hard it is tried to make a container run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zeal {
    /// As long as it takes: nothing serves otherwise.
    Insist,
    /// Once in an engine session: after that it is the engine's business, and the operator's.
    Once,
}

/// All that is left to do, what serves first.
pub(crate) fn changes(s: &Situation<'_>, target: &Target<'_>, zeal: Zeal) -> Todo {
    let mut todo = Todo::from(s.routing().action());
    for (name, wanted) in target.services() {
        bring_up(s, target, (name, wanted), zeal, &mut todo);
    }
    for (name, wanted) in target.services() {
        finish(s, name, wanted, zeal, &mut todo);
    }
    for surplus in s.observed.containers.iter().filter(|container| target.get(&container.place.service).is_none()) {
        let_go(s, surplus, &mut todo);
    }
    todo
}

/// A container that does not serve any more goes, unless it is kept for a while: then the engine is not to start it again.
fn let_go(s: &Situation<'_>, container: &Container, todo: &mut Todo) {
    if !s.is_kept(container) {
        todo.end(s, container, Some(s.removal(container)));
    } else if container.restart != Restart::No {
        todo.actions.push(Action::SetRestart { place: container.place.clone(), restart: Restart::No });
    }
}

/// What makes this service's container run.
pub(crate) fn bring_up(
    s: &Situation<'_>,
    target: &Target<'_>,
    (name, wanted): (&ServiceName, &Wanted),
    zeal: Zeal,
    todo: &mut Todo,
) {
    let Some(keeper) = s.find(name, &wanted.fingerprint) else {
        return make(s, target, (name, wanted), zeal, todo);
    };
    if keeper.is_running() || !may_start(s, keeper, wanted, zeal) {
        return;
    }
    if let Some(other) = clash(s, name, keeper, wanted) {
        return todo.end(s, other, s.quiet(other));
    }
    let needs_port = wanted.service.spec.ports.iter().any(|port| !port.is_routed());
    // The proxy lets go of the port first.
    if !(needs_port && s.proxy_answers() && matches!(s.routing(), Routing::Due(_))) {
        todo.actions.push(Action::Start(keeper.place.clone()));
    }
}

/// What makes this service's container.
fn make(s: &Situation<'_>, target: &Target<'_>, (name, wanted): (&ServiceName, &Wanted), zeal: Zeal, todo: &mut Todo) {
    let image = &wanted.service.image;
    if !s.has_image(image.digest()) {
        return todo.add(swap::pull_of(s, image, s.assignment().terms.pull_deadline));
    }
    let Some(slot) = s.free_slot(name) else {
        if let Some(spare) = spare(s, name) {
            todo.end(s, spare, Some(s.removal(spare)));
        }
        return;
    };
    let Some(create) = s.creation(target, name, slot) else { return };
    let again = s.memory.attempt(&create).is_some_and(|attempt| attempt.done > 0);
    if zeal == Zeal::Insist || !again {
        todo.actions.push(create);
    }
}

fn may_start(s: &Situation<'_>, keeper: &Container, wanted: &Wanted, zeal: Zeal) -> bool {
    let restart = wanted.service.spec.restart;
    let engine_does = keeper.restart == restart;
    let fresh = !s.has_run(keeper);
    let never_started = keeper.state == crate::ContainerState::Created;
    let stopped = s.seen(keeper).is_some_and(|seen| seen.stopped);
    zeal == Zeal::Insist || stopped || (fresh && (never_started || restart != Restart::No)) || !engine_does
}

/// The other container of the service, where the two can't run side by side: it ends before this one starts.
fn clash<'a>(s: &Situation<'a>, name: &ServiceName, keeper: &Container, wanted: &Wanted) -> Option<&'a Container> {
    let mut others = s.containers_of(name).filter(|other| other.id != keeper.id && !s.may_run_beside(wanted, other));
    others.find(|other| s.quiet(other).is_some())
}

/// What is left to do for a service once its container runs.
fn finish(s: &Situation<'_>, name: &ServiceName, wanted: &Wanted, zeal: Zeal, todo: &mut Todo) {
    let Some(keeper) = s.find(name, &wanted.fingerprint) else { return };
    if zeal == Zeal::Insist && keeper.is_running() && waits_for_proof(s, keeper, wanted) {
        let since = s.seen(keeper).and_then(|seen| seen.since);
        let why = format!("waiting for {name} to become healthy before it gets the traffic back");
        let until = since.map(|since| since + s.assignment().terms.health_deadline);
        return todo.pauses.push(Pause::new(why, until));
    }
    let restart = wanted.service.spec.restart;
    if keeper.is_running() && keeper.restart != restart {
        todo.actions.push(Action::SetRestart { place: keeper.place.clone(), restart });
    }
    if keeper.is_running() || zeal == Zeal::Once {
        for other in s.containers_of(name).filter(|other| other.id != keeper.id) {
            let_go(s, other, todo);
        }
    }
}

/// Whether the container is to get the traffic, and is not to get it yet.
pub(crate) fn waits_for_proof(s: &Situation<'_>, keeper: &Container, wanted: &Wanted) -> bool {
    let has_ports = s.plan().is_some_and(|plan| plan.services.contains_key(&keeper.place.service));
    wanted.is_routed() && has_ports && keeper.address.is_some() && !s.should_be_routed_to(keeper)
}
