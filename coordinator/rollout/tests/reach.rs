//! How far the stories come. An invariant that forbids something has proven nothing where nothing was there to forbid: so the stories must end in
//! every way, pass every gate, and wait for everything, under each strategy. Not here: what must hold (`invariants.rs`).

use std::collections::BTreeSet;

use evenkeel_model::gate::Check;
use evenkeel_model::{HostId, Phase, Strategy as Moved};
use evenkeel_rollout::{Order, Outcome, Rollout, State, WaitingOn};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::invariants::{Step, gates_at, passed};
use crate::stories::story;

/// So many stories, always the same ones: a few times as many as the rarest of what is asked for takes.
const STORIES: usize = 3000;

const ENDS: [Outcome; 5] =
    [Outcome::Succeeded, Outcome::RolledBack, Outcome::Halted, Outcome::Aborted, Outcome::Superseded];
const WAITS: [&str; 14] = [
    "bake",
    "unhealthy",
    "acknowledgement",
    "returning",
    "budget_spent",
    "host_lost",
    "obstacle",
    "conflict",
    "person",
    "paused",
    "frozen",
    "approval",
    "window",
    "analysis",
];

fn waits_for(waiting: &WaitingOn) -> String {
    serde_json::to_value(waiting).unwrap()["kind"].as_str().unwrap().to_owned()
}

fn kind(check: &Check) -> &'static str {
    match check {
        Check::Approval(_) => "approval",
        Check::Window(_) => "window",
        Check::Analysis(_) => "analysis",
    }
}

fn at(rollout: &Rollout, what: &str) -> String {
    format!("{} {what}", rollout.policy.strategy.as_str())
}

/// What this step has come to that is worth asking for.
fn reached(step: &Step<'_>, all: &mut BTreeSet<String>) {
    let Some(rollout) = step.after.rollout.as_ref().filter(|_| step.before.going().is_some()) else { return };
    if let Some(outcome) = rollout.outcome() {
        all.insert(at(rollout, &format!("ends {outcome:?}")));
    } else {
        all.extend(step.plan.waiting.iter().map(|waiting| at(rollout, &format!("waits for {}", waits_for(waiting)))));
    }
    let is_way_back = |(host, order): &(HostId, Order)| {
        let was = step.before.hosts[host].ordered.is_some_and(|was| was.phase == Phase::Committed);
        was && rollout.state == State::RollingBack && order.phase == Phase::Trial && order.release == rollout.from
    };
    if step.plan.orders.iter().any(is_way_back) {
        all.insert(at(rollout, "takes back what was committed"));
    }
    for (point, wave, _) in passed(step) {
        for (_, gate) in gates_at(rollout, point, wave) {
            all.insert(at(rollout, &format!("passes {} {point}", kind(&gate.check))));
        }
    }
}

fn asked_for() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for strategy in [Moved::Rolling, Moved::Canary, Moved::BlueGreen] {
        // Of the other two alone a wave gets what is new in more than one step.
        let in_steps: &[&str] = if strategy == Moved::Rolling { &[] } else { &["switch"] };
        let ends = ENDS.iter().map(|outcome| format!("ends {outcome:?}"));
        let waits = WAITS.iter().map(|waiting| format!("waits for {waiting}"));
        let promotion = in_steps.iter().map(|_| "waits for promotion".to_owned());
        let gates = ["approval", "window", "analysis"].into_iter().flat_map(|check| {
            let points = ["before", "commit", "after"].iter().chain(in_steps);
            points.map(move |point| format!("passes {check} {point}"))
        });
        let back = ["takes back what was committed".to_owned()];
        let asked = ends.chain(back).chain(waits).chain(promotion).chain(gates);
        all.extend(asked.map(|what| format!("{} {what}", strategy.as_str())));
    }
    all
}

#[test]
fn the_stories_come_to_every_end_gate_and_wait_of_every_strategy() {
    let mut runner = TestRunner::deterministic();
    let mut all = BTreeSet::new();
    for _ in 0..STORIES {
        let story = story().new_tree(&mut runner).unwrap().current();
        let run = crate::run(&story, |step| {
            reached(step, &mut all);
            Ok(())
        });
        run.unwrap();
    }
    let missing: Vec<_> = asked_for().difference(&all).cloned().collect();
    assert!(missing.is_empty(), "never reached: {missing:#?}");
}
