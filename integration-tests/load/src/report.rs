//! The records as one JSON object.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::record::Record;

/// `began`: on the machine's clock.
pub(crate) fn report(began: SystemTime, took: Duration, records: &BTreeMap<String, Record>) -> Value {
    let total = |count: fn(&Record) -> u64| records.values().map(count).sum::<u64>();
    let versions: BTreeSet<&str> =
        records.values().flat_map(|record| record.seen.iter().map(|seen| seen.label.as_str())).collect();
    let clients: serde_json::Map<String, Value> =
        records.iter().map(|(name, record)| (name.clone(), client(record))).collect();
    json!({
        "began_unix_ms": ms(began.duration_since(UNIX_EPOCH).unwrap_or_default()),
        "seconds": took.as_secs_f64(),
        "sent": total(|record| record.sent),
        "ok": total(|record| record.ok),
        "lost": total(|record| record.lost.values().sum()),
        "versions": versions,
        "clients": clients,
    })
}

/// Counts the time up to `now` as a gap where nothing was answered in it.
pub(crate) fn close(records: &mut BTreeMap<String, Record>, now: Instant) {
    for record in records.values_mut() {
        record.close_gap(now);
    }
}

fn client(record: &Record) -> Value {
    let mut latencies = record.latencies.clone();
    latencies.sort_unstable();
    let lost: BTreeMap<&str, u64> = record.lost.iter().map(|(kind, count)| (kind.name(), *count)).collect();
    let losses: Vec<Value> = record
        .losses
        .iter()
        .map(|(at, failure)| json!({ "at_ms": ms(*at), "kind": failure.kind.name(), "detail": failure.detail }))
        .collect();
    let seen: Vec<Value> = record
        .seen
        .iter()
        .map(|seen| {
            json!({ "label": seen.label, "first_ms": ms(seen.first), "last_ms": ms(seen.last), "count": seen.count })
        })
        .collect();
    json!({
        "sent": record.sent,
        "ok": record.ok,
        "lost": lost,
        "p50_ms": quantile(&latencies, 50),
        "p99_ms": quantile(&latencies, 99),
        "max_ms": quantile(&latencies, 100),
        "longest_gap_ms": ms(record.longest_gap.0),
        "longest_gap_ended_ms": ms(record.longest_gap.1),
        "latest_ms": ms(record.latest),
        "reconnected": record.reconnected,
        "seen": seen,
        "losses": losses,
    })
}

/// In ms, of values in µs; null where there is none.
fn quantile(sorted: &[u32], percent: usize) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    Some(f64::from(sorted[last * percent / 100]) / 1000.0)
}

fn ms(duration: Duration) -> f64 {
    // Whole µs are enough, and short to read.
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
