//! The moments at which something can happen: whole grains after the beginning. Not here: what happens then (module `queue`).

use evenkeel_model::{Millis, UnixMillis};

/// When something can happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// The rollout's beginning.
    pub(crate) start: UnixMillis,
    /// All moments are whole numbers of these after it.
    pub(crate) grain: Millis,
}

impl Clock {
    /// What began at one moment is done at this one: a later one, however short it takes.
    pub(crate) fn after(&self, now: UnixMillis, time: Millis) -> UnixMillis {
        now + self.rounded(time, 1).max(self.grain)
    }

    /// So long after the beginning.
    pub(crate) fn at(&self, time: Millis) -> UnixMillis {
        self.start + self.rounded(time, 1)
    }

    /// Not before this moment.
    pub(crate) fn not_before(&self, moment: UnixMillis) -> UnixMillis {
        self.at(moment.since(self.start))
    }

    /// The same, where many things are to meet at few moments: so many grains apart.
    pub(crate) fn coarsely(&self, moment: UnixMillis, grains: u64) -> UnixMillis {
        self.start + self.rounded(moment.since(self.start), grains)
    }

    fn rounded(&self, time: Millis, grains: u64) -> Millis {
        let grain = self.grain.0.saturating_mul(grains).max(1);
        Millis(time.0.div_ceil(grain).saturating_mul(grain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_whole_grains_after_the_beginning() {
        let clock = Clock { start: UnixMillis(1_000_500), grain: Millis::seconds(1) };
        let since = |moment: UnixMillis| moment.since(clock.start).0;
        assert_eq!(since(clock.at(Millis(0))), 0);
        assert_eq!(since(clock.at(Millis(1_001))), 2_000);
        assert_eq!(since(clock.after(clock.at(Millis::seconds(5)), Millis(0))), 6_000);
        assert_eq!(since(clock.after(clock.at(Millis::seconds(5)), Millis(1_500))), 7_000);
        assert_eq!(since(clock.not_before(clock.start + Millis(2_999))), 3_000);
        assert_eq!(since(clock.coarsely(clock.start + Millis(12_000), 10)), 20_000);
        assert_eq!(clock.at(Millis(u64::MAX)), UnixMillis(u64::MAX), "what lies too far ahead is the end of time");
    }
}
