//! One candidate with one program: its turns, and what has come of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{Candidate, PACE, Releases, SWAPS, pause};
use crate::bench::{Load, Report, note};
use crate::hosts::Fleet;

/// Clients outside the host, and the one on it.
const OUTSIDE: [&str; 2] = ["ka:connections=32,rate=2500,slow=0.005,ms=500", "new:rate=400"];
const INSIDE: [&str; 1] = ["lo:connections=8,rate=400,slow=0.005,ms=500"];
/// The clients whose losses count.
pub(super) const COUNTED: [&str; 3] = ["ka", "new", "lo"];
/// Before the first swap of a turn and after each, at least: for every connection to be up, and for what comes late.
const MARGIN: Duration = Duration::from_secs(1);
/// With transfers, after a swap: until the old container has had all of its drain.
const DRAINED: Duration = Duration::from_secs(17);

/// What is done in a turn, which follows from the row's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// To the second release and back.
    ThereAndBack,
    /// To the sick release, twice; each time the candidate goes back by itself.
    Sick,
    /// As the first, with uploads, downloads, long requests, streams and web sockets.
    Transfers,
}

/// A row of the table.
pub(super) struct Row<'a> {
    /// `CANDIDATE.PROGRAM`.
    pub(super) name: String,
    /// Whether it is ours.
    pub(super) is_ours: bool,
    port: u16,
    turn: Turn,
    releases: Releases,
    candidate: Box<dyn Candidate + 'a>,
    problem: Option<String>,
    pub(super) tally: Tally,
}

/// What all turns have come to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) swaps: u32,
    /// Of the clients that count.
    pub(super) sent: u64,
    /// By client, and there by kind.
    pub(super) lost: BTreeMap<String, BTreeMap<String, u64>>,
    /// The longest time without an answer, in ms, of each turn's client that always connects anew.
    pub(super) gaps: Vec<f64>,
    /// The same client's latency at 99 %, in ms.
    pub(super) p99: Vec<f64>,
    /// From the first unhealthy answer that a client saw to the last, in ms, of each revert.
    pub(super) reverts: Vec<f64>,
    /// How long the candidate took over each swap, in ms.
    pub(super) took: Vec<f64>,
    /// The reports as they came.
    pub(super) reports: Vec<Value>,
}

impl<'a> Row<'a> {
    pub(super) fn new(name: &str, port: u16, releases: &Releases, candidate: Box<dyn Candidate + 'a>) -> Self {
        let turn = if name.starts_with("evenkeel_revert") {
            Turn::Sick
        } else if name.starts_with("evenkeel_transfers") {
            Turn::Transfers
        } else {
            Turn::ThereAndBack
        };
        Self {
            name: name.to_owned(),
            is_ours: name.starts_with("evenkeel"),
            port,
            turn,
            releases: releases.clone(),
            candidate,
            problem: None,
            tally: Tally::default(),
        }
    }

    /// Why it was not measured, or not to the end.
    pub(super) fn problem(&self) -> Option<String> {
        self.problem.as_ref().map(|problem| format!("{}: {problem}", self.name))
    }

    /// Whether it was measured as it should have been.
    pub(super) fn is_whole(&self) -> bool {
        self.problem.is_none() && self.tally.swaps > 0
    }

    /// Serves the first release.
    pub(super) fn begin(&mut self) {
        let begun = self.candidate.begin(&self.releases.first);
        self.remember(begun.context("it could not be set up"));
    }

    /// Has its turn, unless something went wrong before.
    pub(super) fn turn(&mut self, fleet: &Fleet) {
        if self.problem.is_none() {
            let turn = self.try_turn(fleet);
            self.remember(turn);
        }
    }

    fn remember(&mut self, result: Result<()>) {
        if let Err(error) = result {
            let problem = format!("{error:#}");
            note(&format!("{}: {problem}", self.name));
            self.problem = Some(problem);
        }
    }

    fn try_turn(&mut self, fleet: &Fleet) -> Result<()> {
        let more: &[&str] = match self.turn {
            Turn::ThereAndBack => &[],
            Turn::Sick => &["health"],
            Turn::Transfers => &["slow", "ws", "grpc", "upload", "download"],
        };
        let outside: Vec<&str> = OUTSIDE.iter().chain(more).copied().collect();
        let load = Load::begin(fleet, fleet.host(0), self.port, &outside, &INSIDE)?;
        pause(MARGIN);
        let mut times = Vec::new();
        for number in 0..SWAPS {
            let began = Instant::now();
            let release = self.target(number).clone();
            self.candidate.swap(&release)?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            // However long the swap took, each release serves for a while: every client has to see it.
            let paced = PACE.saturating_sub(began.elapsed()).max(MARGIN);
            let wait = if self.turn == Turn::Transfers { DRAINED } else { paced };
            pause(wait);
        }
        pause(MARGIN);
        let report = load.end()?;
        self.check(&report)?;
        self.add(&report, times);
        Ok(())
    }

    fn target(&self, number: u32) -> &crate::hosts::Published {
        match self.turn {
            Turn::Sick => &self.releases.sick,
            _ if number.is_multiple_of(2) => &self.releases.second,
            _ => &self.releases.first,
        }
    }

    /// Every client has seen both releases: else no swap was measured, whatever the counts say.
    fn check(&self, report: &Report) -> Result<()> {
        let other = if self.turn == Turn::Sick { "bad" } else { "v2" };
        for client in COUNTED {
            for version in ["v1", other] {
                ensure!(!report.seen(client, version).is_empty(), "client {client} has never seen {version}");
            }
        }
        if self.turn == Turn::Sick {
            let seen = report.seen("health", "503").len();
            ensure!(seen == SWAPS as usize, "the sick release was seen {seen} times, not {SWAPS}");
        }
        Ok(())
    }

    fn add(&mut self, report: &Report, times: Vec<f64>) {
        let tally = &mut self.tally;
        tally.swaps += SWAPS;
        tally.took.extend(times);
        tally.sent += COUNTED.iter().map(|client| report.sent(client)).sum::<u64>();
        for client in report.clients.keys() {
            let of_client = tally.lost.entry(client.clone()).or_default();
            for (kind, count) in report.lost(client) {
                *of_client.entry(kind).or_default() += count;
            }
        }
        tally.gaps.extend(report.number("new", "longest_gap_ms"));
        tally.p99.extend(report.number("new", "p99_ms"));
        tally.reverts.extend(report.seen("health", "503").iter().map(|(first, last)| last - first));
        tally.reports.push(json!(report.clients));
    }
}

impl Tally {
    /// What one client has lost, of all kinds.
    pub(super) fn lost_by(&self, client: &str) -> u64 {
        self.lost.get(client).map(|kinds| kinds.values().sum()).unwrap_or_default()
    }

    /// What the clients that count have lost.
    pub(super) fn lost(&self) -> u64 {
        COUNTED.iter().map(|client| self.lost_by(client)).sum()
    }

    /// The losses by kind: `refused 3, eof 1`.
    pub(super) fn kinds(&self) -> String {
        let mut kinds = BTreeMap::<&str, u64>::new();
        for (kind, count) in COUNTED.iter().filter_map(|client| self.lost.get(*client)).flatten() {
            *kinds.entry(kind).or_default() += count;
        }
        kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
    }
}
