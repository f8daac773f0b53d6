//! `bench scale`: what ten thousand agents cost one coordinator, and how fast it is with them.
//!
//! One real coordinator, as released, with its `SQLite` store on disk. The agents are many in one other process (`integration-tests/crowd`), each with a
//! key and certificate of its own that it got by joining, a TLS connection, and a host on which everything works at once; so what the coordinator takes
//! can be told from what they take. The method for people is in `deploy/docs/benchmarks.md`. Deliberately not here: containers and real hosts, but for
//! the one on which an agent's own cost is looked at.

mod coordinator;
mod crowd;
mod footprint;
mod ground;
mod operator;
mod planner;
mod reconnect;
mod resident;
mod rest;
mod result;
mod silence;
mod waves;

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Arguments, Outcome, note};
use ground::Ground;
use result::Found;

/// The peers that there are.
pub const PEERS: [&str; 1] = [STOCK];
const STOCK: &str = "stock_tonic";
/// Agents, and in a long run: a process may have 20,000 files on the machines where this is run.
const AGENTS: usize = 10_000;
const LONG_AGENTS: usize = 18_000;
/// Another number of agents, for a look at the bench itself.
const AGENTS_VARIABLE: &str = "EK_SCALE_AGENTS";
/// For anything that ten thousand agents do: it takes seconds.
const DEADLINE: Duration = Duration::from_mins(5);

/// Measures all that was asked for.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    arguments.check_peers(&PEERS)?;
    let usual = if arguments.long { LONG_AGENTS } else { AGENTS };
    let agents = match std::env::var(AGENTS_VARIABLE) {
        Ok(text) => text.parse().with_context(|| format!("{AGENTS_VARIABLE}={text} is no number"))?,
        Err(_) => usual,
    };
    let mut found = Found { agents, ..Found::default() };
    let mut problems = Vec::new();
    let mut attempt = |what: &str, result: Result<()>| {
        if let Err(error) = result {
            problems.push(format!("{what}: {error:#}"));
        }
    };
    // Without hosts that have joined there is nothing to measure, of the peer neither.
    let mut ground = Ground::prepare(agents, &mut found)?;
    if arguments.ours {
        attempt("with all agents", with_all_agents(&mut ground, arguments, &mut found));
    }
    attempt("memory", resident::measure(&mut ground, arguments, &mut found));
    drop(ground);
    if arguments.ours {
        attempt("the planner", planner::measure(&mut found));
        attempt("the agent", footprint::measure(&mut found));
    }
    Ok(result::outcome(&found, problems))
}

fn with_all_agents(ground: &mut Ground, arguments: &Arguments, found: &mut Found) -> Result<()> {
    ground.start_coordinator()?;
    ground.start_crowd()?;
    note("connecting all agents");
    found.connect_s = Some(ground.connect_all()?.as_secs_f64());
    waves::measure(ground, arguments.runs, found).context("waves")?;
    rest::measure(ground, arguments.runs, found).context("at rest")?;
    silence::measure(ground, arguments.runs, found).context("silence")?;
    reconnect::measure(ground, arguments.runs, found).context("reconnecting")?;
    found.after_rollouts_kib = Some(ground.coordinator()?.resident()?);
    ground.stop_all()
}
