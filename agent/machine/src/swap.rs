//! The way forward, one change at a time: images first, then service after service in the order of their names, each proven before the
//! next. The base's containers may be stopped, and are never removed. Not here: giving up (`forward`), who gets the traffic meanwhile (`route`),
//! room for a new container (`room`), what a trial below its full share needs beside it (`staging`), the commit (`settle`).

use evenkeel_model::{CauseKind, Failure, ImagePin, KeepOld, Millis, ServiceName};

use crate::drain::{Leave, leave};
use crate::memory::Seen;
use crate::release::{Target, Wanted};
use crate::route::Routing;
use crate::situation::Situation;
use crate::turn::{Pause, Todo};
use crate::{Action, Container, room, staging};

/// How soon it is looked again whether there is room on the disk.
const DISK_RETRY: Millis = Millis::seconds(10);

/// What is to be done next for the release.
#[derive(Debug)]
pub(crate) enum Change {
    /// This.
    Make(Action),
    /// This, so that the base serves on beside the release: it says nothing of the release if it fails.
    Keep(Action),
    /// Wait for this service's container to be proven.
    Prove(ServiceName),
    /// Wait for something else.
    Wait(Pause),
}

impl From<Change> for Todo {
    fn from(change: Change) -> Self {
        match change {
            Change::Make(action) | Change::Keep(action) => Some(action).into(),
            Change::Wait(pause) => pause.into(),
            Change::Prove(_) => Self::default(),
        }
    }
}

impl Change {
    /// Whether it takes neither a port nor anything from who serves.
    fn takes_nothing(&self) -> bool {
        match self {
            Self::Make(action) => matches!(action, Action::Pull { .. } | Action::Start(_)),
            Self::Keep(_) | Self::Prove(_) | Self::Wait(_) => true,
        }
    }

    /// What is left before a container may be stopped; none if nothing is.
    pub(crate) fn before_leaving(s: &Situation<'_>, container: &Container) -> Option<Self> {
        match leave(s, container) {
            Leave::Now => None,
            Leave::First(action) => Some(Self::Make(action)),
            Leave::Wait(pause) => Some(Self::Wait(pause)),
        }
    }
}

/// The next change; none once every service is proven and all else is quiet: the trial.
///
/// What the proxy does comes before all that is made or stopped: that a port can't be had shows while nothing was touched, and nothing is
/// stopped that still has the traffic.
pub(crate) fn next_change(s: &Situation<'_>, wanted: &Target<'_>) -> Option<Change> {
    if let Some(start) = rescue(s) {
        return Some(Change::Make(start));
    }
    let routing = s.routing();
    if let Routing::Due(_) = &routing {
        return routing.action().map(Change::Make);
    }
    let next = staging::next(s, wanted)
        .or_else(|| pull(s, wanted))
        .or_else(|| wanted.services().find_map(|(name, service)| swap(s, wanted, name, service)))
        .or_else(|| surplus(s, wanted))
        .or_else(|| staging::undivided(s, wanted));
    match &next {
        Some(change) if change.takes_nothing() => next,
        _ => routing.action().map(Change::Make).or(next),
    }
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
pub(crate) fn rescue_start(s: &Situation<'_>, keeper: &Container) -> Option<Action> {
    let start = Action::Start(keeper.place.clone());
    (!s.has_run(keeper) && s.memory.attempt(&start).is_none()).then_some(start)
}

/// The first service whose image is to be pulled. All are here before the first container is touched.
pub(crate) fn missing<'t>(s: &Situation<'_>, wanted: &'t Target<'_>) -> Option<&'t Wanted> {
    let mut absent = wanted.services().filter(|(name, service)| s.find(name, &service.fingerprint).is_none());
    absent.find(|(_, service)| !s.has_image(service.service.image.digest())).map(|(_, service)| service)
}

fn pull(s: &Situation<'_>, wanted: &Target<'_>) -> Option<Change> {
    let image = &missing(s, wanted)?.service.image;
    let began = s.memory.pull_began().unwrap_or(s.now);
    let left = s.assignment().terms.pull_deadline.0.saturating_sub(s.now.since(began).0);
    Some(pull_of(s, image, Millis(left)))
}

/// What brings an image here, if there is room for it.
pub(crate) fn pull_of(s: &Situation<'_>, image: &ImagePin, timeout: Millis) -> Change {
    let Some(full) = &s.observed.disk_low else {
        return Change::Make(Action::Pull { image: image.clone(), timeout });
    };
    let obstacle = Some(Failure::plain(CauseKind::DiskFull, full.clone()));
    let why = format!("waiting for room on the disk before {image} is pulled: {full}");
    Change::Wait(Pause { why, until: Some(s.now + DISK_RETRY), obstacle })
}

/// Whether the new container runs and is proven.
pub(crate) fn is_proven(s: &Situation<'_>, name: &ServiceName, wanted: &Wanted) -> bool {
    let new = s.find(name, &wanted.fingerprint).filter(|new| new.is_running());
    new.is_some_and(|new| s.seen(new).and_then(|seen| seen.healthy) == Some(true))
}

/// The service whose turn it is: the first that is not proven.
pub(crate) fn turn<'t>(s: &Situation<'_>, wanted: &'t Target<'_>) -> Option<(&'t ServiceName, &'t Wanted)> {
    wanted.services().find(|(name, service)| !is_proven(s, name, service))
}

/// The service with a routed port whose old container is to be stopped now because old and new can't run side by side.
pub(crate) fn taken_down<'t>(s: &Situation<'_>, wanted: &'t Target<'_>) -> Option<(&'t ServiceName, &'t Wanted)> {
    let (name, service) = turn(s, wanted).filter(|_| missing(s, wanted).is_none())?;
    let new = s.find(name, &service.fingerprint).filter(|new| !new.is_running())?;
    if s.why_not_staged(name).is_some() {
        return None;
    }
    let serves = s.containers_of(name).any(|other| other.id != new.id && other.is_running());
    (serves && s.is_routed_service(name) && s.one_at_a_time(name, service)).then_some((name, service))
}

fn swap(s: &Situation<'_>, target: &Target<'_>, name: &ServiceName, wanted: &Wanted) -> Option<Change> {
    let Some(new) = s.find(name, &wanted.fingerprint) else {
        return Some(room::create(s, target, name, wanted));
    };
    let mut others = s.containers_of(name).filter(|other| other.id != new.id);
    if !new.is_running() {
        let down = if s.one_at_a_time(name, wanted) { others.find_map(|other| take_down(s, other)) } else { None };
        return Some(down.unwrap_or_else(|| Change::Make(Action::Start(new.place.clone()))));
    }
    if !is_proven(s, name, wanted) {
        return Some(Change::Prove(name.clone()));
    }
    if wanted.is_routed() && new.address.is_none() {
        return Some(Change::Wait(unroutable(s, new)));
    }
    let end = others.find_map(|other| retire(s, other))?;
    // It may have turned sick while the other was drained.
    Some(if is_well(s, name, wanted) { end } else { Change::Prove(name.clone()) })
}

/// Whether the new container's last answer was good.
fn is_well(s: &Situation<'_>, name: &ServiceName, wanted: &Wanted) -> bool {
    s.find(name, &wanted.fingerprint).and_then(|new| s.seen(new)).is_some_and(Seen::is_well)
}

/// What makes way for one that can't run beside this container: its readiness path says no for a while, then requests wait, then it is
/// drained, and then stopped.
fn take_down(s: &Situation<'_>, old: &Container) -> Option<Change> {
    let quiet = s.quiet(old)?;
    if !old.is_running() || !s.is_routed_to(old) {
        return Some(Change::before_leaving(s, old).unwrap_or(Change::Make(quiet)));
    }
    let service = &old.place.service;
    let delay = s.wanted.get(service)?.service.spec.traffic.lb_delay;
    let until = s.memory.sight().map(|sight| sight.since + delay);
    let why = format!("the readiness path of {service} says no for {delay} before it is replaced");
    Some(Change::Wait(Pause::new(why, until)))
}

/// A container that is not wanted any more: the base's is kept for a revert, stopped or running; what a superseded generation left goes, and
/// what a commit replaced when its time is up.
fn retire(s: &Situation<'_>, container: &Container) -> Option<Change> {
    let end = if s.is_kept(container) {
        None
    } else if !s.is_base(container) {
        Some(s.removal(container))
    } else if keeps_running(s, container) {
        None
    } else {
        s.quiet(container)
    };
    end.map(|end| Change::before_leaving(s, container).unwrap_or(Change::Make(end)))
}

/// Whether the base's container runs on through the trial, so that a revert is one switch, or serves on.
fn keeps_running(s: &Situation<'_>, container: &Container) -> bool {
    if s.is_beside() {
        return true;
    }
    let name = &container.place.service;
    let Some(old) = s.made_from(container) else { return false };
    match s.wanted.get(name) {
        Some(newer) => newer.service.spec.keep_old() == KeepOld::Running && !s.one_at_a_time(name, newer),
        // A service that is no more: unless the new release has a port of its, which the engine would go on holding.
        None => old.service.spec.keep_old() == KeepOld::Running && old.service.spec.clash().is_none(),
    }
}

/// Services that the new release does not have; last, so that they serve as long as the rest may still fail.
fn surplus(s: &Situation<'_>, wanted: &Target<'_>) -> Option<Change> {
    let mut surplus = s.observed.containers.iter().filter(|container| wanted.get(&container.place.service).is_none());
    let end = surplus.find_map(|container| retire(s, container))?;
    let unwell = wanted.services().find(|(name, service)| !is_well(s, name, service));
    Some(unwell.map_or(end, |(name, _)| Change::Prove(name.clone())))
}

/// What there is to say of a container that should have the traffic, and can't be reached.
pub(crate) fn unroutable(s: &Situation<'_>, new: &Container) -> Pause {
    let message = format!("{} has no address of its own on the app's network, so the proxy can't reach it", new.place);
    let since = s.seen(new).and_then(|seen| seen.since);
    let obstacle = Failure {
        service: Some(new.place.service.clone()),
        ..Failure::plain(CauseKind::ProxyUnavailable, message.clone())
    };
    let until = since.map(|since| since + s.assignment().terms.health_deadline);
    Pause { why: message, until, obstacle: Some(obstacle) }
}
