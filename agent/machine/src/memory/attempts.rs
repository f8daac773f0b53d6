//! How often each thing was tried, and when it may be tried again, so that nothing is ever tried in a busy loop: not what fails, and not
//! what succeeds without effect. Not here: when trying is given up (`forward`).

use std::collections::BTreeMap;

use evenkeel_model::{Digest, Failure, Millis, Monotonic};

use super::Seen;
use crate::{Action, Outcome, Place};

/// The wait after the first attempt; it doubles with each further one. Long enough not to be a load, short enough not to be felt.
const FIRST_BACKOFF: Millis = Millis::seconds(1);
/// The longest wait between attempts, and the wait after a failure that does not look as if it would pass.
pub(crate) const LONGEST_BACKOFF: Millis = Millis::seconds(30);

/// The name of the action that starts a container.
const START: &str = "start";

/// The attempts at one thing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Attempt {
    /// How often it was done.
    pub(crate) done: u32,
    /// Not before this again.
    pub(crate) next: Monotonic,
    /// When it failed for the first time since it was last done.
    pub(crate) failed_since: Option<Monotonic>,
    /// How it failed last; none: it was done.
    pub(crate) failure: Option<Failure>,
    failed: u32,
}

impl Attempt {
    /// How often it was tried, as far as it counts: with or without success.
    pub(crate) fn tries(&self) -> u32 {
        self.done.saturating_add(self.failed)
    }
}

/// What was tried: an action's name and what it was done to. Another container in the same place is another thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    name: &'static str,
    to: To,
    detail: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    Image(Digest),
    Empty(Place, Digest),
    Container(String),
    Plan(Digest),
}

/// All attempts of this engine session at the present stage of the present version.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempts(BTreeMap<Subject, Attempt>);

impl Attempts {
    pub(crate) fn of(&self, action: &Action, seen: &BTreeMap<String, Seen>) -> Option<&Attempt> {
        self.0.get(&subject(action, seen)?)
    }

    pub(crate) fn record(&mut self, action: &Action, seen: &BTreeMap<String, Seen>, outcome: &Outcome, now: Monotonic) {
        let Some(subject) = subject(action, seen) else { return };
        let attempt = self.0.entry(subject).or_default();
        if let Outcome::Failed(failure) = outcome {
            attempt.failed = attempt.failed.saturating_add(1);
            attempt.failed_since.get_or_insert(now);
            let wait = if failure.kind.is_passing() { backoff(attempt.failed) } else { LONGEST_BACKOFF };
            attempt.next = now + wait;
            attempt.failure = Some(failure.as_ref().clone());
        } else {
            let done = attempt.done.saturating_add(1);
            *attempt = Attempt { done, next: now + backoff(done), ..Attempt::default() };
        }
    }

    /// Forgets what was tried on containers that are no more.
    pub(crate) fn keep_only(&mut self, seen: &BTreeMap<String, Seen>) {
        self.0.retain(|subject, _| match &subject.to {
            To::Container(id) => seen.contains_key(id),
            To::Image(_) | To::Empty(..) | To::Plan(_) => true,
        });
    }

    /// Forgets all but what was started.
    pub(crate) fn keep_only_starts(&mut self) {
        self.0.retain(|subject, _| subject.name == START);
    }

    /// Forgets how it went to put these plans in force.
    pub(crate) fn forget_plans(&mut self, these: impl Fn(&Digest) -> bool) {
        self.0.retain(|subject, _| !matches!(&subject.to, To::Plan(plan) if these(plan)));
    }
}

fn subject(action: &Action, seen: &BTreeMap<String, Seen>) -> Option<Subject> {
    let container = |place: &Place| {
        let id = seen.iter().find(|(_, seen)| seen.place == *place).map(|(id, _)| id.clone());
        To::Container(id.unwrap_or_default())
    };
    let (to, detail) = match action {
        Action::Pull { image, .. } | Action::Forget { image } => (To::Image(image.digest().clone()), ""),
        Action::Route(plan) => (To::Plan(plan.mark()), ""),
        Action::Cut { container } => (To::Container(container.clone()), ""),
        Action::Create(plan) => (To::Empty(plan.place.clone(), plan.service.fingerprint()), ""),
        Action::SetRestart { place, restart } => (container(place), restart_detail(*restart)),
        Action::Start(place) | Action::Stop { place, .. } | Action::Remove(place) => (container(place), ""),
        Action::Probe { .. } | Action::Collect(_) | Action::Wait => return None,
    };
    Some(Subject { name: action.name(), to, detail })
}

fn restart_detail(restart: evenkeel_model::Restart) -> &'static str {
    use evenkeel_model::Restart::{No, OnFailure, UnlessStopped};
    match restart {
        No => "no",
        OnFailure => "on-failure",
        UnlessStopped => "unless-stopped",
    }
}

/// The wait after the `attempt`th attempt, counted from 1.
fn backoff(attempt: u32) -> Millis {
    let doubled = FIRST_BACKOFF.0.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    Millis(doubled).min(LONGEST_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_half_a_minute() {
        let waits: Vec<u64> = (1..=7).map(|attempt| backoff(attempt).0 / 1000).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff(u32::MAX), LONGEST_BACKOFF);
    }
}
