//! What a rollout has come to at its gates: consent, and what was measured. Not here: what it waits for there (`rollouts.rs`).

use evenkeel_model::UnixMillis;
use evenkeel_proto::v1::{GateView, ReadingView, RolloutView};

use crate::format::{age, printable};
use crate::table::{Look, tone_of};

use super::{act_with_age, wave};

/// Readings that are shown of each gate: the last ones count, and JSON has all.
const READINGS: usize = 5;

/// Each gate with what it has come to.
pub(crate) fn gates(view: &RolloutView, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    for gate in &view.gates {
        let place = format!("gate in wave {}, {}", wave(gate.wave as usize, view.waves as usize), point(&gate.at));
        let since = age(look.now, UnixMillis(gate.since));
        lines.push(printable(&format!("{place}, reached {since}: {}", asks(gate))));
        lines.extend(gate.approvals.iter().map(|approval| format!("    {}", act_with_age(approval, look))));
        lines.extend(readings(gate, look));
    }
    lines
}

/// One that was taken, behind what asked for it: `analysis errors: bad, 0.07 (at most 0.05)`.
pub(crate) fn reading(gate: &GateView, reading: &ReadingView, look: Look) -> String {
    let name = gate.asks.split([',', ':']).next().unwrap_or_default();
    format!("{}: {}", printable(name), result(reading, look))
}

/// What it asks, which may be written for a sentence that goes on.
fn asks(gate: &GateView) -> &str {
    gate.asks.trim_end_matches(',')
}

fn point(at: &str) -> &str {
    match at {
        "before" => "before it begins",
        "switch" => "before the switch",
        "commit" => "before its commit",
        "after" => "after its commit",
        // Of a newer coordinator.
        other => other,
    }
}

fn readings(gate: &GateView, look: Look) -> Vec<String> {
    if gate.readings.is_empty() {
        return Vec::new();
    }
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for reading in &gate.readings {
        match counts.iter_mut().find(|(verdict, _)| *verdict == reading.verdict) {
            Some((_, count)) => *count += 1,
            None => counts.push((&reading.verdict, 1)),
        }
    }
    let counted: Vec<String> = counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let left_out = gate.readings.len().saturating_sub(READINGS);
    let earlier = if left_out > 0 { format!(" ({left_out} earlier ones left out)") } else { String::new() };
    let mut lines = vec![printable(&format!("    readings: {}{earlier}", counted.join(", ")))];
    for reading in gate.readings.iter().skip(left_out) {
        lines.push(format!("    {}: {}", age(look.now, UnixMillis(reading.at)), result(reading, look)));
        lines.extend(reading.lines.iter().map(|line| format!("      | {}", printable(line)).trim_end().to_owned()));
    }
    lines
}

fn result(reading: &ReadingView, look: Look) -> String {
    let verdict = look.paint(tone_of(&reading.verdict), &printable(&reading.verdict));
    format!("{verdict}, {}", printable(&reading.said))
}
