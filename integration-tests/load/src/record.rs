//! What one client has seen: counts, times, and every loss with its moment.
//!
//! Its connections share it. Deliberately not here: how it is printed (`report.rs`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::{Failure, Kind};

/// So many losses are kept with their details; the counts are complete.
pub(crate) const DETAILS: usize = 200;
/// What is seen again after such an absence is noted anew: how a swap there and back is told.
const ABSENCE: Duration = Duration::from_secs(1);

/// The record of one client.
#[derive(Debug, Clone)]
pub(crate) struct Recorder(Arc<Mutex<Record>>);

/// All that was seen.
#[derive(Debug)]
pub(crate) struct Record {
    began: Instant,
    last_success: Instant,
    pub(crate) sent: u64,
    pub(crate) ok: u64,
    pub(crate) lost: BTreeMap<Kind, u64>,
    /// Since the beginning, with the reason.
    pub(crate) losses: Vec<(Duration, Failure)>,
    /// From sending to the answer's end, in µs.
    pub(crate) latencies: Vec<u32>,
    /// Without any success, and when that ended.
    pub(crate) longest_gap: (Duration, Duration),
    /// How much later than due a request was sent at most.
    pub(crate) latest: Duration,
    /// Connections that the other side had ended between two requests: nothing is lost by that.
    pub(crate) reconnected: u64,
    pub(crate) seen: Vec<Seen>,
}

/// A version (or status), from its first to its last answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) label: String,
    pub(crate) first: Duration,
    pub(crate) last: Duration,
    pub(crate) count: u64,
}

impl Recorder {
    pub(crate) fn new(began: Instant) -> Self {
        Self(Arc::new(Mutex::new(Record::empty(began))))
    }

    /// A request sent at `sent` has come to its end: the label of what was seen, or the loss.
    pub(crate) fn ended(&self, sent: Instant, end: Result<String, Failure>) {
        let now = Instant::now();
        let mut record = self.lock();
        record.sent += 1;
        match end {
            Ok(label) => record.answered(now, now - sent, label),
            Err(failure) => record.missed(now, failure),
        }
    }

    /// A request is sent so much later than it was due.
    pub(crate) fn late(&self, late: Duration) {
        let mut record = self.lock();
        record.latest = record.latest.max(late);
    }

    /// A connection was found ended before anything was sent on it.
    pub(crate) fn reconnected(&self) {
        self.lock().reconnected += 1;
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    /// Nothing seen yet.
    pub(crate) fn empty(began: Instant) -> Self {
        Self {
            began,
            last_success: began,
            sent: 0,
            ok: 0,
            lost: BTreeMap::new(),
            losses: Vec::new(),
            latencies: Vec::new(),
            longest_gap: Default::default(),
            latest: Duration::ZERO,
            reconnected: 0,
            seen: Vec::new(),
        }
    }

    fn answered(&mut self, now: Instant, took: Duration, label: String) {
        self.ok += 1;
        self.latencies.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        let at = now - self.began;
        self.close_gap(now);
        self.last_success = now;
        match self.seen.iter_mut().rev().find(|seen| seen.label == label) {
            Some(seen) if at <= seen.last + ABSENCE => {
                seen.last = at;
                seen.count += 1;
            }
            _ => self.seen.push(Seen { label, first: at, last: at, count: 1 }),
        }
    }

    fn missed(&mut self, now: Instant, failure: Failure) {
        *self.lost.entry(failure.kind).or_default() += 1;
        if self.losses.len() < DETAILS {
            self.losses.push((now - self.began, failure));
        }
    }

    /// The time since the last success counts as a gap, also at the very end.
    pub(crate) fn close_gap(&mut self, now: Instant) {
        let gap = now.saturating_duration_since(self.last_success);
        if gap > self.longest_gap.0 {
            self.longest_gap = (gap, now - self.began);
        }
    }
}
