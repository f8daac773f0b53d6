//! Many imagined rollouts of one policy: how often they end how, and how bad it gets. Not here: one of them (`timeline.rs`).

use std::fmt::Display;

use evenkeel_simulate::{End, Quantiles, Run, Summary};

use crate::format::hosts;
use crate::table::{Cell, Look, Table, Tone};

/// What they come to, and how the worst of them is looked at.
pub(crate) fn summary(summary: &Summary, look: Look) -> Vec<String> {
    let ends: Vec<String> = summary
        .ends
        .iter()
        .map(|count| look.paint(tone_of_end(count.end), &format!("{} {}", count.runs, word(count.end))))
        .collect();
    let mut lines = vec![format!("{} runs of {}: {}", summary.runs.len(), hosts(summary.hosts), ends.join(", "))];
    lines.push(String::new());
    lines.extend(quantiles(summary, look));
    if let Some(worst) = summary.runs.iter().max_by_key(|run| badness(run)) {
        lines.push(String::new());
        lines.push(format!(
            "Imagined: no host was asked for anything. The worst run, moment by moment: the same options with --seed {} \
             and without --runs",
            worst.seed
        ));
    }
    lines
}

fn quantiles(summary: &Summary, look: Look) -> Vec<String> {
    let mut table = Table::new(&["", "HALF WITHIN", "95 OF 100", "ALL"]);
    table.row(row("took", &summary.took));
    table.row(row("at gates", &summary.waited_at_gates));
    table.row(row("hosts touched", &summary.touched));
    table.row(row("exposed at once", &summary.most_exposed));
    table.row(row("left unwell", &summary.unhealthy));
    table.row(row("failed", &summary.failed));
    table.row(row("unavailable at once", &summary.most_unavailable));
    table.lines(look, 0)
}

fn row<T: Display>(name: &str, quantiles: &Quantiles<T>) -> Vec<Cell> {
    let Quantiles { p50, p95, most } = quantiles;
    vec![name.into(), p50.to_string().into(), p95.to_string().into(), most.to_string().into()]
}

/// What hurts most first: hosts left unwell, then those that users met it on.
fn badness(run: &Run) -> (usize, usize, usize, End) {
    (run.unhealthy, run.failed, run.most_unavailable, run.end)
}

fn word(end: End) -> &'static str {
    match end {
        End::Succeeded => "succeeded",
        End::RolledBack => "rolled back",
        End::Halted => "halted",
        End::Waiting => "waiting for a person",
        End::GoesOn => "stopped at the limit",
    }
}

/// The tone of an end.
pub(crate) fn tone_of_end(end: End) -> Tone {
    match end {
        End::Succeeded => Tone::Good,
        End::RolledBack | End::Halted => Tone::Bad,
        End::Waiting | End::GoesOn => Tone::Doubtful,
    }
}
