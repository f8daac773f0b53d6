//! What a host says of itself after a decision, from what was seen and remembered: nothing that was not seen in this engine session is
//! called healthy. Not here: the decision (`decide`), what share is in force (`report/share.rs`).

use std::collections::BTreeMap;

use evenkeel_model::{AppReport, Failure, ImagePin, ServiceName, ServiceReport, Stage};

use crate::release::Wanted;
use crate::situation::Situation;
use crate::turn::Turn;
use crate::{Accepted, Container, End, Engine, Ledger};

mod share;

/// How far a generation is, as the ledger alone can tell.
pub(crate) fn stage_of(accepted: &Accepted) -> Stage {
    match accepted.end {
        None => Stage::Working,
        Some(End::Committed) => Stage::Committed,
        Some(End::Reverting { .. }) => Stage::Reverting,
        Some(End::Reverted { .. }) => Stage::Reverted,
    }
}

/// The report that goes with `turn`.
pub(crate) fn report(s: &Situation<'_>, ledger: &Ledger, turn: &Turn) -> AppReport {
    let assignment = s.assignment();
    let known = matches!(s.observed.engine, Engine::Up { .. });
    AppReport {
        key: assignment.key.clone(),
        version: assignment.version,
        release: assignment.content.as_ref().map(|content| content.release),
        stage: turn.stage,
        share: share::in_force(s),
        base: ledger.base.as_ref().map(|content| content.release),
        healthy: known && is_healthy(s),
        failure: failure(s.accepted, turn),
        services: if known { services(s) } else { BTreeMap::new() },
        why: turn.why.clone(),
    }
}

fn failure(accepted: &Accepted, turn: &Turn) -> Option<Failure> {
    match &accepted.end {
        Some(End::Reverting { failure } | End::Reverted { failure }) => Some(failure.as_ref().clone()),
        Some(End::Committed) => None,
        None => turn.obstacle.clone(),
    }
}

/// Whether the accepted release runs here whole, from the images it was pinned to, and is healthy.
fn is_healthy(s: &Situation<'_>) -> bool {
    match s.wanted.target() {
        Some(target) => target.services().all(|(name, wanted)| serves(s, name, wanted)),
        None => s.assignment().content.is_none() && s.observed.containers.is_empty(),
    }
}

fn serves(s: &Situation<'_>, name: &ServiceName, wanted: &Wanted) -> bool {
    s.find(name, &wanted.fingerprint)
        .is_some_and(|container| says_yes(s, container) && is_pinned(container, &wanted.service.image))
}

/// Whether the container was made from what the release pins. An engine that can't say what it runs proves nothing.
fn is_pinned(container: &Container, image: &ImagePin) -> bool {
    !container.image_id.is_empty()
        && match image {
            ImagePin::Registry { digest, .. } => container.pin == *digest,
            ImagePin::Local { id, .. } => container.image_id == id.as_str(),
        }
}

fn says_yes(s: &Situation<'_>, container: &Container) -> bool {
    container.is_running() && s.seen(container).is_some_and(|seen| seen.healthy == Some(true))
}

fn services(s: &Situation<'_>) -> BTreeMap<ServiceName, ServiceReport> {
    let mut services: BTreeMap<ServiceName, &Container> = BTreeMap::new();
    for container in s.observed.containers.iter().filter(|container| !s.is_kept(container)) {
        let serving = services.entry(container.place.service.clone()).or_insert(container);
        if rank(s, container) > rank(s, serving) {
            *serving = container;
        }
    }
    services.into_iter().map(|(name, container)| (name, service_report(s, container))).collect()
}

/// Of two containers of a service the higher one serves: one that runs, of those a proven one, of those the one that should.
fn rank(s: &Situation<'_>, container: &Container) -> (bool, bool, bool) {
    let wanted = s.goal().get(&container.place.service);
    let should = wanted.is_some_and(|wanted| wanted.fingerprint == container.fingerprint);
    (container.is_running(), says_yes(s, container), should)
}

fn service_report(s: &Situation<'_>, container: &Container) -> ServiceReport {
    ServiceReport {
        release: container.release,
        pin: container.pin.clone(),
        image_id: container.image_id.clone(),
        running: container.is_running(),
        healthy: says_yes(s, container),
        restarts: container.restarts,
    }
}

#[cfg(test)]
mod tests;
