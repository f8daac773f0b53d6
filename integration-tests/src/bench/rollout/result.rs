//! The table, the figures and the samples of a run. Every ratio is of one round; a figure is the median of the rounds. Not here: measuring.

use serde_json::{Map, Value, json};

use super::floor::Floor;
use super::releases::Kind;
use super::row::{Row, Sample};
use crate::bench::{Figures, Outcome, Table, median};

/// By how much a host of ours was later than the engine alone on that host in the same round, in ms.
struct Overhead {
    own: Vec<f64>,
    published: Vec<f64>,
}

pub(super) fn outcome(rows: &[Row<'_>], floor: &Floor, load: &[String], problems: Vec<String>) -> Outcome {
    let mut samples: Map<String, Value> = rows.iter().map(|row| (row.name.to_owned(), row.all())).collect();
    samples.insert("engine".to_owned(), floor.all());
    samples.insert("load".to_owned(), json!(load));
    let text = format!("{}{}", table(rows), words(rows, floor));
    Outcome { text, figures: figures(rows, floor), samples: Value::Object(samples), problems }
}

fn figures(rows: &[Row<'_>], floor: &Floor) -> Figures {
    let mut figures = Figures::default();
    let find = |name: &str| rows.iter().find(|row| row.name == name && row.is_whole());
    let middle = |name: &str, of: fn(&Sample) -> f64| median(&values(find(name)?, of));
    let ratio = |ours: &str, peer: &str, of: fn(&Sample) -> f64| median(&ratios(find(ours)?, find(peer)?, of));
    figures.set("wall_s", middle("evenkeel", Sample::wall));
    for peer in ["swarm_default", "swarm_tuned", "docker_cli_parallel"] {
        figures.set(format!("wall_vs_{peer}"), ratio("evenkeel", peer, Sample::wall));
    }
    let one_at_a_time = ratio("evenkeel_one_at_a_time", "docker_cli_sequential", Sample::wall);
    figures.set("one_at_a_time_vs_docker_cli_sequential", one_at_a_time);
    let overhead = find("evenkeel_fetched").filter(|_| floor.is_whole()).map(|row| overhead(row, floor));
    figures.set("overhead_ms_p50", overhead.as_ref().and_then(|overhead| median(&overhead.own)));
    figures.set("overhead_published_ms_p50", overhead.as_ref().and_then(|overhead| median(&overhead.published)));
    for bad in ["crash", "unhealthy"] {
        let (ours, peer) = (format!("evenkeel_{bad}"), format!("swarm_tuned_{bad}"));
        figures.set(format!("bad_{bad}_reverted_s"), middle(&ours, Sample::over));
        figures.set(format!("bad_{bad}_vs_swarm_tuned"), ratio(&ours, &peer, Sample::over));
    }
    let ours = || rows.iter().filter(|row| row.is_ours());
    let is_whole = ours().next().is_some() && ours().all(Row::is_whole);
    figures.set("failed_requests", is_whole.then(|| count(total(rows, Sample::lost))));
    figures
}

fn values(row: &Row<'_>, of: fn(&Sample) -> f64) -> Vec<f64> {
    row.samples.values().map(of).collect()
}

/// Of the rounds that both have.
fn ratios(ours: &Row<'_>, peer: &Row<'_>, of: fn(&Sample) -> f64) -> Vec<f64> {
    let both = ours.samples.iter().filter_map(|(round, ours)| Some((ours, peer.samples.get(round)?)));
    both.map(|(ours, peer)| of(ours) / of(peer)).collect()
}

/// Of the hosts of the rounds that both have.
fn overhead(row: &Row<'_>, floor: &Floor) -> Overhead {
    let over = |floor: &std::collections::BTreeMap<u32, Vec<f64>>| {
        let rounds = row.samples.iter().filter_map(|(round, sample)| Some((sample, floor.get(round)?)));
        let hosts = rounds.flat_map(|(sample, floor)| sample.hosts.iter().zip(floor));
        hosts.filter_map(|(host, floor)| Some(host.from_order? - floor)).collect()
    };
    Overhead { own: over(&floor.own), published: over(&floor.published) }
}

/// Over all that was measured of ours.
fn total(rows: &[Row<'_>], of: fn(&Sample) -> usize) -> usize {
    rows.iter().filter(|row| row.is_ours()).flat_map(|row| row.samples.values()).map(of).sum()
}

fn table(rows: &[Row<'_>]) -> String {
    let heading =
        ["rollout", "runs", "everywhere s", "from-to", "said s", "order to serving ms", "gap ms", "lost", "bad"];
    let mut table = Table::new(&heading);
    for row in rows {
        if !row.is_whole() {
            let mut cells = vec![row.name.to_owned(), row.samples.len().to_string(), "not measured".to_owned()];
            cells.resize(heading.len(), String::new());
            table.row(cells);
            continue;
        }
        let hosts = || row.samples.values().flat_map(|sample| &sample.hosts);
        let orders: Vec<f64> = hosts().filter_map(|host| host.from_order).collect();
        let bad: usize = hosts().map(|host| host.bad).sum();
        let walls = values(row, Sample::wall);
        table.row(vec![
            row.name.to_owned(),
            row.samples.len().to_string(),
            shown(&walls, 2),
            format!(
                "{:.2}-{:.2}",
                walls.iter().copied().fold(f64::INFINITY, f64::min),
                walls.iter().copied().fold(0.0, f64::max)
            ),
            shown(&values(row, |sample| sample.said), 2),
            shown(&orders, 0),
            shown(&values(row, Sample::gap), 0),
            row.samples.values().map(Sample::lost).sum::<usize>().to_string(),
            if row.kind == Kind::Good { "-".to_owned() } else { bad.to_string() },
        ]);
    }
    format!(
        "{table}\nMedians; times from the start of the command. everywhere: until every host served the new release, or of a bad one the old one \
         again and nothing else; said: until the candidate said that it was over; gap: the longest between two answers of one host; lost: \
         requests of all runs without a good answer; bad: answers of the bad release.\n"
    )
}

fn words(rows: &[Row<'_>], floor: &Floor) -> String {
    let all = |times: &std::collections::BTreeMap<u32, Vec<f64>>| times.values().flatten().copied().collect::<Vec<_>>();
    let (own, published) = (shown(&all(&floor.own), 0), shown(&all(&floor.published), 0));
    let (lost, requests) = (total(rows, Sample::lost), total(rows, Sample::requests));
    format!(
        "the engine alone, create to first answer: {own} ms at the container's own address, {published} ms at a published port\n\
         ours lost {lost} of {requests} requests\n"
    )
}

fn shown(values: &[f64], places: usize) -> String {
    median(values).map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}"))
}

/// Counts in a bench stay far below 2^53.
#[allow(clippy::cast_precision_loss, reason = "see above")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
