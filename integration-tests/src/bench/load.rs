//! Clients at work on a host, from outside and from the host itself: the program `evenkeel-load`, and what it has to say at its end.
//!
//! Deliberately not here: the clients (`integration-tests/load`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::hosts::{Fleet, Host, Process};

/// For what is under way at the end: the longest request is one of a minute.
const END: Duration = Duration::from_secs(90);

/// Clients at work. Dropping it ends them without a word.
#[derive(Debug)]
pub struct Load(Vec<Process>);

/// What all clients of a load have seen.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// By client; see `integration-tests/load/src/report.rs`.
    pub clients: BTreeMap<String, Value>,
}

impl Load {
    /// Sends clients to a port of a host: some from outside, some from the host itself to its loopback address.
    pub fn begin(fleet: &Fleet, host: &Host, port: u16, outside: &[&str], inside: &[&str]) -> Result<Self> {
        static BEGUN: AtomicU32 = AtomicU32::new(0);
        let number = BEGUN.fetch_add(1, Ordering::Relaxed);
        let mut processes = Vec::new();
        if !outside.is_empty() {
            let mut command = Command::new(binary()?);
            command.arg(host.at(port).to_string()).args(outside);
            processes.push(fleet.spawn(&format!("load-{number}-outside"), command)?);
        }
        if !inside.is_empty() {
            let mut command = host.command(binary()?);
            command.arg(format!("127.0.0.1:{port}")).args(inside);
            processes.push(host.spawn(&format!("load-{number}-inside"), command)?);
        }
        Ok(Self(processes))
    }

    /// Ends the clients, after what is under way, and returns what they have seen.
    pub fn end(self) -> Result<Report> {
        self.0.iter().for_each(Process::terminate);
        let mut report = Report::default();
        for process in &self.0 {
            let status = process.wait(END)?;
            let log = process.log();
            ensure!(status.success(), "the load generator ended with {status}: {log}");
            let line = log.lines().rfind(|line| line.starts_with('{')).context("the load generator said nothing")?;
            let Value::Object(clients) = serde_json::from_str::<Value>(line)?["clients"].take() else { continue };
            report.clients.extend(clients);
        }
        Ok(report)
    }
}

impl Report {
    /// How many requests a client has sent.
    pub fn sent(&self, client: &str) -> u64 {
        self.clients.get(client).and_then(|record| record["sent"].as_u64()).unwrap_or_default()
    }

    /// What a client has lost, by kind.
    pub fn lost(&self, client: &str) -> BTreeMap<String, u64> {
        let kinds = self.clients.get(client).and_then(|record| record["lost"].as_object());
        kinds.into_iter().flatten().map(|(kind, count)| (kind.clone(), count.as_u64().unwrap_or_default())).collect()
    }

    /// A number that a client has taken (`longest_gap_ms`, `p99_ms`…).
    pub fn number(&self, client: &str, name: &str) -> Option<f64> {
        self.clients.get(client)?[name].as_f64()
    }

    /// How often, and from when to when (ms), a client has seen this.
    pub fn seen(&self, client: &str, label: &str) -> Vec<(f64, f64)> {
        let seen = self.clients.get(client).and_then(|record| record["seen"].as_array());
        let of_label = seen.into_iter().flatten().filter(|seen| seen["label"] == label);
        of_label.filter_map(|seen| Some((seen["first_ms"].as_f64()?, seen["last_ms"].as_f64()?))).collect()
    }
}

/// The load generator: named by the environment (as `integration-tests/bench` does), or built here once.
pub(super) fn binary() -> Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = std::env::var_os("EK_LOAD") {
        return Ok(path.into());
    }
    if let Some(path) = BUILT.get() {
        return Ok(path.clone());
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("this crate is inside the workspace")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), |at| workspace.join(at));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace)
        .args(["build", "--quiet", "--release", "-p", "evenkeel-load", "--target-dir"])
        .arg(&target);
    ensure!(cargo.status()?.success(), "the load generator does not build");
    Ok(BUILT.get_or_init(|| target.join("release/evenkeel-load")).clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_is_asked_by_client() {
        let seen = json!([
            { "label": "v1", "first_ms": 1.0, "last_ms": 2.0 },
            { "label": "v2", "first_ms": 3.0, "last_ms": 4.0 },
            { "label": "v1", "first_ms": 5.0, "last_ms": 6.5 },
        ]);
        let record = json!({ "sent": 7, "lost": { "eof": 2 }, "longest_gap_ms": 1.5, "seen": seen });
        let report = Report { clients: [("ka".to_owned(), record)].into() };
        assert_eq!((report.sent("ka"), report.sent("new")), (7, 0));
        assert_eq!(report.lost("ka"), [("eof".to_owned(), 2)].into());
        assert_eq!(report.number("ka", "longest_gap_ms"), Some(1.5));
        assert_eq!(report.seen("ka", "v1"), [(1.0, 2.0), (5.0, 6.5)]);
    }
}
