//! What a deploy would do. Not here: deciding it, which the coordinator does by the planner of real rollouts.

use evenkeel_model::Millis;
use evenkeel_proto::v1::{PlanResponse, PolicyView};

use crate::format::{hosts, printable};
use crate::table::{Cell, Look, Table, Tone};

use super::{pairs, wave};

/// The plan: releases, images, hosts by wave, rules, notes.
pub(crate) fn plan(view: &PlanResponse, look: Look) -> Vec<String> {
    let from = view.from.map_or_else(|| "nothing".to_owned(), |release| format!("release {release}"));
    let count: usize = view.waves.iter().map(|wave| wave.hosts.len()).sum();
    let mut lines = vec![look.paint(
        Tone::Strong,
        &format!("{} (environment {}): {from} → release {}, on {}", view.app, view.environment, view.to, hosts(count)),
    )];
    lines.push(String::new());
    lines.extend(images(view, look));
    lines.push(String::new());
    lines.extend(waves(view, look));
    if let Some(policy) = &view.policy {
        lines.push(String::new());
        lines.extend(rules(policy, view));
    }
    if !view.notes.is_empty() {
        lines.push(String::new());
        lines.extend(view.notes.iter().map(|note| format!("note: {}", printable(note))));
    }
    lines.push(String::new());
    lines.push("Nothing was changed. To do it: evenkeel deploy, with the same options".to_owned());
    lines
}

fn images(view: &PlanResponse, look: Look) -> Vec<String> {
    let mut table = Table::new(&["SERVICE", "IMAGE", "PINNED TO", "FROM"]);
    for image in &view.images {
        let from = if image.local { "engine" } else { "registry" };
        table.row(vec![
            image.service.as_str().into(),
            image.reference.as_str().into(),
            image.digest.as_str().into(),
            from.into(),
        ]);
    }
    table.lines(look, 0)
}

fn waves(view: &PlanResponse, look: Look) -> Vec<String> {
    let mut table = Table::new(&["WAVE", "HOST", "CONTACT", "CHANGE", "DETAILS"]);
    for (index, planned) in view.waves.iter().enumerate() {
        for host in &planned.hosts {
            table.row(vec![
                wave(index, view.waves.len()).into(),
                host.host.as_str().into(),
                Cell::word(&host.contact),
                host.change.as_str().into(),
                host.details.join("; ").into(),
            ]);
        }
    }
    table.lines(look, 0)
}

/// The policy in words.
fn rules(policy: &PolicyView, view: &PlanResponse) -> Vec<String> {
    let budget = view.budget;
    let ahead = hosts(usize::try_from(view.prefetch_hosts).unwrap_or(usize::MAX));
    let written = |count: &Option<String>, default: &str| count.clone().unwrap_or_else(|| default.to_owned());
    let duration = |millis: u64| Millis(millis).to_string();
    pairs(&[
        ("strategy", format!("{}, waves {}", policy.strategy, policy.waves.join(", "))),
        (
            "budget",
            format!(
                "{budget} unavailable at a time (max_unavailable {})",
                written(&policy.max_unavailable, "by default")
            ),
        ),
        ("failures", format!("{} tolerated", written(&policy.max_failures, "none in the first wave, then 1"))),
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
    ])
}
