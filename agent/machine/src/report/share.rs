//! How much of what is new the accepted release has, by what the proxy does. Not here: what it should have (`route`).

use std::collections::BTreeMap;

use evenkeel_model::{Phase, ServiceName, Share};

use crate::release::{Goal, Target, Wanted};
use crate::situation::Situation;
use crate::{End, Engine, swap};

/// What was asked for, if that is in force for every service that has routed ports and changes; else the least of what is in force where it
/// is not. Of an app without such a service: what was asked for once all is proven.
pub(super) fn in_force(s: &Situation<'_>) -> Share {
    match (&s.accepted.end, &s.wanted) {
        (Some(End::Committed), _) | (_, Goal::Nothing) => Share::ALL,
        (Some(End::Reverted { .. }), _) | (_, Goal::Unreadable) => Share::NONE,
        (Some(End::Reverting { .. }) | None, Goal::Release(wanted)) => of_release(s, wanted),
    }
}

fn of_release(s: &Situation<'_>, wanted: &Target<'_>) -> Share {
    let assignment = s.assignment();
    let asked = if assignment.phase == Phase::Committed { Share::ALL } else { assignment.share };
    let changes = |name: &ServiceName, newer: &Wanted| {
        s.base.get(name).is_none_or(|older| older.fingerprint != newer.fingerprint)
    };
    let divided = wanted.services().filter(|(name, newer)| newer.is_routed() && changes(name, newer));
    let shares: Vec<Share> = divided.map(|(name, newer)| of_service(s, name, newer, asked)).collect();
    if shares.is_empty() {
        let is_known = matches!(s.observed.engine, Engine::Up { .. });
        let is_proven = is_known && wanted.services().all(|(name, newer)| swap::is_proven(s, name, newer));
        return if is_proven { asked } else { Share::NONE };
    }
    shares.into_iter().filter(|share| *share != asked).min().unwrap_or(asked)
}

fn of_service(s: &Situation<'_>, name: &ServiceName, newer: &Wanted, asked: Share) -> Share {
    let weights = weights(s, name);
    let new = s.find(name, &newer.fingerprint);
    let mine = new.and_then(|new| weights.get(&new.id)).copied().unwrap_or(0);
    let total: u64 = weights.values().copied().map(u64::from).sum();
    match u64::from(mine) {
        0 => Share::NONE,
        // Where there is nobody to divide it with, some of it is all of it.
        mine if mine == total && !is_divided(s, name) && asked > Share::NONE => asked,
        mine if mine == total => Share::ALL,
        mine => {
            let percent = u32::try_from(mine * 100 / total).unwrap_or(0).clamp(1, 99);
            Share::try_from(percent).unwrap_or(Share::NONE)
        }
    }
}

/// Whether the old release has this service, so that what comes to it may be divided.
fn is_divided(s: &Situation<'_>, name: &ServiceName) -> bool {
    s.base.get(name).is_some_and(Wanted::is_routed)
}

/// Who gets what is new, each with its weight. A proxy of the version before does not say the weights: where the plan is in force, they are
/// the plan's.
fn weights(s: &Situation<'_>, name: &ServiceName) -> BTreeMap<String, u32> {
    let planned = s.plan().filter(|plan| s.in_force(plan) == Some(true)).and_then(|plan| plan.services.get(name));
    if let Some(planned) = planned {
        return planned.upstreams.iter().map(|upstream| (upstream.container.clone(), upstream.weight)).collect();
    }
    s.memory.sight().and_then(|sight| sight.weights(name)).cloned().unwrap_or_default()
}
