//! What an agent costs in memory: the slope of what is resident between two numbers of agents, the coordinator's and the peer's, each process fresh.
//! Not here: where it goes (`deploy/docs/benchmarks.md` tells).

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::ground::Ground;
use super::result::Found;
use super::{Arguments, STOCK};
use crate::bench::{note, resident};
use crate::installation::crowd_binary;

/// The smaller number is a fifth of the larger.
const FEWER: usize = 5;
/// Samples of each run.
const ROUNDS: u32 = 3;
/// Until what is resident is looked at: some beats and stats have gone both ways.
const SETTLE: Duration = Duration::from_secs(15);

pub(super) fn measure(ground: &mut Ground, arguments: &Arguments, found: &mut Found) -> Result<()> {
    let rounds = ROUNDS * arguments.runs;
    for round in 0..rounds {
        note(&format!("memory, round {} of {rounds}", round + 1));
        if arguments.ours {
            ground.start_coordinator()?;
            let kib = slope(ground, |ground| ground.coordinator()?.resident())?;
            found.kib_per_agent.push(kib);
        }
        if arguments.wants(STOCK) {
            found.kib_per_agent_stock.push(stock(ground)?);
        }
    }
    Ok(())
}

/// The peer: at the coordinator's address, with a certificate of the same authority.
fn stock(ground: &mut Ground) -> Result<f64> {
    let mut command = Command::new(crowd_binary()?);
    command.arg("stock").arg(ground.settings.address.to_string()).arg(ground.settings.store());
    let process = ground.place.spawn("stock", command)?;
    let pid = process.pid();
    slope(ground, |_| Ok(f64::from(u32::try_from(resident(pid)?)?)))
}

/// In KiB for each agent. Ends the agents and the coordinator.
fn slope(ground: &mut Ground, resident: impl Fn(&Ground) -> Result<f64>) -> Result<f64> {
    ground.start_crowd()?;
    let (fewer, more) = (ground.agents / FEWER, ground.agents);
    let mut seen = Vec::new();
    for agents in [fewer, more] {
        ground.connect(agents).with_context(|| format!("{agents} agents"))?;
        thread::sleep(SETTLE);
        seen.push(resident(ground)?);
    }
    ground.stop_all()?;
    let between = f64::from(u32::try_from(more - fewer)?);
    Ok((seen[1] - seen[0]) / between)
}
