//! How long to wait before the next try: doubling, with full jitter, so that a thousand agents do not come back in step.
//! Not here: what is tried. The jitter's seed is an argument: the simulation repeats itself by it.

use std::time::Duration;

/// The first wait is at most this long.
const FIRST: Duration = Duration::from_millis(200);
/// No wait is longer: a coordinator that is back should have its whole fleet back within ten seconds.
const LONGEST: Duration = Duration::from_secs(5);

/// Waits between tries.
#[derive(Debug, Clone)]
pub struct Backoff {
    random: u64,
    ceiling: Duration,
}

impl Backoff {
    /// With a seed that differs between hosts.
    pub fn new(seed: u64) -> Self {
        Self { random: seed, ceiling: FIRST }
    }

    /// It worked, for so long. The next wait is short again, unless that was too short to call it work: what ends as soon as it begins
    /// would otherwise be begun ten times a second.
    pub fn held(&mut self, time: Duration) {
        if time >= LONGEST {
            self.ceiling = FIRST;
        }
    }

    /// The next wait: anything up to a ceiling that doubles.
    pub fn wait(&mut self) -> Duration {
        let ceiling = self.ceiling;
        self.ceiling = (self.ceiling * 2).min(LONGEST);
        let millis = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(self.random() % millis)
    }

    /// `SplitMix64` (Steele, Lea, Flood 2014): enough for spreading waits, and needs no dependency.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_below_a_ceiling_that_doubles_and_ends() {
        let mut backoff = Backoff::new(7);
        let mut ceiling = FIRST;
        for _ in 0..20 {
            assert!(backoff.wait() < ceiling);
            ceiling = (ceiling * 2).min(LONGEST);
        }
        backoff.held(LONGEST);
        assert!(backoff.wait() < FIRST);
    }

    #[test]
    fn what_ends_as_soon_as_it_begins_is_not_begun_in_haste() {
        let mut backoff = Backoff::new(7);
        for _ in 0..10 {
            backoff.held(Duration::from_millis(20));
            backoff.wait();
        }
        assert_eq!(backoff.ceiling, LONGEST);
    }

    #[test]
    fn two_hosts_do_not_wait_in_step() {
        let waits = |seed| {
            std::iter::repeat_with({
                let mut backoff = Backoff::new(seed);
                move || backoff.wait()
            })
            .take(5)
            .collect::<Vec<_>>()
        };
        assert_ne!(waits(1), waits(2));
        assert_eq!(waits(1), waits(1));
    }
}
