//! One candidate's samples: at full speed on kept and on new connections, and its latency at a rate that is the same for all.
//! Not here: what they are compared with (`result`).

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::candidates::Candidate;
use super::ground::{Ground, OTHER_CORE};
use super::{DIRECT, wrk};
use crate::bench::{load, processor_time};

/// Seconds of each sample.
const KEPT_SECONDS: u32 = 6;
const NEW_SECONDS: u32 = 4;
const STEADY_SECONDS: u32 = 6;
/// The open loop: on 32 kept connections so many requests a second, well below what the slowest can do.
const STEADY: &str = "ka:connections=32,rate=2000,slow=0";

/// The samples so far: one of each kind for each round.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) name: &'static str,
    pub(super) failed: bool,
    pub(super) kept: Vec<Kept>,
    /// New connections a second.
    pub(super) new: Vec<f64>,
    /// Latency in ms at the steady rate: at the median and at 99 %.
    pub(super) steady: Vec<(f64, f64)>,
}

/// At full speed on kept connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) rate: f64,
    pub(super) p99_ms: f64,
    /// The proxy's own time for a request in µs, and its share of the time: 1 is all of its core. None without a process.
    pub(super) cpu: Option<(f64, f64)>,
}

impl Samples {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, failed: false, kept: vec![], new: vec![], steady: vec![] }
    }

    /// Takes one of each kind.
    pub(super) fn take(&mut self, ground: &Ground, candidate: &Candidate) -> Result<()> {
        let address = candidate.address;
        ground.check(address, "v1")?;
        self.kept.push(kept(ground, candidate)?);
        ground.check(address, "v1")?;
        if self.name != DIRECT {
            self.new.push(wrk::ask(ground, address, NEW_SECONDS, true)?.rate);
        }
        self.steady.push(steady(ground, address)?);
        ground.check(address, "v1")
    }

    /// For the file.
    pub(super) fn all(&self) -> Value {
        let kept: Vec<Value> = self
            .kept
            .iter()
            .map(|kept| json!({ "rate": kept.rate, "p99_ms": kept.p99_ms, "cpu_us_and_share": kept.cpu }))
            .collect();
        json!({ "kept": kept, "new_per_s": self.new, "steady_p50_p99_ms": self.steady, "failed": self.failed })
    }
}

fn kept(ground: &Ground, candidate: &Candidate) -> Result<Kept> {
    let (before, began) = (candidate.pid().map(processor_time), Instant::now());
    let seen = wrk::ask(ground, candidate.address, KEPT_SECONDS, false)?;
    let took_us = began.elapsed().as_secs_f64() * 1e6;
    let cpu = candidate.pid().map(processor_time).zip(before).map(|(after, before)| {
        let us = after.saturating_sub(before).as_secs_f64() * 1e6;
        (us / seen.requests, us / took_us)
    });
    Ok(Kept { rate: seen.rate, p99_ms: seen.p99_ms, cpu })
}

/// Every answer's status, version and body are looked at by the client; one that is lost makes the sample none.
fn steady(ground: &Ground, address: SocketAddr) -> Result<(f64, f64)> {
    let mut command = ground.pinned(OTHER_CORE, load::binary()?);
    command.arg(address.to_string()).args(["--at-most", &STEADY_SECONDS.to_string(), STEADY]);
    let output = command.output().context("cannot run the load generator")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the load generator ended with {}: {text}", output.status);
    let said: Value = serde_json::from_str(text.trim()).context("the load generator's words can't be read")?;
    ensure!(said["lost"] == 0 && said["versions"] == json!(["v1"]), "answers were lost or wrong: {text}");
    let client = &said["clients"]["ka"];
    client["p50_ms"].as_f64().zip(client["p99_ms"].as_f64()).context("the load generator has no latency")
}
