//! The rollout's policy out of the two places where it may be written: `x-rollout`, and `update_config` of the services.
//! Not here: reading either (modules `rollout` and `deploy`), obeying it (crate `evenkeel-rollout`).

use evenkeel_model::{Count, Gate, Millis, OnFailure, Order, Policy};

use crate::reader::{Reader, Written};
use crate::strategy::WrittenStrategy;
use crate::waves::WrittenWaves;

/// What one `update_config` says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Update {
    pub(crate) max_unavailable: Option<Written<Count>>,
    pub(crate) bake: Option<Written<Millis>>,
    pub(crate) on_failure: Option<Written<OnFailure>>,
    pub(crate) max_failures: Option<Written<Count>>,
    pub(crate) order: Option<Written<Order>>,
}

/// What `x-rollout` says of the whole app's policy. What is absent takes the contract's default.
#[derive(Debug, Clone, Default)]
pub(crate) struct WrittenPolicy {
    pub(crate) strategy: WrittenStrategy,
    pub(crate) waves: WrittenWaves,
    pub(crate) max_unavailable: Option<Written<Count>>,
    pub(crate) min_healthy: Option<Count>,
    pub(crate) max_failures: Option<Written<Count>>,
    pub(crate) bake: Option<Written<Millis>>,
    pub(crate) health_deadline: Option<Millis>,
    pub(crate) pull_deadline: Option<Millis>,
    pub(crate) progress_deadline: Option<Millis>,
    pub(crate) on_failure: Option<Written<OnFailure>>,
    pub(crate) gates: Vec<Gate>,
}

/// Puts both together.
pub(crate) fn settle<'u>(
    reader: &mut Reader<'_>,
    written: WrittenPolicy,
    updates: impl Iterator<Item = &'u Update>,
) -> Policy {
    let updates: Vec<_> = updates.cloned().collect();
    let max_unavailable =
        once(reader, written.max_unavailable, &each(&updates, |update| update.max_unavailable.clone()));
    let max_failures = once(reader, written.max_failures, &each(&updates, |update| update.max_failures.clone()));
    let bake = once(reader, written.bake, &each(&updates, |update| update.bake.clone()));
    let on_failure = once(reader, written.on_failure, &each(&updates, |update| update.on_failure.clone()));
    let default = Policy::default();
    let WrittenPolicy { strategy: moved, waves: WrittenWaves { waves, by, first }, .. } = written;
    let strategy = moved.strategy.map_or(default.strategy, |written| written.value);
    Policy {
        strategy,
        waves: waves.unwrap_or_else(|| strategy.default_waves()),
        by,
        first,
        max_unavailable: max_unavailable.map(|written| written.value),
        min_healthy: written.min_healthy,
        max_failures: max_failures.map(|written| written.value),
        bake: bake.map_or(default.bake, |written| written.value),
        health_deadline: written.health_deadline.unwrap_or(default.health_deadline),
        pull_deadline: written.pull_deadline.unwrap_or(default.pull_deadline),
        progress_deadline: written.progress_deadline.unwrap_or(default.progress_deadline),
        on_failure: on_failure.map_or(default.on_failure, |written| written.value),
        promote: moved.promote.unwrap_or(default.promote),
        weights: moved.weights.map_or(default.weights, |written| written.value),
        keep_blue: moved.keep_blue.unwrap_or(default.keep_blue),
        gates: written.gates,
    }
}

fn each<T>(updates: &[Update], part: impl Fn(&Update) -> Option<Written<T>>) -> Vec<Written<T>> {
    updates.iter().filter_map(part).collect()
}

/// One setting that may be written in `x-rollout` or in `update_config`, and in the latter by several services if they agree.
pub(crate) fn once<T: Clone + PartialEq>(
    reader: &mut Reader<'_>,
    rollout: Option<Written<T>>,
    updates: &[Written<T>],
) -> Option<Written<T>> {
    if let Some(rollout) = rollout {
        for update in updates {
            let message =
                format!("it is also written as {} on line {}: keep one of them", rollout.path, rollout.place.line);
            reader.problem_at(update.place, &update.path, message);
        }
        return Some(rollout);
    }
    let (first, others) = updates.split_first()?;
    for other in others.iter().filter(|other| other.value != first.value) {
        let message = format!(
            "it differs from {} on line {}, and an app is rolled out as a whole: write the same, or once in `x-rollout`",
            first.path, first.place.line
        );
        reader.problem_at(other.place, &other.path, message);
    }
    Some(first.clone())
}
