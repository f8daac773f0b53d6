//! One row: a candidate with one kind of release, its turns, and what was seen of them. Not here: what they are compared with (`result`).

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Candidate;
use super::outside::Outside;
use super::releases::{Kind, Releases};
use crate::bench::{note, pause};
use crate::hosts::{Host, Record};

/// Before the command, so that what was set up for it has come to rest.
const SETTLE: Duration = Duration::from_secs(1);
/// After the end, for what comes late.
const MARGIN: Duration = Duration::from_millis(500);

/// A row of the table.
pub(super) struct Row<'a> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) port: u16,
    hosts: &'a [Host],
    candidate: Box<dyn Candidate + 'a>,
    /// By round.
    pub(super) samples: BTreeMap<u32, Sample>,
    problem: Option<String>,
}

/// One rollout.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// From the start of the command until the candidate said that it was over, in s.
    pub(super) said: f64,
    pub(super) hosts: Vec<Sight>,
}

/// What was seen of one host.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    /// From the start of the command until it served what it served at the end, and nothing else any more, in s; 0 if it always did.
    pub(super) serves: f64,
    /// From the candidate's orders until then, in ms, where it says when it gave them.
    pub(super) from_order: Option<f64>,
    /// The longest time from one answer to the next, in ms.
    pub(super) gap: f64,
    pub(super) requests: usize,
    /// Requests without a good answer, by what happened.
    pub(super) lost: BTreeMap<String, usize>,
    /// Answers of the release, where that was a bad one.
    pub(super) bad: usize,
}

impl Sample {
    /// Until every host served what it had to, in s.
    pub(super) fn wall(&self) -> f64 {
        self.hosts.iter().map(|host| host.serves).fold(0.0, f64::max)
    }

    /// The same, and the candidate had said so.
    pub(super) fn over(&self) -> f64 {
        self.wall().max(self.said)
    }

    /// The longest gap of any host, in ms.
    pub(super) fn gap(&self) -> f64 {
        self.hosts.iter().map(|host| host.gap).fold(0.0, f64::max)
    }

    pub(super) fn requests(&self) -> usize {
        self.hosts.iter().map(|host| host.requests).sum()
    }

    pub(super) fn lost(&self) -> usize {
        self.hosts.iter().flat_map(|host| host.lost.values()).sum()
    }
}

impl<'a> Row<'a> {
    pub(super) fn new(
        name: &'static str,
        kind: Kind,
        port: u16,
        hosts: &'a [Host],
        candidate: Box<dyn Candidate + 'a>,
    ) -> Self {
        Self { name, kind, port, hosts, candidate, samples: BTreeMap::new(), problem: None }
    }

    pub(super) fn is_ours(&self) -> bool {
        self.name.starts_with("evenkeel")
    }

    /// Why it was not measured, or not to the end.
    pub(super) fn problem(&self) -> Option<String> {
        self.problem.as_ref().map(|problem| format!("{}: {problem}", self.name))
    }

    /// Whether it was measured as it should have been.
    pub(super) fn is_whole(&self) -> bool {
        self.problem.is_none() && !self.samples.is_empty()
    }

    /// Has its turn, unless something went wrong before.
    pub(super) fn turn(&mut self, round: u32, releases: &Releases<'_>) {
        if self.problem.is_some() {
            return;
        }
        let sample = self.measure(releases);
        let ended = self.candidate.end().context("what it left is not gone");
        match sample.and_then(|sample| ended.map(|()| sample)) {
            Ok(sample) => {
                note(&format!("{}: {:.2} s", self.name, sample.over()));
                self.samples.insert(round, sample);
            }
            Err(error) => {
                note(&format!("{}: {error:#}", self.name));
                self.problem = Some(format!("{error:#}"));
            }
        }
    }

    fn measure(&mut self, releases: &Releases<'_>) -> Result<Sample> {
        let before = self.candidate.begin(releases).context("it could not be set up")?;
        let release = releases.publish(self.kind, self.candidate.needs_healthcheck())?;
        self.candidate.prepare(&release)?;
        let outside = Outside::begin(self.hosts, self.port);
        outside.until_served(&before.tag)?;
        pause(SETTLE);
        let (clock, began) = (SystemTime::now().duration_since(UNIX_EPOCH)?, Instant::now());
        let ordered = self.candidate.roll(&release, self.kind)?;
        let said = began.elapsed().as_secs_f64();
        let expected = if self.kind == Kind::Good { &release.tag } else { &before.tag };
        outside.until_served(expected)?;
        pause(MARGIN);
        let ordered = ordered.map(|at| Duration::from_millis(at).as_secs_f64() - clock.as_secs_f64());
        let mut hosts = Vec::new();
        for ((since, record), host) in outside.end().into_iter().zip(self.hosts) {
            let first = record.only_since(expected);
            let first = first
                .with_context(|| format!("{} does not keep to {expected}: {:?}", host.name(), record.lost.last()))?;
            let serves = (since + first).saturating_duration_since(began).as_secs_f64();
            let from_order = ordered.filter(|_| self.kind == Kind::Good).map(|at| (serves - at) * 1000.0);
            let bad = if self.kind == Kind::Good { "" } else { &release.tag };
            hosts.push(Sight { serves, from_order, ..sight(&record, bad) });
        }
        let sample = Sample { said, hosts };
        self.check(&sample)?;
        Ok(sample)
    }

    /// That ours serves a bad release is no number, but a fault.
    fn check(&self, sample: &Sample) -> Result<()> {
        let bad: usize = sample.hosts.iter().map(|host| host.bad).sum();
        ensure!(bad == 0 || !self.is_ours(), "the bad release answered {bad} requests");
        Ok(())
    }

    /// For the file.
    pub(super) fn all(&self) -> Value {
        let samples: Vec<Value> = self.samples.iter().map(|(round, sample)| sample.all(*round)).collect();
        json!({ "problem": self.problem, "samples": samples })
    }
}

fn sight(record: &Record, bad: &str) -> Sight {
    let mut lost = BTreeMap::new();
    for one in &record.lost {
        *lost.entry(one.why.clone()).or_default() += 1;
    }
    Sight {
        serves: 0.0,
        from_order: None,
        gap: record.longest_gap().as_secs_f64() * 1000.0,
        requests: record.requests(),
        lost,
        bad: record.answered.iter().filter(|answer| answer.version == bad).count(),
    }
}

impl Sample {
    fn all(&self, round: u32) -> Value {
        let hosts: Vec<Value> = self.hosts.iter().map(Sight::all).collect();
        json!({ "round": round, "serves_s": self.wall(), "said_s": self.said, "hosts": hosts })
    }
}

impl Sight {
    fn all(&self) -> Value {
        json!({
            "serves_s": self.serves,
            "from_order_ms": self.from_order,
            "gap_ms": self.gap,
            "requests": self.requests,
            "lost": self.lost,
            "bad": self.bad,
        })
    }
}
