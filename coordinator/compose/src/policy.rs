//! The rollout's policy out of the two places where it may be written: `x-rollout`, and `update_config` of the services.
//! Not here: reading either (modules `rollout` and `deploy`), obeying it (crate `evenkeel-rollout`).

use evenkeel_model::{Count, Millis, OnFailure, Order, Policy};

use crate::reader::{Reader, Written};

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
    pub(crate) waves: Option<Vec<Count>>,
    pub(crate) max_unavailable: Option<Written<Count>>,
    pub(crate) max_failures: Option<Written<Count>>,
    pub(crate) bake: Option<Written<Millis>>,
    pub(crate) health_deadline: Option<Millis>,
    pub(crate) pull_deadline: Option<Millis>,
    pub(crate) progress_deadline: Option<Millis>,
    pub(crate) on_failure: Option<Written<OnFailure>>,
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
    Policy {
        strategy: default.strategy,
        waves: written.waves.unwrap_or(default.waves),
        max_unavailable: max_unavailable.map(|written| written.value),
        max_failures: max_failures.map(|written| written.value),
        bake: bake.map_or(default.bake, |written| written.value),
        health_deadline: written.health_deadline.unwrap_or(default.health_deadline),
        pull_deadline: written.pull_deadline.unwrap_or(default.pull_deadline),
        progress_deadline: written.progress_deadline.unwrap_or(default.progress_deadline),
        on_failure: on_failure.map_or(default.on_failure, |written| written.value),
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
