//! What a deploy would do. Not here: deciding it, which the coordinator does by the planner of real rollouts; the policy (`policy.rs`).

use evenkeel_model::Millis;
use evenkeel_proto::v1::{PlanHostView, PlanResponse};

use crate::format::{all_hosts, hosts, named, printable};
use crate::table::{Cell, Look, Table, Tone};

use super::{in_force, rules, wave};

/// The plan: what stands in its way, releases, images, waves, hosts, differences, rules, notes, and how it is done.
pub(crate) fn plan(view: &PlanResponse, look: Look) -> Vec<String> {
    let from = view.from.map_or_else(|| "nothing".to_owned(), |release| format!("release {release}"));
    let mut lines = vec![look.paint(
        Tone::Strong,
        &printable(&format!(
            "{} (environment {}): {from} → release {}, on {}",
            view.app,
            view.environment,
            view.to,
            hosts(planned(view).count())
        )),
    )];
    lines.extend(in_the_way(view, look).iter().map(|line| look.paint(Tone::Doubtful, line)));
    let policy = view.policy.as_ref().map(|policy| rules(policy, view)).unwrap_or_default();
    let notes = view.notes.iter().map(|note| format!("note: {}", printable(note))).collect();
    for part in [images(view, look), waves(view, look), changes(view, look), differences(view), policy, notes] {
        if !part.is_empty() {
            lines.push(String::new());
            lines.extend(part);
        }
    }
    lines.push(String::new());
    lines.push(how(view));
    lines
}

/// Whether a deploy would change anything.
pub(crate) fn would_change(view: &PlanResponse) -> bool {
    view.from != Some(view.to) || planned(view).any(|host| host.change != "unchanged")
}

fn planned(view: &PlanResponse) -> impl Iterator<Item = &PlanHostView> {
    view.waves.iter().flat_map(|wave| &wave.hosts)
}

/// Why a deploy would be refused now, and what it needs then.
fn in_the_way(view: &PlanResponse, look: Look) -> Vec<String> {
    let going = view.going.map(|rollout| {
        format!(
            "rollout {rollout} goes on: a deploy is refused without --queue (begin after it) or --supersede (take over)"
        )
    });
    let freeze = view
        .freeze
        .as_ref()
        .map(|freeze| format!("{}: a deploy is refused without --override-freeze REASON", in_force(freeze, look)));
    going.into_iter().chain(freeze).collect()
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

/// The waves, each with its bake and the gates that stand in it.
fn waves(view: &PlanResponse, look: Look) -> Vec<String> {
    let mut table = Table::new(&["WAVE", "HOSTS", "BAKE", "GATES"]);
    for (index, planned) in view.waves.iter().enumerate() {
        let mut gates = planned.gates.iter();
        table.row(vec![
            wave(index, view.waves.len()).into(),
            planned.hosts.len().to_string().into(),
            Millis(planned.bake_ms).to_string().into(),
            gates.next().map_or("", String::as_str).into(),
        ]);
        for gate in gates {
            table.row(vec!["".into(), "".into(), "".into(), gate.as_str().into()]);
        }
    }
    table.lines(look, 0)
}

fn changes(view: &PlanResponse, look: Look) -> Vec<String> {
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

/// What is not as it runs now, once for all hosts of which the same is true.
fn differences(view: &PlanResponse) -> Vec<String> {
    let mut groups: Vec<(&[String], Vec<&str>)> = Vec::new();
    for host in planned(view).filter(|host| !host.differences.is_empty()) {
        match groups.iter_mut().find(|(differences, _)| *differences == host.differences) {
            Some((_, hosts)) => hosts.push(&host.host),
            None => groups.push((&host.differences, vec![&host.host])),
        }
    }
    let mut lines = Vec::new();
    for (differences, hosts) in groups {
        lines.push(printable(&format!("What differs from what runs on {}:", named(&hosts))));
        lines.extend(differences.iter().map(|difference| printable(&format!("  {difference}"))));
    }
    lines
}

/// The last words: nothing to do, or how it is done.
fn how(view: &PlanResponse) -> String {
    if !would_change(view) {
        return format!("Nothing would change: release {} is on {} already", view.to, all_hosts(planned(view).count()));
    }
    match view.fingerprint.as_str() {
        "" => "Nothing was changed. To do it: evenkeel deploy, with the same options".to_owned(),
        fingerprint => printable(&format!(
            "Nothing was changed. To do exactly this, or nothing: evenkeel deploy --check {fingerprint}, with the same options"
        )),
    }
}
