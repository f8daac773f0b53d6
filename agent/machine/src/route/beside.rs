//! Each service's part of the plan while the release before serves on beside the one in trial: what the old release has it keeps, and the
//! new one gets its share of that. Not here: a trial that has all (`parts`), which containers run meanwhile (`staging`, `swap`).

use evenkeel_model::{Millis, Port, ServiceName, Share};

use super::parts::{self, Step};
use super::{Part, claims};
use crate::release::{Goal, Target, Wanted};
use crate::situation::Situation;
use crate::{Container, room};

/// Whether it can't be told who should serve on: the old release can't be read, or a container of it that has the traffic is not seen to
/// have an address any more.
pub(super) fn is_lost(s: &Situation<'_>) -> bool {
    let Some(base) = s.base.target() else { return matches!(s.base, Goal::Unreadable) };
    let mut keepers = base.services().filter_map(|(name, old)| s.find(name, &old.fingerprint));
    keepers.any(|keeper| keeper.address.is_none() && s.is_routed_to(keeper))
}

/// One service's part; none: it has nothing to do with the proxy.
pub(super) fn part<'s>(
    s: &'s Situation<'_>,
    wanted: &'s Target<'_>,
    name: &'s ServiceName,
    step: Option<Step>,
) -> Option<Part<'s>> {
    let newer = wanted.get(name).filter(|newer| newer.is_routed());
    let older = s.base.get(name).filter(|older| older.is_routed());
    match (newer, older) {
        _ if s.why_not_staged(name).is_some() => unstaged(s, wanted, name, (newer, older)),
        (Some(newer), Some(older)) => Some(both(s, name, newer, older)),
        (Some(newer), None) => Some(alone(s, name, newer, step)),
        (None, Some(older)) => Some(staying(s, name, older)),
        (None, None) => None,
    }
}

/// One that can't run beside its old container: where that was replaced before, it stays so.
fn unstaged<'s>(
    s: &'s Situation<'_>,
    wanted: &Target<'_>,
    name: &'s ServiceName,
    (newer, older): (Option<&'s Wanted>, Option<&'s Wanted>),
) -> Option<Part<'s>> {
    let is_replaced = s.is_replaced(name);
    match newer {
        Some(newer) if is_replaced => Some(parts::way_forward(s, name, newer, None)),
        None if is_replaced => parts::leaving(s, wanted, name, wanted.get(name), None),
        _ => older.map(|older| staying(s, name, older)),
    }
}

/// Both releases have it. The ports are the old one's, and what comes to them is divided.
fn both<'s>(s: &'s Situation<'_>, name: &'s ServiceName, newer: &'s Wanted, older: &'s Wanted) -> Part<'s> {
    let claims = to_come(s, newer);
    if newer.fingerprint == older.fingerprint {
        return Part { claims, ..staying(s, name, older) };
    }
    let new = s.find(name, &newer.fingerprint).filter(|new| parts::takes_over(s, new));
    let can_be_divided = newer.service.spec.why_not_divided(&older.service.spec).is_none();
    let share = if can_be_divided { s.share() } else { Share::NONE };
    let part = match (ready(s, name, older), new) {
        (Some(old), Some(new)) if share > Share::NONE => {
            Part::divided(name, &older.service.spec, vec![(old, share.rest()), (new, share.percent())])
        }
        // Nothing better is to be had until the old one serves.
        (None, Some(new)) if share > Share::NONE || s.is_routed_to(new) => {
            return Part { switched: false, ..Part::serving(name, &newer.service.spec, vec![new]) };
        }
        _ => staying(s, name, older),
    };
    Part { claims, ..part }
}

/// The old release does not have it. At 0 its ports are open, so that it shows if somebody else has them, and what comes is refused at once.
fn alone<'s>(s: &'s Situation<'_>, name: &'s ServiceName, newer: &'s Wanted, step: Option<Step>) -> Part<'s> {
    if s.share() > Share::NONE {
        let part = parts::way_forward(s, name, newer, step);
        let free = |ports: Vec<&'s Port>| ports.into_iter().filter(|port| !is_withheld(s, port)).collect();
        return Part { ports: free(part.ports), claims: free(part.claims), ..part };
    }
    let spec = &newer.service.spec;
    let claims = to_come(s, newer);
    Part { ports: Vec::new(), claims, hold: Millis(0), switched: false, ..Part::serving(name, spec, Vec::new()) }
}

/// The old container serves, as soon as it can; until then who does now.
fn staying<'s>(s: &'s Situation<'_>, name: &'s ServiceName, older: &'s Wanted) -> Part<'s> {
    let spec = &older.service.spec;
    if let Some(ready) = ready(s, name, older) {
        return Part::serving(name, spec, vec![ready]);
    }
    let is_there = s.find(name, &older.fingerprint).is_some();
    let victim = room::victim(s, name);
    let goes_on = |other: &&Container| {
        let makes_room = victim.is_some_and(|victim| victim.id == other.id);
        other.is_running() && !makes_room && (!is_there || s.may_run_beside(older, other))
    };
    let serving: Vec<_> = parts::serving(s, name).filter(goes_on).collect();
    Part { holding: serving.is_empty(), switched: false, ..Part::serving(name, spec, serving) }
}

/// The old container, where it has the traffic, or may have it back.
fn ready<'s>(s: &Situation<'s>, name: &ServiceName, older: &Wanted) -> Option<&'s Container> {
    s.find(name, &older.fingerprint).filter(|old| s.is_routed_to(old) || parts::can_serve(s, old))
}

/// The ports that the new release will have, so that it shows in time if somebody else has them.
fn to_come<'s>(s: &Situation<'_>, newer: &'s Wanted) -> Vec<&'s Port> {
    newer.service.spec.routed_ports().filter(|port| !is_withheld(s, port)).collect()
}

/// Whether the port would have requests that the old release serves, by the proxy or by the engine.
fn is_withheld(s: &Situation<'_>, port: &Port) -> bool {
    let base = s.base.target().into_iter().flat_map(Target::services);
    let mut serve_on = base.filter(|(name, _)| !s.is_replaced(name));
    serve_on.any(|(name, older)| {
        let is_ready = ready(s, name, older).is_some();
        let mut ports = older.service.spec.ports.iter().filter(|old| is_ready || !old.is_routed());
        ports.any(|old| claims::takes_from(port, old))
    })
}

/// Why what comes to this service can't be divided though it should, in words for people; none if it can, or need not.
pub(crate) fn why_not_divided(s: &Situation<'_>, name: &ServiceName) -> Option<String> {
    let newer = s.wanted.get(name).filter(|_| s.is_beside() && s.share() > Share::NONE)?;
    match s.base.get(name) {
        Some(older) if older.fingerprint == newer.fingerprint => None,
        Some(older) if older.is_routed() => newer.service.spec.why_not_divided(&older.service.spec),
        _ => {
            let port = newer.service.spec.routed_ports().find(|port| is_withheld(s, port))?;
            Some(format!("port {} is another service's in the release before", port.published))
        }
    }
}
