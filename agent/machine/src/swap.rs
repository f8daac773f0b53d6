//! The way forward, one change at a time: images first, then service after service in the order of their names, each proven before the
//! next. The base's containers are stopped, never removed. Not here: giving up (`forward`), the commit (`settle`).

use evenkeel_model::{Millis, Order, ServiceName, Slot};

use crate::release::{Target, Wanted};
use crate::situation::Situation;
use crate::{Action, Container};

/// What is to be done next for the release.
#[derive(Debug)]
pub(crate) enum Change {
    /// This.
    Make(Action),
    /// Wait for this service's container to be proven.
    Prove(ServiceName),
}

/// The next change; none once every service is proven and all else is quiet: the trial.
pub(crate) fn next_change(s: &Situation<'_>, wanted: &Target<'_>) -> Option<Change> {
    let made = rescue(s).or_else(|| pull(s, wanted)).map(Change::Make);
    made.or_else(|| wanted.services().find_map(|(name, service)| swap(s, wanted, name, service)))
        .or_else(|| surplus(s, wanted).map(Change::Make))
}

/// A base container that a superseded generation had stopped, where nothing serves now: it comes back before anything that takes long.
/// Tried once: what matters is the new release.
fn rescue(s: &Situation<'_>) -> Option<Action> {
    let base = s.base.target()?;
    base.services().find_map(|(name, service)| {
        let keeper = s.find(name, &service.fingerprint)?;
        let was_stopped = keeper.restart != service.service.spec.restart || s.containers_of(name).count() > 1;
        let serves = s.containers_of(name).any(Container::is_running);
        let newer_is_here = s.keeper(&s.wanted, name).is_some();
        (was_stopped && !serves && !newer_is_here).then(|| rescue_start(s, keeper)).flatten()
    })
}

/// Starting a base container, unless it was tried or has run in this session.
fn rescue_start(s: &Situation<'_>, keeper: &Container) -> Option<Action> {
    let start = Action::Start(keeper.place.clone());
    (!s.has_run(keeper) && s.memory.attempt(&start).is_none()).then_some(start)
}

/// All images are here before the first container is touched.
fn pull(s: &Situation<'_>, wanted: &Target<'_>) -> Option<Action> {
    let mut missing =
        wanted.services().filter(|(name, service)| s.find(name, &service.fingerprint).is_none()).map(|(_, w)| w);
    let image = &missing.find(|service| !s.has_image(service.service.image.digest()))?.service.image;
    let began = s.memory.pull_began().unwrap_or(s.now);
    let left = s.assignment().terms.pull_deadline.0.saturating_sub(s.now.since(began).0);
    Some(Action::Pull { image: image.clone(), timeout: Millis(left) })
}

fn swap(s: &Situation<'_>, target: &Target<'_>, name: &ServiceName, wanted: &Wanted) -> Option<Change> {
    let Some(new) = s.find(name, &wanted.fingerprint) else {
        return Some(create(s, target, name, wanted));
    };
    let mut others = s.containers_of(name).filter(|other| other.id != new.id);
    if !new.is_running() {
        let first = match wanted.service.spec.order {
            Order::StopFirst => others.find_map(|other| s.quiet(other)),
            Order::StartFirst => None,
        };
        return Some(Change::Make(first.unwrap_or_else(|| Action::Start(new.place.clone()))));
    }
    if s.seen(new).and_then(|seen| seen.healthy) != Some(true) {
        return Some(Change::Prove(name.clone()));
    }
    others.find_map(|other| retire(s, other)).map(Change::Make)
}

/// A container that is not wanted any more: the base's is kept, stopped, for a revert; what a superseded generation left goes.
fn retire(s: &Situation<'_>, container: &Container) -> Option<Action> {
    if s.is_base(container) { s.quiet(container) } else { Some(s.removal(container)) }
}

/// Services that the new release does not have; last, so that they serve as long as the rest may still fail.
fn surplus(s: &Situation<'_>, wanted: &Target<'_>) -> Option<Action> {
    let mut surplus = s.observed.containers.iter().filter(|container| wanted.get(&container.place.service).is_none());
    surplus.find_map(|container| retire(s, container))
}

fn create(s: &Situation<'_>, target: &Target<'_>, name: &ServiceName, wanted: &Wanted) -> Change {
    let change = match s.free_slot(name) {
        Some(slot) => s.creation(target, name, slot).map(Change::Make),
        None => make_room(s, name, wanted.service.spec.order),
    };
    // Both places hold what a base that can't be read may need: nothing may be done about it here.
    change.unwrap_or_else(|| Change::Prove(name.clone()))
}

/// Both places are taken, by the base and a superseded generation or by two of those: one of those goes. If it is the only one that
/// serves, and could go on serving beside the new one, the base comes back first.
fn make_room(s: &Situation<'_>, name: &ServiceName, order: Order) -> Option<Change> {
    let victim = spare(s, name)?;
    let keeper = s.keeper(&s.base, name).filter(|keeper| keeper.id != victim.id);
    if victim.is_running()
        && order == Order::StartFirst
        && let Some(keeper) = keeper
        && let Some(change) = prove_base(s, keeper)
    {
        return Some(change);
    }
    Some(Change::Make(s.removal(victim)))
}

/// The container that can be spared: of those that are not the base's, one that does not run, else the newest.
pub(crate) fn spare<'a>(s: &Situation<'a>, name: &ServiceName) -> Option<&'a Container> {
    let spare = s.containers_of(name).filter(|container| !s.is_base(container));
    spare.max_by_key(|container| (!container.is_running(), container.version, container.place.slot == Slot::B))
}

/// What is left to do until the base's container serves; none if it does, or if it can't.
fn prove_base(s: &Situation<'_>, keeper: &Container) -> Option<Change> {
    if !keeper.is_running() {
        return rescue_start(s, keeper).map(Change::Make);
    }
    let seen = s.seen(keeper)?;
    let late = seen.since.is_some_and(|since| s.now >= since + s.assignment().terms.health_deadline);
    let settled = seen.healthy.is_some() || seen.says_no() || late;
    (!settled).then(|| Change::Prove(keeper.place.service.clone()))
}
