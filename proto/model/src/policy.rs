//! How a rollout goes: waves, budgets, deadlines, what a failure means. The defaults are the contract's.
//! Not here: reading it (crate `evenkeel-compose`), obeying it (crate `evenkeel-rollout`).

use serde::{Deserialize, Serialize};

use crate::{Count, Millis};

/// How the fleet is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Wave by wave, each proven before the next.
    #[default]
    Rolling,
}

/// What is done when more hosts fail than `max_failures` allows, or a deadline fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Nothing more is ordered; hosts stay as they are, and a person decides.
    Pause,
    /// Failed hosts are back on the old release by themselves; hosts in trial revert, committed ones stay.
    RevertFailed,
    /// The whole fleet goes back to the release it had.
    #[default]
    Rollback,
}

/// The policy of one rollout. Counts and percents are of the matching hosts at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// How the fleet is moved.
    pub strategy: Strategy,
    /// How many hosts have been moved when each wave ends; cumulative, rising. The rest follows as a last wave.
    pub waves: Vec<Count>,
    /// Hosts down by our hand at any moment. Absent: 1 or 10 %, the larger.
    pub max_unavailable: Option<Count>,
    /// Failed hosts that are put up with. Absent: none in the first wave, then 1.
    pub max_failures: Option<Count>,
    /// How long a wave must stay healthy before it is committed.
    pub bake: Millis,
    /// From a container's start to healthy, pull excluded.
    pub health_deadline: Millis,
    /// For the pull alone.
    pub pull_deadline: Millis,
    /// Since the last host that became healthy; always fires.
    pub progress_deadline: Millis,
    /// What is done when the rollout fails.
    pub on_failure: OnFailure,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            strategy: Strategy::Rolling,
            waves: vec![Count::Hosts(1), Count::Percent(10), Count::Percent(50), Count::Percent(100)],
            max_unavailable: None,
            max_failures: None,
            bake: Millis::seconds(30),
            health_deadline: Millis::minutes(2),
            pull_deadline: Millis::minutes(10),
            progress_deadline: Millis::minutes(15),
            on_failure: OnFailure::Rollback,
        }
    }
}

impl Policy {
    /// How many of `total` hosts may be unavailable: rounded down, at least 1.
    pub fn budget(&self, total: usize) -> usize {
        match self.max_unavailable {
            Some(count) => count.of_rounded_down(total).max(1),
            None => (total / 10).max(1),
        }
    }

    /// How many of `total` hosts may fail by the end of wave number `wave`, counted from 0.
    pub fn tolerated_failures(&self, total: usize, wave: usize) -> usize {
        match self.max_failures {
            Some(count) => count.of_rounded_down(total),
            None => usize::from(wave > 0),
        }
    }

    /// How many hosts have been moved when each wave ends: rising, the last one `total`; equal waves are merged.
    pub fn wave_ends(&self, total: usize) -> Vec<usize> {
        let mut ends: Vec<usize> = Vec::new();
        for wave in self.waves.iter().chain([&Count::Percent(100)]) {
            let end = wave.of_rounded_up(total).min(total);
            if end > ends.last().copied().unwrap_or(0) {
                ends.push(end);
            }
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_round_up_and_equal_ones_merge() {
        let policy = Policy::default();
        assert_eq!(policy.wave_ends(3), [1, 2, 3]);
        assert_eq!(policy.wave_ends(100), [1, 10, 50, 100]);
        assert_eq!(policy.wave_ends(1), [1]);
        assert!(policy.wave_ends(0).is_empty());
        let half = Policy { waves: vec![Count::Percent(50)], ..policy };
        assert_eq!(half.wave_ends(5), [3, 5]);
    }

    #[test]
    fn the_budget_is_one_or_ten_percent_unless_written() {
        let policy = Policy::default();
        assert_eq!((policy.budget(3), policy.budget(25)), (1, 2));
        let written = Policy { max_unavailable: Some(Count::Percent(50)), ..policy };
        assert_eq!((written.budget(1), written.budget(5)), (1, 2));
    }

    #[test]
    fn the_first_wave_tolerates_no_failure() {
        let policy = Policy::default();
        assert_eq!((policy.tolerated_failures(9, 0), policy.tolerated_failures(9, 1)), (0, 1));
    }
}
