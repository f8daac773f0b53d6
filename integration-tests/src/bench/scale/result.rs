//! What was found, as a table for people and figures for programs. Not here: measuring.

use serde_json::{Value, json};

use crate::bench::{Figures, Outcome, Table, median};

/// The figures of which the name says how many hosts there are.
const TEN_THOUSAND: usize = 10_000;

/// All samples; what could not be measured is empty.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) agents: usize,
    pub(super) tokens_s: Option<f64>,
    pub(super) join_s: Option<f64>,
    pub(super) connect_s: Option<f64>,
    pub(super) first_wave_s: Option<f64>,
    pub(super) wave_s: Vec<f64>,
    pub(super) wave_busy_s: Vec<f64>,
    pub(super) updates_per_s: Vec<f64>,
    pub(super) rest_share: Vec<f64>,
    pub(super) dead_s: Vec<f64>,
    pub(super) silent_s: Vec<f64>,
    pub(super) reconnect_s: Vec<f64>,
    pub(super) after_rollouts_kib: Option<f64>,
    pub(super) kib_per_agent: Vec<f64>,
    pub(super) kib_per_agent_stock: Vec<f64>,
    pub(super) planner: Option<Value>,
    pub(super) planner_fewer: Option<Value>,
    pub(super) agent_rss_mib: Option<f64>,
    pub(super) agent_binary_mib: Option<f64>,
}

pub(super) fn outcome(found: &Found, problems: Vec<String>) -> Outcome {
    Outcome { text: table(found), figures: figures(found), samples: samples(found), problems }
}

fn figures(found: &Found) -> Figures {
    let mut figures = Figures::default();
    let planner = |name: &str| found.planner.as_ref().and_then(|planner| planner[name].as_f64());
    figures.set("agents", Some(whole(found.agents)));
    figures.set("kib_per_agent", median(&found.kib_per_agent));
    figures.set("kib_per_agent_stock_tonic", median(&found.kib_per_agent_stock));
    figures.set("core_share_at_rest", median(&found.rest_share));
    figures.set("reconnect_all_s", median(&found.reconnect_s));
    figures.set("dead_agent_detected_s", most(&found.dead_s));
    figures.set("silent_host_detected_s", most(&found.silent_s));
    figures.set("durable_updates_per_s", median(&found.updates_per_s));
    figures.set("wave_10k_s", median(&found.wave_s).filter(|_| found.agents == TEN_THOUSAND));
    figures.set("planner_100k_s", planner("plan_median_s"));
    figures.set("rollout_100k_50_waves_s", planner("rollout_s"));
    figures.set("agent_rss_mib", found.agent_rss_mib);
    figures.set("agent_binary_mib", found.agent_binary_mib);
    figures
}

fn table(found: &Found) -> String {
    let mut table = Table::new(&["what", "median", "all"]);
    let mut row = |what: &str, values: &[f64], places: usize| {
        let shown = |value: f64| format!("{value:.places$}");
        let middle = median(values).map_or_else(|| "-".to_owned(), shown);
        let all: Vec<String> = values.iter().map(|value| shown(*value)).collect();
        table.row(vec![what.to_owned(), middle, if all.len() > 1 { all.join(" ") } else { String::new() }]);
    };
    let one = |value: Option<f64>| value.into_iter().collect::<Vec<f64>>();
    let planner = |from: &Option<Value>, name: &str| one(from.as_ref().and_then(|planner| planner[name].as_f64()));
    let per_agent = found.after_rollouts_kib.map(|kib| kib / whole(found.agents));
    row("join tokens made, s", &one(found.tokens_s), 1);
    row("hosts joined, s", &one(found.join_s), 1);
    row("first streams, s", &one(found.connect_s), 1);
    row("first deploy, empty hosts, s", &one(found.first_wave_s), 2);
    row("one wave over all hosts, s", &found.wave_s, 2);
    row("  of which the coordinator was busy, s", &found.wave_busy_s, 2);
    row("durable updates of hosts, 1/s", &found.updates_per_s, 0);
    row("share of a core at rest", &found.rest_share, 3);
    row("killed agent noticed, s", &found.dead_s, 3);
    row("silent host noticed, s", &found.silent_s, 3);
    row("all back after a kill, s", &found.reconnect_s, 1);
    row("resident after all that, by agent, KiB", &one(per_agent), 1);
    row("resident for one agent more, KiB", &found.kib_per_agent, 1);
    row("  the same, stock tonic", &found.kib_per_agent_stock, 1);
    row("one plan, 10,000 hosts, s", &planner(&found.planner_fewer, "plan_median_s"), 4);
    row("one plan, 100,000 hosts, s", &planner(&found.planner, "plan_median_s"), 4);
    row("  the longest", &planner(&found.planner, "plan_longest_s"), 4);
    row("rollout of 10,000 in 50 waves, s", &planner(&found.planner_fewer, "rollout_s"), 1);
    row("rollout of 100,000 in 50 waves, s", &planner(&found.planner, "rollout_s"), 1);
    row("  of which planning", &planner(&found.planner, "planning_s"), 1);
    row("  of which storing", &planner(&found.planner, "storing_s"), 1);
    row("an agent's memory, MiB", &one(found.agent_rss_mib), 1);
    row("an agent's program, MiB", &one(found.agent_binary_mib), 1);
    format!("{table}\n{} agents.\n", found.agents)
}

fn samples(found: &Found) -> Value {
    json!({
        "agents": found.agents,
        "tokens_s": found.tokens_s,
        "join_s": found.join_s,
        "connect_s": found.connect_s,
        "first_wave_s": found.first_wave_s,
        "wave_s": found.wave_s,
        "wave_busy_s": found.wave_busy_s,
        "updates_per_s": found.updates_per_s,
        "rest_share": found.rest_share,
        "dead_s": found.dead_s,
        "silent_s": found.silent_s,
        "reconnect_s": found.reconnect_s,
        "after_rollouts_kib": found.after_rollouts_kib,
        "kib_per_agent": found.kib_per_agent,
        "kib_per_agent_stock": found.kib_per_agent_stock,
        "planner_10k": found.planner_fewer,
        "planner_100k": found.planner,
        "agent_rss_mib": found.agent_rss_mib,
        "agent_binary_mib": found.agent_binary_mib,
    })
}

/// What must never take longer counts by its longest.
fn most(values: &[f64]) -> Option<f64> {
    values.iter().copied().max_by(f64::total_cmp)
}

fn whole(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_never_take_long_counts_by_its_longest_and_what_was_not_taken_is_absent() {
        let found = Found {
            agents: 10_000,
            dead_s: vec![0.1, 0.4, 0.2],
            wave_s: vec![1.0, 3.0, 2.0],
            planner: Some(json!({ "plan_median_s": 0.25 })),
            ..Found::default()
        };
        let figures = figures(&found);
        assert_eq!(figures.get("dead_agent_detected_s"), Some(0.4));
        assert_eq!((figures.get("wave_10k_s"), figures.get("planner_100k_s")), (Some(2.0), Some(0.25)));
        assert_eq!((figures.get("rollout_100k_50_waves_s"), figures.get("kib_per_agent")), (None, None));
        let fewer = Found { agents: 9, ..found.clone() };
        assert_eq!(super::figures(&fewer).get("wave_10k_s"), None, "its name says ten thousand");
        assert!(table(&found).contains("silent host noticed, s"));
        assert_eq!(samples(&found)["agents"], 10_000);
    }
}
