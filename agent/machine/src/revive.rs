//! After the end a service that says no for long is stopped and started again, less and less often: it runs, so the engine sees nothing wrong
//! with it. One that is still booting, or recovering, has the time that a release has to become healthy. One that was healthy is given
//! time too, and not the same on each host: what is down may be something that all of them ask, and a restart of the whole fleet at one
//! moment would be worse than that.
//!
//! What is under way at it is not drained. It is the only one of its service, so that to take it off the routes first would only refuse or
//! hold more; what is new meanwhile the proxy holds, as it does whenever the container does not accept.
//!
//! Not here: one that ended (the engine's restart, `keep`), a revert, which there is none of after the end.

use evenkeel_model::{Millis, Monotonic, Restart};

use crate::memory::Seen;
use crate::release::{Goal, Target};
use crate::situation::Situation;
use crate::turn::{Pause, Todo};
use crate::{Action, Container};

/// So long one that was healthy may say no: longer than a database takes to fail over, and what depends on it to notice.
const PATIENCE: Millis = Millis::seconds(30);
/// Patience differs from host to host by up to this.
const SPREAD: Millis = Millis::seconds(15);
/// From the first restart to the second at least; it doubles with each further one.
const FIRST_BACKOFF: Millis = Millis::seconds(10);
/// The longest that such a doubled time becomes.
const LONGEST_BACKOFF: Millis = Millis::minutes(5);

/// What is to be restarted, or will be when its time has come.
pub(crate) fn todo(s: &Situation<'_>, goal: &Goal<'_>) -> Todo {
    let mut todo = Todo::default();
    for (name, wanted) in goal.target().into_iter().flat_map(Target::services) {
        let container = s.find(name, &wanted.fingerprint).filter(|container| container.is_running());
        let Some(container) = container.filter(|_| wanted.service.spec.restart != Restart::No) else { continue };
        let Some(seen) = s.seen(container).filter(|seen| seen.says_no()) else { continue };
        let due = due(seen, &container.id, s.assignment().terms.health_deadline).unwrap_or(s.now);
        if s.now < due {
            todo.pauses.push(Pause::new(why(container, seen), Some(due)));
        } else {
            todo.actions.push(Action::Stop { place: container.place.clone(), grace: s.grace(container) });
        }
    }
    todo
}

/// When one that says no is restarted, if it goes on saying it.
fn due(seen: &Seen, id: &str, health_deadline: Millis) -> Option<Monotonic> {
    let patient = match seen.healthy {
        None => seen.since.map(|since| since + health_deadline),
        Some(_) => seen.bad_since.map(|since| since + PATIENCE.plus(share(id))),
    };
    patient.max(spaced(seen))
}

/// Not before this, whatever it says; none: it has not been restarted lately.
fn spaced(seen: &Seen) -> Option<Monotonic> {
    let times = seen.revivals.checked_sub(1)?;
    let doubled = FIRST_BACKOFF.0.saturating_mul(1 << times.min(16));
    Some(seen.revived + Millis(doubled).min(LONGEST_BACKOFF))
}

/// This container's share of the spread: always the same, and another on each host, as ids are (FNV-1a).
fn share(id: &str) -> Millis {
    let mixed = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |mixed, byte| (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Millis(mixed % (SPREAD.0 + 1))
}

fn why(container: &Container, seen: &Seen) -> String {
    let service = &container.place.service;
    match seen.revivals {
        0 => format!("{service} is unhealthy; it is restarted if that lasts"),
        1 => format!("{service} is unhealthy, and was restarted once; it is restarted less and less often"),
        times => {
            format!("{service} is unhealthy, and was restarted {times} times; it is restarted less and less often")
        }
    }
}

#[cfg(test)]
mod tests;
