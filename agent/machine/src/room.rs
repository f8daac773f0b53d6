//! Making a new container where both of a service's places may be taken: what a superseded generation or an earlier commit left makes room,
//! never the base's.
//! Not here: what comes before and after (`swap`).

use evenkeel_model::{Order, ServiceName, Slot};

use crate::Container;
use crate::release::{Target, Wanted};
use crate::situation::Situation;
use crate::swap::{self, Change};

/// What makes the new container, or room for it.
pub(crate) fn create(s: &Situation<'_>, target: &Target<'_>, name: &ServiceName, wanted: &Wanted) -> Change {
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
    let first = stand_in(s, name, victim, order).or_else(|| Change::before_leaving(s, victim));
    Some(first.unwrap_or_else(|| Change::Make(s.removal(victim))))
}

/// The container that goes now in order to make room, so that it gets nothing new any more.
pub(crate) fn victim<'a>(s: &Situation<'a>, name: &ServiceName) -> Option<&'a Container> {
    let target = s.wanted.target()?;
    let wanted = target.get(name)?;
    let is_its_turn = swap::missing(s, target).is_none() && swap::turn(s, target).is_some_and(|(turn, _)| turn == name);
    if !is_its_turn || s.find(name, &wanted.fingerprint).is_some() || s.free_slot(name).is_some() {
        return None;
    }
    spare(s, name).filter(|victim| stand_in(s, name, victim, wanted.service.spec.order).is_none())
}

/// What is left to do until the base's container serves in the victim's stead, where it should.
fn stand_in(s: &Situation<'_>, name: &ServiceName, victim: &Container, order: Order) -> Option<Change> {
    let keeper = s.keeper(&s.base, name).filter(|keeper| keeper.id != victim.id)?;
    // One that is kept without traffic serves nobody.
    if s.is_blue(victim) && !s.may_be_routed_to(victim) {
        return None;
    }
    if victim.is_running() && order == Order::StartFirst { prove_base(s, keeper, victim) } else { None }
}

/// The container that can be spared: of those that are not the base's, one that does not run, else the newest.
pub(crate) fn spare<'a>(s: &Situation<'a>, name: &ServiceName) -> Option<&'a Container> {
    let spare = s.containers_of(name).filter(|container| !s.is_base(container));
    spare.max_by_key(|container| (!container.is_running(), container.version, container.place.slot == Slot::B))
}

/// What is left to do until the base's container can serve in the victim's stead; none if it does, or if it can't. One that says no may
/// still be booting: that it is no worse counts only where the victim is of no use.
fn prove_base(s: &Situation<'_>, keeper: &Container, victim: &Container) -> Option<Change> {
    if !keeper.is_running() {
        return swap::rescue_start(s, keeper).map(Change::Make);
    }
    let seen = s.seen(keeper)?;
    let late = seen.since.is_some_and(|since| s.now >= since + s.assignment().terms.health_deadline);
    let settled = seen.healthy == Some(true) || late || (seen.says_no() && is_useless(s, victim, keeper));
    (!settled).then(|| Change::Prove(keeper.place.service.clone()))
}

/// Whether the victim is known to serve nobody. Nothing can be asked of it any more: its rule went with its release. But only one that was
/// proven gets the traffic, and where there is none, the base is stopped only for one that was proven.
fn is_useless(s: &Situation<'_>, victim: &Container, keeper: &Container) -> bool {
    let service = &victim.place.service;
    let crashed = s.seen(victim).is_some_and(|seen| seen.crashed);
    let never_took_over =
        if s.is_routed_service(service) { !s.may_be_routed_to(victim) } else { !s.was_taken_down(keeper) };
    crashed || never_took_over
}

#[cfg(test)]
mod tests;
