//! `bench proxy`: what the host's proxy costs, beside `HAProxy`, nginx and a port that the engine publishes.
//!
//! One real host; two containers with the same cheap upstream; the proxies on one core, one thread each, client and upstream on the other.
//! The candidates take turns within each round, so that whatever else the machine does falls on all of them, and a ratio is always of one
//! round. An answer is looked at (status, version, body) before and after each sample. The method for people is in
//! `deploy/docs/benchmarks.md`. Deliberately not here: losses (`swap`), TLS.

mod candidates;
mod ground;
mod result;
mod routes;
mod sample;
mod switch;
mod wrk;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{Arguments, Memory, Outcome, Watch, note};
use candidates::{Candidate, start_all};
use ground::Ground;
use sample::Samples;

/// The peers that there are.
pub const PEERS: [&str; 3] = ["haproxy", "nginx", "docker_port"];
/// What all are compared with: the container's own address.
const DIRECT: &str = "direct";
const OURS: &str = "evenkeel";
/// Each measures every candidate once.
const ROUNDS: u32 = 5;
/// A long run has so many times as many.
const LONG: u32 = 4;
/// Between two looks at memory.
const MEMORY_EVERY: Duration = Duration::from_secs(1);

/// Measures all that was asked for.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    arguments.check_peers(&PEERS)?;
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "one core for the proxy and one for client and upstream are needed; this machine has {cores}");
    let ground = Ground::prepare()?;
    let mut problems = Vec::new();
    let candidates = start_all(&ground, arguments, &mut problems);
    let rounds = ROUNDS * arguments.runs * if arguments.long { LONG } else { 1 };
    let (samples, memory) = measure(&ground, &candidates, rounds, &mut problems);
    let switches = if arguments.ours {
        note("switching one of 1,000 routes");
        let measured = switch::measure(&ground, arguments.runs).context("the switch");
        measured.map_err(|error| problems.push(format!("{error:#}"))).ok()
    } else {
        None
    };
    Ok(result::outcome(&samples, &memory, switches.as_ref(), problems))
}

/// All rounds. A candidate that fails is left out from then on.
fn measure(
    ground: &Ground,
    candidates: &[Candidate],
    rounds: u32,
    problems: &mut Vec<String>,
) -> (Vec<Samples>, Vec<(String, Memory)>) {
    let watched = candidates.iter().filter_map(|candidate| Some((candidate.name.to_owned(), candidate.pid()?)));
    let watch = Watch::begin(watched.collect(), MEMORY_EVERY);
    let mut all: Vec<Samples> = candidates.iter().map(|candidate| Samples::new(candidate.name)).collect();
    for round in 0..rounds {
        note(&format!("round {} of {rounds}", round + 1));
        for (candidate, samples) in candidates.iter().zip(&mut all).filter(|(_, samples)| !samples.failed) {
            if let Err(error) = samples.take(ground, candidate) {
                samples.failed = true;
                problems.push(format!("{}: {error:#}", candidate.name));
            }
        }
    }
    (all, watch.end().into_iter().collect())
}
