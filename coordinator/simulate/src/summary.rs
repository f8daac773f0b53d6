//! Many runs of one policy, each of another seed: how often it ends how, and how bad it gets. Not here: one run (module `simulate`).

use evenkeel_model::{Millis, Policy};
use serde::Serialize;

use crate::Settings;
use crate::simulate::{SimulateError, simulate};
use crate::timeline::{End, Timeline};

/// What many runs came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many hosts each had.
    pub hosts: usize,
    /// How often each end came, the best first; those that never came are left out.
    pub ends: Vec<EndCount>,
    /// How long they took.
    pub took: Quantiles<Millis>,
    /// How long of that they stood before closed gates.
    pub waited_at_gates: Quantiles<Millis>,
    /// How many hosts were ordered the new release.
    pub touched: Quantiles<usize>,
    /// On how many it served at once, at most.
    pub most_exposed: Quantiles<usize>,
    /// How many hosts were left with it, and are not healthy with it, or will not be.
    pub unhealthy: Quantiles<usize>,
    /// How many hosts failed.
    pub failed: Quantiles<usize>,
    /// How many hosts were unavailable at once, at most.
    pub most_unavailable: Quantiles<usize>,
    /// Each run, by its seed.
    pub runs: Vec<Run>,
}

/// How often runs ended so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EndCount {
    /// So.
    pub end: End,
    /// How many.
    pub runs: usize,
}

/// Where the runs lie, by the nearest rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quantiles<T> {
    /// Half of the runs are not above it.
    pub p50: T,
    /// 95 of 100 are not above it.
    pub p95: T,
    /// None is above it.
    pub most: T,
}

/// One of many runs, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Run {
    /// By this it is repeated.
    pub seed: u64,
    /// How it ended.
    pub end: End,
    /// How long it took.
    pub took: Millis,
    /// How long of that it stood before closed gates.
    pub waited_at_gates: Millis,
    /// How many hosts were ordered the new release.
    pub touched: usize,
    /// How many have it in the end.
    pub moved: usize,
    /// How many of those are not healthy with it, or will not be.
    pub unhealthy: usize,
    /// How many are back.
    pub back: usize,
    /// How many failed at some time.
    pub failed: usize,
    /// On how many the new release served at once, at most.
    pub most_exposed: usize,
    /// How many hosts were unavailable at once, at most.
    pub most_unavailable: usize,
}

impl From<&Timeline> for Run {
    fn from(timeline: &Timeline) -> Self {
        let totals = &timeline.totals;
        Self {
            seed: timeline.seed,
            end: timeline.end,
            took: totals.took,
            waited_at_gates: totals.waited_at_gates,
            touched: totals.touched,
            moved: totals.moved,
            unhealthy: totals.unhealthy,
            back: totals.back,
            failed: totals.failed,
            most_exposed: totals.most_exposed,
            most_unavailable: totals.most_unavailable.hosts,
        }
    }
}

impl Summary {
    /// Of these runs of a fleet of so many hosts; none: there is nothing to say.
    pub fn of(hosts: usize, runs: Vec<Run>) -> Option<Self> {
        let count = |end| EndCount { end, runs: runs.iter().filter(|run| run.end == end).count() };
        Some(Self {
            hosts,
            ends: End::ALL.into_iter().map(count).filter(|count| count.runs > 0).collect(),
            took: quantiles(&runs, |run| run.took)?,
            waited_at_gates: quantiles(&runs, |run| run.waited_at_gates)?,
            touched: quantiles(&runs, |run| run.touched)?,
            most_exposed: quantiles(&runs, |run| run.most_exposed)?,
            unhealthy: quantiles(&runs, |run| run.unhealthy)?,
            failed: quantiles(&runs, |run| run.failed)?,
            most_unavailable: quantiles(&runs, |run| run.most_unavailable)?,
            runs,
        })
    }
}

/// Tries a policy so many times (once at least), with the seed of the settings and those after it.
pub fn simulate_runs(policy: &Policy, settings: &Settings, runs: usize) -> Result<Summary, SimulateError> {
    let mut done = Vec::new();
    for number in 0..runs.max(1) as u64 {
        let settings = Settings { seed: settings.seed.wrapping_add(number), ..settings.clone() };
        done.push(Run::from(&simulate(policy, &settings)?));
    }
    Ok(Summary::of(settings.hosts, done).expect("there is one run at least"))
}

fn quantiles<T: Copy + Ord>(runs: &[Run], of: impl Fn(&Run) -> T) -> Option<Quantiles<T>> {
    let mut values: Vec<T> = runs.iter().map(of).collect();
    values.sort_unstable();
    let rank = |percent: usize| values.get((values.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    Some(Quantiles { p50: rank(50)?, p95: rank(95)?, most: rank(100)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, end: End) -> Run {
        let took = Millis::seconds(seed);
        Run {
            seed,
            end,
            took,
            waited_at_gates: Millis(0),
            touched: 1,
            moved: 0,
            unhealthy: 0,
            back: 1,
            failed: 1,
            most_exposed: 0,
            most_unavailable: 1,
        }
    }

    #[test]
    fn runs_are_ranked_and_counted_by_their_ends() {
        let end = |seed| if seed % 4 == 0 { End::RolledBack } else { End::Succeeded };
        let runs: Vec<Run> = (1..=20).rev().map(|seed| run(seed, end(seed))).collect();
        let summary = Summary::of(3, runs).unwrap();
        let seconds = Millis::seconds;
        assert_eq!(summary.took, Quantiles { p50: seconds(10), p95: seconds(19), most: seconds(20) });
        let counts: Vec<_> = summary.ends.iter().map(|count| (count.end, count.runs)).collect();
        assert_eq!(counts, [(End::Succeeded, 15), (End::RolledBack, 5)]);
    }

    #[test]
    fn one_run_is_all_its_quantiles_and_none_is_nothing() {
        let one = Summary::of(1, vec![run(7, End::Halted)]).unwrap();
        assert_eq!((one.took.p50, one.took.most), (Millis::seconds(7), Millis::seconds(7)));
        assert_eq!(Summary::of(1, Vec::new()), None);
    }
}
