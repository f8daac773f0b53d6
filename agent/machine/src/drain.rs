//! Whether a container may be stopped as far as the proxy goes: nothing new comes to it, and what was under way has ended, or has had its
//! time and was cut. Not here: who gets what is new (`route`), whether it should be stopped at all (the steps).

use std::collections::BTreeMap;

use evenkeel_model::{CauseKind, Failure, Millis, Monotonic, Order, Traffic};

use crate::release::{Goal, Wanted};
use crate::situation::Situation;
use crate::turn::Pause;
use crate::{Action, Container, Proxy};

/// So often what is under way is cut before the container is stopped without having been heard.
const MOST_CUTS: u32 = 2;

/// What is left before a container may be stopped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Nothing.
    Now,
    /// This.
    First(Action),
    /// Time, or the end of what is under way.
    Wait(Pause),
}

/// What is left before `container` may be stopped.
pub(crate) fn leave(s: &Situation<'_>, container: &Container) -> Leave {
    if !container.is_running() {
        return Leave::Now;
    }
    match &s.observed.proxy {
        Proxy::Up { in_flight, .. } => leave_seen(s, container, in_flight),
        Proxy::Down { .. } if may_have_traffic(s, container) => unseen(s, container),
        Proxy::Down { .. } => Leave::Now,
    }
}

/// Whether the proxy, which can't be asked, may have given it something. Of what a superseded generation left nothing is known.
fn may_have_traffic(s: &Situation<'_>, container: &Container) -> bool {
    let was_busy = s.memory.sight().is_some_and(|sight| sight.is_busy(&container.id));
    was_busy || s.is_routed_service(&container.place.service) || s.made_from(container).is_none()
}

fn leave_seen(s: &Situation<'_>, container: &Container, in_flight: &BTreeMap<String, u64>) -> Leave {
    let service = &container.place.service;
    if s.is_routed_to(container) {
        return Leave::Wait(Pause::new(format!("{service} still gets what is new"), None));
    }
    let Some(count) = in_flight.get(&container.id).filter(|count| **count > 0) else { return Leave::Now };
    let until = drained_at(s, container, None);
    if s.now < until {
        return Leave::Wait(Pause::new(format!("draining {service}: {count} under way"), Some(until)));
    }
    let cut = Action::Cut { container: container.id.clone() };
    match s.memory.attempt(&cut) {
        Some(attempt) if attempt.tries() >= MOST_CUTS => Leave::Now,
        Some(attempt) if attempt.next > s.now => {
            Leave::Wait(Pause::new(format!("cutting {service}: {count} under way"), Some(attempt.next)))
        }
        _ => Leave::First(cut),
    }
}

/// The proxy does not answer: on the way forward nothing is risked, and there is no hurry. On the way back, and after the end, it gets
/// the time that draining may take, and then it goes on; unless it serves as far as anybody can tell, and nothing needs its place.
fn unseen(s: &Situation<'_>, container: &Container) -> Leave {
    let is_forward = s.accepted.end.is_none() && matches!(s.wanted, Goal::Release(_));
    if is_forward {
        return Leave::First(Action::Route(Box::new(s.plan().cloned().unwrap_or_default())));
    }
    if s.may_be_routed_to(container) && is_in_nobodys_way(s, container) {
        return Leave::Wait(unheard(container));
    }
    let until = drained_at(s, container, s.memory.proxy_down_since());
    if s.now >= until {
        return Leave::Now;
    }
    let why = format!(
        "draining {}: the proxy does not answer, and may still have something under way",
        container.place.service
    );
    Leave::Wait(Pause::new(why, Some(until)))
}

/// Whether something should serve, and can beside this one.
fn is_in_nobodys_way(s: &Situation<'_>, container: &Container) -> bool {
    let Some(target) = s.goal().target() else { return false };
    match target.get(&container.place.service) {
        Some(serves) => s.may_run_beside(serves, container),
        None => s.made_from(container).is_none_or(|wanted| wanted.service.spec.order == Order::StartFirst),
    }
}

/// What there is to say of a container that is not stopped before the proxy has been heard.
fn unheard(container: &Container) -> Pause {
    let service = &container.place.service;
    let message = format!("the proxy does not answer, and may still send what is new to {}", container.place);
    let obstacle =
        Failure { service: Some(service.clone()), ..Failure::plain(CauseKind::ProxyUnavailable, message.clone()) };
    Pause { why: message, until: None, obstacle: Some(obstacle) }
}

/// When what is under way has had its time, counted from when it was first seen that nothing new comes, or else from `otherwise`.
fn drained_at(s: &Situation<'_>, container: &Container, otherwise: Option<Monotonic>) -> Monotonic {
    let unrouted = s.seen(container).and_then(|seen| seen.unrouted_since);
    unrouted.or(otherwise).unwrap_or(s.now) + drain(s, container)
}

fn drain(s: &Situation<'_>, container: &Container) -> Millis {
    let service = &container.place.service;
    let known: Option<&Wanted> =
        s.made_from(container).or_else(|| s.wanted.get(service)).or_else(|| s.base.get(service));
    known.map_or(Traffic::default().drain, |wanted| wanted.service.spec.traffic.drain)
}

#[cfg(test)]
mod tests;
