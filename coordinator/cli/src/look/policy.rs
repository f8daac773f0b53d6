//! The policy of a rollout in words. Not here: the gates, which stand in the waves of a plan (`plan.rs`).

use evenkeel_model::Millis;
use evenkeel_proto::v1::{PlanResponse, PolicyView};

use crate::format::{hosts, named};

use super::pairs;

/// How it would be rolled out: what is always said, and what is not as by default.
pub(crate) fn rules(policy: &PolicyView, view: &PlanResponse) -> Vec<String> {
    let ahead = hosts(usize::try_from(view.prefetch_hosts).unwrap_or(usize::MAX));
    let mut rules = strategy(policy);
    rules.extend([
        ("budget", budget(policy, view.budget)),
        ("failures", format!("{} tolerated", written(policy.max_failures.as_ref(), "none in the first wave, then 1"))),
        ("bake", duration(policy.bake_ms)),
        (
            "deadlines",
            format!(
                "health {}, pull {}, progress {}",
                duration(policy.health_deadline_ms),
                duration(policy.pull_deadline_ms),
                duration(policy.progress_deadline_ms)
            ),
        ),
        ("fetch ahead", format!("{ahead} as it begins, the others as their wave comes near")),
        ("on failure", policy.on_failure.clone()),
    ]);
    if view.shortest_ms > 0 {
        let shortest = duration(view.shortest_ms);
        rules.push(("takes", format!("at least {shortest}, by its bakes; hosts and gates take what they take")));
    }
    pairs(&rules)
}

fn strategy(policy: &PolicyView) -> Vec<(&'static str, String)> {
    let mut rules = vec![("strategy", format!("{}, waves {}", policy.strategy, policy.waves.join(", ")))];
    if policy.promote == "manual" {
        rules.push(("promotion", "by a person: evenkeel rollout promote".to_owned()));
    }
    if policy.shares.len() > 1 {
        let shares: Vec<String> = policy.shares.iter().map(|share| format!("{share}%")).collect();
        rules.push(("shares", format!("{} of what is new, step by step in each wave", shares.join(", "))));
    }
    rules.extend(policy.by.iter().map(|label| ("by", format!("{label}: no wave has hosts of two of its values"))));
    if !policy.first.is_empty() {
        rules.push(("first", named(&policy.first)));
    }
    if policy.keep_blue_ms > 0 {
        let kept = duration(policy.keep_blue_ms);
        rules.push(("keep blue", format!("the old containers run on for {kept} after the commit, without traffic")));
    }
    rules
}

fn budget(policy: &PolicyView, budget: u64) -> String {
    let written = written(policy.max_unavailable.as_ref(), "by default");
    let floor = policy.min_healthy.as_ref().map(|floor| format!(", min_healthy {floor}")).unwrap_or_default();
    format!("{budget} unavailable at a time (max_unavailable {written}{floor})")
}

fn written(count: Option<&String>, default: &str) -> String {
    count.cloned().unwrap_or_else(|| default.to_owned())
}

fn duration(millis: u64) -> String {
    Millis(millis).to_string()
}
