//! What a rollout has come to at its gates: consent, and what was measured. Not here: what a gate asks (crate `evenkeel-model`), when it is passed
//! (step `gate`), operators' words (module `words`).

use evenkeel_model::{OperatorName, UnixMillis};
use serde::{Deserialize, Serialize};

/// Which gate, where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GateId {
    /// Its place among the policy's gates, counted from 0.
    pub gate: usize,
    /// The wave it stands in, counted from 0.
    pub wave: usize,
    /// The share of what is new that has been reached, counted from 0.
    pub step: usize,
}

/// What a rollout has come to at one gate. There is one from the moment it first stood there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRecord {
    /// Which.
    pub id: GateId,
    /// Since when.
    pub since: UnixMillis,
    /// Who approved, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// What was measured, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
}

impl GateRecord {
    /// Nothing yet.
    pub(crate) fn new(id: GateId, since: UnixMillis) -> Self {
        Self { id, since, approvals: Vec::new(), readings: Vec::new() }
    }

    /// How many readings came to this.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.readings.iter().filter(|reading| reading.verdict == verdict).count()
    }
}

/// One person's consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// Whose.
    pub by: OperatorName,
    /// When.
    pub at: UnixMillis,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// What a reading came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it should be.
    Good,
    /// It is not.
    Bad,
    /// It says nothing: no answer, no number, nothing to compare with.
    Inconclusive,
}

impl Verdict {
    /// The word used in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// One reading of an analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// When.
    pub at: UnixMillis,
    /// What it came to.
    pub verdict: Verdict,
    /// What was measured, for people: `0.07 (at most 0.05)`.
    pub said: String,
    /// Lines of logs that a bad one is about, a few: `web-1 web: panic: no disk`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}
