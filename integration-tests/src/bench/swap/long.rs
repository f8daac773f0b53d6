//! The long run: a thousand swaps and five million requests on ours alone, and what agent and proxy hold in memory meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::ours::{Ours, Shape};
use super::result::count;
use super::row::COUNTED;
use super::{Candidate as _, FIRST_PORT, Outcome, PROGRAMS, Releases, pause};
use crate::bench::{Figures, Load, Memory, Report, Watch, median, note};
use crate::installation::Installation;

/// What has to be reached.
const SWAPS: u32 = 1_000;
const REQUESTS: u64 = 5_000_000;
/// It ends unfinished after this.
const AT_MOST: Duration = Duration::from_hours(2);
/// Swaps under one load: a report each few minutes, and none too long to be kept.
const TURN: u32 = 40;
/// In all 1,600 requests a second: five million in under an hour, in which a swap may take three seconds.
const OUTSIDE: [&str; 2] = ["ka:connections=32,rate=1200,slow=0.005,ms=500", "new:rate=250"];
const INSIDE: [&str; 1] = ["lo:connections=8,rate=150,slow=0.005,ms=500"];
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
const MARGIN: Duration = Duration::from_secs(1);

/// One program's share.
#[derive(Debug, Default)]
struct Share {
    swaps: u32,
    sent: u64,
    lost: BTreeMap<String, u64>,
}

pub(super) fn run(installation: &Installation, releases: &[Releases]) -> Result<Outcome> {
    let mut apps: Vec<Ours<'_>> = PROGRAMS
        .iter()
        .zip(FIRST_PORT..)
        .map(|(program, port)| Ours::new(installation, program, port, Shape::Good))
        .collect();
    for (app, releases) in apps.iter_mut().zip(releases) {
        app.begin(&releases.first)?;
    }
    let pids = [("agent", installation.agent_pid(0)), ("proxy", installation.proxy_pid(0))];
    let named = pids.into_iter().filter_map(|(name, pid)| Some((name.to_owned(), pid?))).collect();
    let watch = Watch::begin(named, SAMPLE_EVERY);
    let began = Instant::now();
    let mut shares: BTreeMap<&str, Share> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut reports = Vec::new();
    'run: loop {
        for (((program, releases), app), port) in PROGRAMS.iter().zip(releases).zip(&mut apps).zip(FIRST_PORT..) {
            match turn(installation, app, port, releases) {
                Ok(report) => {
                    shares.entry(program).or_default().add(&report);
                    reports.push(json!({ "program": program, "clients": report.clients }));
                }
                Err(error) => {
                    problems.push(format!("{program}: {error:#}"));
                    break 'run;
                }
            }
            let (swaps, sent) = total(&shares);
            note(&format!("{swaps} swaps, {sent} requests, {} s", began.elapsed().as_secs()));
            if swaps >= SWAPS && sent >= REQUESTS {
                break 'run;
            }
            if began.elapsed() >= AT_MOST {
                problems.push(format!("not finished within {} minutes", AT_MOST.as_secs() / 60));
                break 'run;
            }
        }
    }
    let memory = watch.end();
    Ok(outcome(&shares, &memory, &reports, problems))
}

/// Some swaps under one load.
fn turn(installation: &Installation, app: &mut Ours<'_>, port: u16, releases: &Releases) -> Result<Report> {
    let fleet = installation.fleet();
    let load = Load::begin(fleet, fleet.host(0), port, &OUTSIDE, &INSIDE)?;
    pause(MARGIN);
    for number in 0..TURN {
        let release = if number.is_multiple_of(2) { &releases.second } else { &releases.first };
        app.swap(release).with_context(|| format!("swap {number} of this turn"))?;
    }
    pause(MARGIN);
    let report = load.end()?;
    for (client, version) in COUNTED.into_iter().flat_map(|client| [(client, "v1"), (client, "v2")]) {
        if report.seen(client, version).is_empty() {
            bail!("client {client} has never seen {version}");
        }
    }
    Ok(report)
}

impl Share {
    fn add(&mut self, report: &Report) {
        self.swaps += TURN;
        for client in COUNTED {
            self.sent += report.sent(client);
            for (kind, number) in report.lost(client) {
                *self.lost.entry(format!("{client} {kind}")).or_default() += number;
            }
        }
    }
}

fn total(shares: &BTreeMap<&str, Share>) -> (u32, u64) {
    (shares.values().map(|share| share.swaps).sum(), shares.values().map(|share| share.sent).sum())
}

fn outcome(
    shares: &BTreeMap<&str, Share>,
    memory: &BTreeMap<String, Memory>,
    reports: &[Value],
    problems: Vec<String>,
) -> Outcome {
    let mut figures = Figures::default();
    let (swaps, sent) = total(shares);
    let mut text = format!("{swaps} swaps, {sent} requests\n");
    for (program, share) in shares {
        figures.set(format!("lost.evenkeel.{program}"), Some(count(share.lost.values().sum())));
        text.extend([format!("{program}: {} swaps, {} requests, lost: {:?}\n", share.swaps, share.sent, share.lost)]);
    }
    figures.set("requests", (sent > 0).then(|| count(sent)));
    figures.set("swaps", (swaps > 0).then(|| f64::from(swaps)));
    for (name, memory) in memory {
        let mib = memory.mib();
        let tenth = mib.len().div_ceil(10);
        let (first, last) = (median(&mib[..tenth]), median(&mib[mib.len() - tenth..]));
        figures.set(format!("{name}_rss_mib"), memory.most());
        let [first, last, most] = [first, last, memory.most()].map(Option::unwrap_or_default);
        text.extend([format!("{name}: resident MiB, first tenth {first:.1}, last tenth {last:.1}, most {most:.1}\n")]);
    }
    let samples: BTreeMap<_, _> = memory.iter().map(|(name, memory)| (name, &memory.samples)).collect();
    Outcome { text, figures, samples: json!({ "memory_kib": samples, "turns": reports }), problems }
}
