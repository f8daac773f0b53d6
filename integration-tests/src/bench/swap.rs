//! `bench swap`: how many requests are lost when the release on a host is replaced, ours and the peers' in one run.
//!
//! One real host; clients outside and on it, without retries, at the same rate for all; ten swaps each, the candidates taking turns, so
//! that whatever else the machine does falls on all of them. Each candidate has a port of its own and stays set up between its turns.
//! The method for people is in `deploy/docs/benchmarks.md`. Deliberately not here: the clients (`integration-tests/load`).

mod haproxy;
mod long;
mod nginx;
mod ours;
mod result;
mod row;
mod slots;
mod stop_start;
mod swarm;

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use super::ground::Ground;
use super::{Arguments, Outcome, note, pause};
use crate::hosts::{Fleet, Published};
use ours::{Ours, Shape};
use row::Row;

/// The peers that there are.
pub const PEERS: [&str; 4] = ["stop_start", "swarm", "nginx", "haproxy"];
/// How the program treats SIGTERM: ends what is in flight, or dies at once.
const PROGRAMS: [&str; 2] = ["graceful", "rude"];
/// Turns of each candidate, and swaps in each: v1 to v2 and back. Ten swaps in all.
const ROUNDS: u32 = 5;
const SWAPS: u32 = 2;
/// From the beginning of one swap to that of the next, at least.
const PACE: Duration = Duration::from_millis(2500);
/// The first row's port; the others follow.
const FIRST_PORT: u16 = 8100;
/// Where the engine alone stops and starts the program that dies at once.
const AWAY_PORT: u16 = 8099;

/// The beginning of the names of those rows alone that are to be measured, for a look at one of them.
const ROWS_VARIABLE: &str = "EK_SWAP_ROWS";

/// Something that replaces one release by another on a host.
trait Candidate {
    /// Serves this release, the first, and returns when it is reached from outside.
    fn begin(&mut self, release: &Published) -> Result<()>;

    /// Goes to this release, and returns when that is done.
    fn swap(&mut self, release: &Published) -> Result<()>;
}

/// The releases of one program.
#[derive(Debug, Clone)]
struct Releases {
    first: Published,
    second: Published,
    /// Well at first, and then not any more.
    sick: Published,
}

impl Releases {
    fn publish(fleet: &Fleet, program: &str) -> Result<Self> {
        let publish = |version: &str, more: &[(&str, &str)]| {
            let environment = [&[("VERSION", version), ("MODE", program)][..], more].concat();
            let tag = format!("{program}-{version}");
            let image = fleet.publish(&tag, &environment)?;
            fleet.host(0).engine().pull(&image.pinned()).with_context(|| format!("cannot pull {tag}"))?;
            Ok::<_, anyhow::Error>(image)
        };
        Ok(Self {
            first: publish("v1", &[])?,
            second: publish("v2", &[])?,
            sick: publish("bad", &[("MODE", "sick"), ("AFTER", ours::SICK_AFTER_MS)])?,
        })
    }
}

/// Measures all that was asked for.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    arguments.check_peers(&PEERS)?;
    let mut problems = Vec::new();
    let ground = Ground::prepare(1, arguments, &mut problems)?;
    note("publishing the releases");
    let releases =
        PROGRAMS.iter().map(|program| Releases::publish(ground.fleet(), program)).collect::<Result<Vec<_>>>()?;
    if arguments.long {
        let Ground::Installed(installation) = &ground else {
            return Err(anyhow!("{}", problems.join("; "))).context("the long run is of ours alone");
        };
        return long::run(installation, &releases);
    }
    let mut rows = rows(&ground, arguments, &releases)?;
    if let Ok(wanted) = std::env::var(ROWS_VARIABLE) {
        rows.retain(|row| row.name.starts_with(&wanted));
    }
    for row in &mut rows {
        note(&format!("setting up {}", row.name));
        row.begin();
    }
    for round in 0..ROUNDS * arguments.runs {
        note(&format!("round {} of {}", round + 1, ROUNDS * arguments.runs));
        // Peers have ten swaps in all, spread over the run.
        let with_peers = round % arguments.runs == 0;
        for row in rows.iter_mut().filter(|row| row.is_ours || with_peers) {
            row.turn(ground.fleet());
        }
    }
    problems.extend(rows.iter().filter_map(Row::problem));
    note("stopping and starting a program that nobody uses");
    let away = stop_start::away(ground.host(), AWAY_PORT, &releases[1].first);
    let away = away.inspect_err(|error| problems.push(format!("a bare stop and start: {error:#}"))).unwrap_or_default();
    Ok(result::outcome(&rows, &away, problems))
}

/// Every candidate with each program.
fn rows<'a>(ground: &'a Ground, arguments: &Arguments, releases: &[Releases]) -> Result<Vec<Row<'a>>> {
    let mut rows = Vec::new();
    let mut ports = FIRST_PORT..;
    for (program, releases) in PROGRAMS.into_iter().zip(releases) {
        let mut add = |name: &str, make: &dyn Fn(u16) -> Result<Box<dyn Candidate + 'a>>| {
            let port = ports.next().context("out of ports")?;
            rows.push(Row::new(&format!("{name}.{program}"), port, releases, make(port)?));
            Ok::<_, anyhow::Error>(())
        };
        if let Ground::Installed(installation) = ground {
            let ours = |shape: Shape| {
                move |port| Ok(Box::new(Ours::new(installation, program, port, shape)) as Box<dyn Candidate>)
            };
            add("evenkeel", &ours(Shape::Good))?;
            add("evenkeel_revert", &ours(Shape::Sick))?;
            if program == "graceful" {
                add("evenkeel_transfers", &ours(Shape::Transfers))?;
                add("evenkeel_stop_first", &ours(Shape::StopFirst))?;
            }
            add("evenkeel_direct", &ours(Shape::Direct))?;
        }
        for peer in PEERS.into_iter().filter(|peer| arguments.wants(peer)) {
            add(peer, &|port| candidate(peer, ground, port))?;
        }
    }
    Ok(rows)
}

fn candidate<'a>(peer: &str, ground: &'a Ground, port: u16) -> Result<Box<dyn Candidate + 'a>> {
    let (fleet, host) = (ground.fleet(), ground.host());
    Ok(match peer {
        "stop_start" => Box::new(stop_start::StopStart::new(host, port)),
        "swarm" => Box::new(swarm::Swarm::new(host, port)),
        "nginx" => Box::new(nginx::Nginx::new(fleet, host, port)?),
        _ => Box::new(haproxy::Haproxy::new(fleet, host, port)?),
    })
}
