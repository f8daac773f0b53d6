//! `bench rollout`: how long it takes until every host serves a new release, and until a bad one is gone again, ours and the peers' in one run.
//!
//! Three real hosts and a registry. Every rollout is of an image of its own, which the hosts have to pull; a prober outside asks each host
//! every 5 ms what it serves, and the time runs from the start of the operator's command. The candidates take turns, each round beginning
//! with another one; a ratio is always of one round. The method for people is in `deploy/docs/benchmarks.md`.
//! Deliberately not here: requests in quantity (`swap`), larger fleets (`scale`).

mod commands;
mod floor;
mod ours;
mod outside;
mod releases;
mod result;
mod row;
mod swarm;

use std::fs;

use anyhow::{Context as _, Result};

use super::ground::Ground;
use super::{Arguments, Outcome, note};
use crate::hosts::Published;
use commands::{Commands, Order};
use floor::Floor;
use ours::{Deploy, Ours, Shape};
use releases::{Kind, Releases};
use row::Row;
use swarm::{Settings, Swarm};

/// The peers that there are.
pub const PEERS: [&str; 4] = ["swarm_default", "swarm_tuned", "docker_cli_sequential", "docker_cli_parallel"];
const HOSTS: u8 = 3;
/// Each measures every row once.
const ROUNDS: u32 = 5;
/// A long run has so many times as many.
const LONG: u32 = 4;
/// The first peer's port; the others follow.
const FIRST_PORT: u16 = 8200;

/// Something that brings a release to every host.
trait Candidate {
    /// Serves a release on every host, and says which.
    fn begin(&mut self, releases: &Releases<'_>) -> Result<Published>;

    /// Does what an operator has done before the command: nothing of it is measured.
    fn prepare(&mut self, release: &Published) -> Result<()>;

    /// Gives the command, and returns when the candidate itself says that it has ended as a release of this kind has to: when it gave the orders
    /// to the hosts, in ms of the Unix time, where it says that.
    fn roll(&mut self, release: &Published, kind: Kind) -> Result<Option<u64>>;

    /// Nothing that it leaves may burden the others.
    fn end(&mut self) -> Result<()>;

    /// Whether the health check has to be in the image.
    fn needs_healthcheck(&self) -> bool {
        false
    }
}

/// Measures all that was asked for.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    arguments.check_peers(&PEERS)?;
    let mut problems = Vec::new();
    let ground = Ground::prepare(HOSTS, arguments, &mut problems)?;
    let releases = Releases::new(ground.fleet());
    let ours = match &ground {
        Ground::Installed(installation) => Some(Ours::new(installation)),
        Ground::Bare(_) => None,
    };
    let mut rows = rows(&ground, ours.as_ref(), arguments)?;
    let mut floor = Floor::default();
    let rounds = ROUNDS * arguments.runs * if arguments.long { LONG } else { 1 };
    let mut load = Vec::new();
    for round in 0..rounds {
        let average = load_average();
        note(&format!("round {} of {rounds}, load {average}", round + 1));
        load.push(average);
        let first = round as usize % rows.len().max(1);
        let (before, after) = rows.split_at_mut(first);
        for row in after.iter_mut().chain(before) {
            row.turn(round, &releases);
        }
        if ours.is_some() {
            floor.turn(round, &releases);
        }
    }
    problems.extend(rows.iter().filter_map(Row::problem).chain(floor.problem()));
    Ok(result::outcome(&rows, &floor, &load, problems))
}

/// Every row of the table.
fn rows<'a>(ground: &'a Ground, ours: Option<&'a Ours<'a>>, arguments: &Arguments) -> Result<Vec<Row<'a>>> {
    let hosts = ground.fleet().hosts();
    let mut rows = Vec::new();
    for (name, shape, kind) in [
        ("evenkeel", Shape::AtOnce, Kind::Good),
        ("evenkeel_one_at_a_time", Shape::OneAtATime, Kind::Good),
        ("evenkeel_fetched", Shape::Fetched, Kind::Good),
        ("evenkeel_crash", Shape::AtOnce, Kind::Crash),
        ("evenkeel_unhealthy", Shape::AtOnce, Kind::Unhealthy),
    ] {
        let candidate = ours.map(|ours| Box::new(Deploy::new(ours, shape)) as Box<dyn Candidate + 'a>);
        rows.extend(candidate.map(|candidate| Row::new(name, kind, ours::PORT, hosts, candidate)));
    }
    let mut ports = FIRST_PORT..;
    let mut add = |peer: &str, name: &'static str, kind, make: &dyn Fn(u16) -> Box<dyn Candidate + 'a>| {
        if arguments.wants(peer) {
            let port = ports.next().context("out of ports")?;
            rows.push(Row::new(name, kind, port, hosts, make(port)));
        }
        Ok::<_, anyhow::Error>(())
    };
    let swarm = |settings| move |port| Box::new(Swarm::new(hosts, port, settings)) as Box<dyn Candidate>;
    add("swarm_default", "swarm_default", Kind::Good, &swarm(Settings::Defaults))?;
    add("swarm_default", "swarm_default_unchecked", Kind::Good, &swarm(Settings::Unchecked))?;
    add("swarm_tuned", "swarm_tuned", Kind::Good, &swarm(Settings::Tuned))?;
    add("swarm_tuned", "swarm_tuned_crash", Kind::Crash, &swarm(Settings::Tuned))?;
    add("swarm_tuned", "swarm_tuned_unhealthy", Kind::Unhealthy, &swarm(Settings::Tuned))?;
    let commands = |order| move |port| Box::new(Commands::new(hosts, port, order)) as Box<dyn Candidate>;
    add("docker_cli_sequential", "docker_cli_sequential", Kind::Good, &commands(Order::Sequential))?;
    add("docker_cli_parallel", "docker_cli_parallel", Kind::Good, &commands(Order::Parallel))?;
    Ok(rows)
}

/// How many processes wanted a core in the last minute: what else the machine had to do.
fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
