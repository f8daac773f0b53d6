//! How a rollout goes: strategy, waves, budgets, deadlines, what a failure means. The defaults are the contract's.
//! Not here: the gates (module `gate`), reading it (crate `evenkeel-compose`), obeying it (crate `evenkeel-rollout`).

use serde::{Deserialize, Serialize};

use crate::{Count, Gate, HostId, Millis, Share, Wave, Waves};

/// How the fleet is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Wave by wave, each proven before the next.
    #[default]
    Rolling,
    /// The first wave is watched before the rest follows, and may get its traffic in steps ([`Policy::weights`]).
    Canary,
    /// Everywhere beside the old release first, without traffic; then all hosts are switched at once.
    BlueGreen,
}

impl Strategy {
    /// The word used in Compose files, JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::Canary => "canary",
            Self::BlueGreen => "blue-green",
        }
    }

    /// The waves where none are written: of the contract, and for those that it leaves open what the word promises.
    pub fn default_waves(self) -> Waves {
        let list: &[Count] = match self {
            Self::Rolling => &[Count::Hosts(1), Count::Percent(10), Count::Percent(50), Count::Percent(100)],
            Self::Canary => &[Count::Hosts(1), Count::Percent(100)],
            Self::BlueGreen => &[Count::Percent(100)],
        };
        Waves::List(list.iter().copied().map(Wave::from).collect())
    }
}

/// Who lets a canary on to the rest of the fleet, or blue-green to the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promote {
    /// The bake and the gates.
    #[default]
    Auto,
    /// A person, after the bake and the gates.
    Manual,
}

impl Promote {
    /// The word used in Compose files, JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
        }
    }
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

impl OnFailure {
    /// The word used in Compose files, JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::RevertFailed => "revert_failed",
            Self::Rollback => "rollback",
        }
    }
}

/// The policy of one rollout. Counts and percents are of the matching hosts at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// How the fleet is moved.
    pub strategy: Strategy,
    /// How many hosts have been moved when each wave ends; cumulative, rising. The rest follows as a last wave.
    pub waves: Waves,
    /// A host label: no wave has hosts of two of its values. Those without it come last.
    pub by: Option<String>,
    /// These hosts are the first wave, whatever the waves say.
    pub first: Vec<HostId>,
    /// Hosts down by our hand at any moment. Absent: 1 or 10 %, the larger.
    pub max_unavailable: Option<Count>,
    /// So many hosts stay available, if that is less than `max_unavailable` leaves. Rounded up.
    pub min_healthy: Option<Count>,
    /// Failed hosts that are put up with. Absent: none in the first wave, then 1.
    pub max_failures: Option<Count>,
    /// How long a wave must stay healthy before it is committed; with several shares, each of them.
    pub bake: Millis,
    /// From a container's start to healthy, pull excluded.
    pub health_deadline: Millis,
    /// For the pull alone.
    pub pull_deadline: Millis,
    /// Since the last host that became healthy; always fires.
    pub progress_deadline: Millis,
    /// What is done when the rollout fails.
    pub on_failure: OnFailure,
    /// Who promotes a canary's first wave, or blue-green to the switch.
    pub promote: Promote,
    /// A canary's shares of what is new, rising, the last one all. Empty: all at once.
    pub weights: Vec<Share>,
    /// How long blue-green's old containers run on after the commit, without traffic.
    pub keep_blue: Millis,
    /// What must hold before it goes on.
    pub gates: Vec<Gate>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            strategy: Strategy::Rolling,
            waves: Strategy::Rolling.default_waves(),
            by: None,
            first: Vec::new(),
            max_unavailable: None,
            min_healthy: None,
            max_failures: None,
            bake: Millis::seconds(30),
            health_deadline: Millis::minutes(2),
            pull_deadline: Millis::minutes(10),
            progress_deadline: Millis::minutes(15),
            on_failure: OnFailure::Rollback,
            promote: Promote::Auto,
            weights: Vec::new(),
            keep_blue: Millis(0),
            gates: Vec::new(),
        }
    }
}

impl Policy {
    /// How many of `total` hosts may be unavailable, in a wave that was written so: rounded down, at least 1, but never so many that fewer than
    /// `min_healthy` are left.
    pub fn budget(&self, total: usize, wave: Option<&Wave>) -> usize {
        let written = wave.and_then(|wave| wave.max_unavailable).or(self.max_unavailable);
        let allowed = match written {
            Some(count) => count.of_rounded_down(total).max(1),
            None => (total / 10).max(1),
        };
        let floor = self.min_healthy.map_or(0, |count| count.of_rounded_up(total));
        allowed.min(total.saturating_sub(floor))
    }

    /// How many of `total` hosts may fail by the end of wave number `number`, counted from 0, that was written so.
    pub fn tolerated_failures(&self, total: usize, number: usize, wave: Option<&Wave>) -> usize {
        match wave.and_then(|wave| wave.max_failures).or(self.max_failures) {
            Some(count) => count.of_rounded_down(total),
            None => usize::from(number > 0),
        }
    }

    /// How long a wave that was written so must stay healthy.
    pub fn bake(&self, wave: Option<&Wave>) -> Millis {
        wave.and_then(|wave| wave.bake).unwrap_or(self.bake)
    }

    /// The longest bake of any wave.
    pub fn longest_bake(&self) -> Millis {
        self.waves.list().iter().filter_map(|wave| wave.bake).fold(self.bake, Millis::max)
    }

    /// How much of what is new each host of a wave gets, step by step; the last is all.
    pub fn shares(&self) -> Vec<Share> {
        let mut shares = match self.strategy {
            Strategy::Rolling => Vec::new(),
            Strategy::Canary => self.weights.clone(),
            Strategy::BlueGreen => vec![Share::NONE],
        };
        if shares.last() != Some(&Share::ALL) {
            shares.push(Share::ALL);
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_one_or_ten_percent_unless_written() {
        let policy = Policy::default();
        assert_eq!((policy.budget(3, None), policy.budget(25, None)), (1, 2));
        let written = Policy { max_unavailable: Some(Count::Percent(50)), ..policy };
        assert_eq!((written.budget(1, None), written.budget(5, None)), (1, 2));
    }

    #[test]
    fn the_floor_lowers_the_budget() {
        let policy =
            |floor| Policy { max_unavailable: Some(Count::Percent(50)), min_healthy: Some(floor), ..Policy::default() };
        assert_eq!(policy(Count::Percent(75)).budget(10, None), 2);
        assert_eq!(policy(Count::Hosts(10)).budget(10, None), 0);
        assert_eq!(policy(Count::Hosts(3)).budget(10, None), 5);
    }

    #[test]
    fn a_wave_may_have_rules_of_its_own() {
        let careful = Wave {
            max_unavailable: Some(Count::Hosts(1)),
            max_failures: Some(Count::Hosts(0)),
            bake: Some(Millis::minutes(10)),
            ..Wave::from(Count::Hosts(1))
        };
        let plain = Wave::from(Count::Percent(100));
        let policy = Policy {
            waves: Waves::List(vec![careful, plain]),
            max_unavailable: Some(Count::Hosts(4)),
            max_failures: Some(Count::Hosts(2)),
            ..Policy::default()
        };
        let budgets = [Some(&careful), Some(&plain), None].map(|wave| policy.budget(10, wave));
        assert_eq!(budgets, [1, 4, 4]);
        let failures = [Some(&careful), Some(&plain), None].map(|wave| policy.tolerated_failures(10, 0, wave));
        assert_eq!(failures, [0, 2, 2]);
        assert_eq!((policy.bake(Some(&careful)), policy.bake(None)), (Millis::minutes(10), Millis::seconds(30)));
        assert_eq!(policy.longest_bake(), Millis::minutes(10));
    }

    #[test]
    fn the_first_wave_tolerates_no_failure() {
        let policy = Policy::default();
        assert_eq!((policy.tolerated_failures(9, 0, None), policy.tolerated_failures(9, 1, None)), (0, 1));
    }

    #[test]
    fn shares_end_with_all() {
        let shares = |strategy, weights: &[u32]| {
            let weights = weights.iter().map(|percent| Share::try_from(*percent).unwrap()).collect();
            let shares = Policy { strategy, weights, ..Policy::default() }.shares();
            shares.into_iter().map(Share::percent).collect::<Vec<_>>()
        };
        assert_eq!(shares(Strategy::Rolling, &[5]), [100]);
        assert_eq!(shares(Strategy::Canary, &[]), [100]);
        assert_eq!(shares(Strategy::Canary, &[5, 25]), [5, 25, 100]);
        assert_eq!(shares(Strategy::Canary, &[5, 100]), [5, 100]);
        assert_eq!(shares(Strategy::BlueGreen, &[]), [0, 100]);
    }

    #[test]
    fn a_policy_that_was_stored_before_there_were_gates_is_read() {
        let old = r#"{"strategy":"rolling","waves":["1","100%"],"max_unavailable":"2","bake":5000}"#;
        let policy: Policy = serde_json::from_str(old).unwrap();
        assert_eq!(policy.waves, Waves::List(vec![Count::Hosts(1).into(), Count::Percent(100).into()]));
        assert!(policy.gates.is_empty() && policy.by.is_none());
    }
}
