//! When a worker that died is replaced: at once, unless its predecessors died soon as well. Not here: replacing it.

use evenkeel_model::{Millis, Monotonic};

use super::crew::Id;

/// A worker that has led for so long has not died of its start.
const STEADY: Millis = Millis::seconds(10);
/// The first wait, after the second early death in a row; each further one doubles it.
const FIRST: Millis = Millis(100);
/// No wait is longer: each second of it is a second without service.
const LONGEST: Millis = Millis::seconds(5);

/// Early deaths, and what follows.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    /// Who leads, since when.
    ready: Option<(Id, Monotonic)>,
    /// Early deaths in a row.
    early: u32,
    at: Option<Monotonic>,
}

impl Restarts {
    /// A worker leads.
    pub(super) fn ready(&mut self, id: Id, now: Monotonic) {
        self.ready = Some((id, now));
    }

    /// A worker that led, or was to, is dead.
    pub(super) fn ended(&mut self, id: Id, now: Monotonic) {
        let steady =
            self.ready.take_if(|(leader, _)| *leader == id).is_some_and(|(_, since)| now.since(since) >= STEADY);
        self.early = if steady { 0 } else { self.early.saturating_add(1) };
    }

    /// A new one is needed.
    pub(super) fn schedule(&mut self, now: Monotonic) {
        let wait = match self.early {
            0 | 1 => Millis(0),
            more => Millis(FIRST.0.saturating_mul(1 << (more - 2).min(20))).min(LONGEST),
        };
        self.at = Some(now + wait);
    }

    /// When a new one is due; none: none is needed.
    pub(super) fn at(&self) -> Option<Monotonic> {
        self.at
    }

    /// Whether a new one is due now; then it is no more.
    pub(super) fn take_due(&mut self, now: Monotonic) -> bool {
        self.at.take_if(|at| *at <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_death_costs_no_wait_and_those_in_a_row_ever_more() {
        let (mut restarts, now) = (Restarts::default(), Monotonic(50_000));
        let wait = |restarts: &mut Restarts, lived: Millis| {
            restarts.ready(1, Monotonic(now.0 - lived.0));
            restarts.ended(1, now);
            restarts.schedule(now);
            restarts.at().unwrap().since(now)
        };
        let waits: Vec<u64> = (0..9).map(|_| wait(&mut restarts, Millis(10)).0).collect();
        assert_eq!(waits, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(wait(&mut restarts, STEADY), Millis(0), "one that has lived is replaced at once");
        assert!(restarts.take_due(now) && !restarts.take_due(now));
    }
}
