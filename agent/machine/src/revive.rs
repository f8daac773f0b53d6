//! After the end a service that says no persistently is stopped and started again, less and less often: it runs, so the engine sees nothing
//! wrong with it. Not here: one that ended (the engine's restart, `keep`), a revert, which there is none of after the end.

use evenkeel_model::{Millis, Monotonic, Restart};

use crate::memory::Seen;
use crate::release::{Goal, Target};
use crate::situation::Situation;
use crate::turn::{Pause, Todo};
use crate::{Action, Container};

/// From the first restart to the second at least; it doubles with each further one.
const FIRST_BACKOFF: Millis = Millis::seconds(10);
/// The longest time between two restarts.
const LONGEST_BACKOFF: Millis = Millis::minutes(5);

/// What is to be restarted, or will be when its time has come.
pub(crate) fn todo(s: &Situation<'_>, goal: &Goal<'_>) -> Todo {
    let mut todo = Todo::default();
    for (name, wanted) in goal.target().into_iter().flat_map(Target::services) {
        let container = s.find(name, &wanted.fingerprint).filter(|container| container.is_running());
        let Some(container) = container.filter(|_| wanted.service.spec.restart != Restart::No) else { continue };
        let Some(seen) = s.seen(container).filter(|seen| seen.says_no()) else { continue };
        match due(seen) {
            Some(due) if s.now < due => todo.pauses.push(Pause::new(why(container, seen), Some(due))),
            _ => todo.actions.push(Action::Stop { place: container.place.clone(), grace: s.grace(container) }),
        }
    }
    todo
}

/// Not before this; none: it has not been restarted lately.
fn due(seen: &Seen) -> Option<Monotonic> {
    let times = seen.revivals.checked_sub(1)?;
    let doubled = FIRST_BACKOFF.0.saturating_mul(1 << times.min(16));
    Some(seen.revived + Millis(doubled).min(LONGEST_BACKOFF))
}

fn why(container: &Container, seen: &Seen) -> String {
    let times = if seen.revivals == 1 { "once".to_owned() } else { format!("{} times", seen.revivals) };
    format!("{} is unhealthy, and was restarted {times}; it is restarted less and less often", container.place.service)
}

#[cfg(test)]
mod tests;
