//! The table, the figures and the samples of a run.

use serde_json::{Map, Value, json};

use super::Outcome;
use super::row::{COUNTED, Row};
use crate::bench::{Figures, Table, median};

/// The rows that the figures of DESIGN section 11 are made of; the others are in the table alone.
const LOST: [&str; 5] = ["evenkeel", "stop_start", "swarm", "nginx", "haproxy"];

/// `away`: how long a program is without an answer when the engine alone stops and starts it, in ms.
pub(super) fn outcome(rows: &[Row<'_>], away: &[f64], problems: Vec<String>) -> Outcome {
    let mut samples: Map<String, Value> = rows.iter().map(|row| (row.name.clone(), samples(row))).collect();
    samples.insert("away_ms".to_owned(), json!(away));
    let away_shown = format!("a bare stop and start of a program that nobody uses: {} ms (median)\n", shown(away));
    let text = table(rows) + &away_shown;
    Outcome { text, figures: figures(rows, away), samples: Value::Object(samples), problems }
}

fn figures(rows: &[Row<'_>], away: &[f64]) -> Figures {
    let mut figures = Figures::default();
    let find = |name: &str| rows.iter().find(|row| row.name == name && row.is_whole());
    for program in super::PROGRAMS {
        for candidate in LOST {
            let swaps = find(&format!("{candidate}.{program}"));
            let mut lost = swaps.map(|row| row.tally.lost());
            if candidate == "evenkeel" {
                // A request lost in a revert is lost: without the reverts the figure would be half of it.
                let reverts = find(&format!("evenkeel_revert.{program}")).map(|row| row.tally.lost());
                lost = lost.zip(reverts).map(|(swaps, reverts)| swaps + reverts);
            }
            figures.set(format!("lost.{candidate}.{program}"), lost.map(count));
        }
    }
    // Those among which `lost.evenkeel.*` were looked for.
    let ours: Vec<&Row<'_>> = ["evenkeel", "evenkeel_revert"]
        .iter()
        .flat_map(|candidate| super::PROGRAMS.map(|program| format!("{candidate}.{program}")))
        .filter_map(|name| find(&name))
        .collect();
    let requests = ours.iter().map(|row| row.tally.sent).sum();
    figures.set("requests", (!ours.is_empty()).then(|| count(requests)));
    let reverts: Vec<f64> = ours.iter().flat_map(|row| row.tally.reverts.iter().copied()).collect();
    figures.set("revert_ms", median(&reverts));
    figures.set("stop_first_gap_ms", find("evenkeel_stop_first.graceful").and_then(|row| median(&row.tally.gaps)));
    let direct = find("evenkeel_direct.rude").and_then(|row| median(&row.tally.gaps));
    figures.set("direct_gap_beyond_ms", direct.zip(median(away)).map(|(gap, away)| gap - away));
    figures
}

fn table(rows: &[Row<'_>]) -> String {
    let heading = ["candidate", "swaps", "sent", "lost ka/new/lo", "kinds", "swap ms", "gap ms", "p99 ms", "further"];
    let mut table = Table::new(&heading);
    for row in rows {
        let tally = &row.tally;
        if !row.is_whole() {
            let mut cells = vec![row.name.clone(), tally.swaps.to_string(), "not measured".to_owned()];
            cells.resize(heading.len(), String::new());
            table.row(cells);
            continue;
        }
        let lost = COUNTED.map(|client| tally.lost_by(client).to_string());
        table.row(vec![
            row.name.clone(),
            tally.swaps.to_string(),
            tally.sent.to_string(),
            lost.join(" / "),
            tally.kinds(),
            shown(&tally.took),
            shown(&tally.gaps),
            shown(&tally.p99),
            further(row),
        ]);
    }
    format!("{table}\nswap, gap and p99: medians; gap and p99 of `new`, gap: the longest in a turn of two swaps.\n")
}

/// What only some rows have.
fn further(row: &Row<'_>) -> String {
    let mut further = Vec::new();
    if !row.tally.reverts.is_empty() {
        further.push(format!("sick to reverted {} ms", shown(&row.tally.reverts)));
    }
    for client in row.tally.lost.keys().filter(|client| !COUNTED.contains(&client.as_str()) && *client != "health") {
        further.push(format!("{client} lost {}", row.tally.lost_by(client)));
    }
    further.join(", ")
}

fn shown(values: &[f64]) -> String {
    median(values).map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

fn samples(row: &Row<'_>) -> Value {
    let tally = &row.tally;
    json!({
        "problem": row.problem(),
        "swaps": tally.swaps,
        "sent": tally.sent,
        "lost": tally.lost,
        "took_ms": tally.took,
        "gaps_ms": tally.gaps,
        "reverts_ms": tally.reverts,
        "reports": tally.reports,
    })
}

/// Counts in a bench stay far below 2^53.
#[allow(clippy::cast_precision_loss, reason = "see above")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}
