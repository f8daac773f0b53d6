//! What an analysis gate measures, and what the numbers may be. Not here: asking (the coordinator), what follows (crate `evenkeel-rollout`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::decimal::{Bounds, Decimal};
use crate::{LogPattern, Millis, ServiceName};

/// Something that is measured a few times in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// Its name, for people: the key it is written under, or the kind of its source.
    pub name: String,
    /// What is measured.
    pub source: Source,
    /// How many readings it takes.
    pub samples: u32,
    /// From one reading to the next.
    pub interval: Millis,
    /// So many bad ones of them are put up with.
    pub max_bad: u32,
    /// So many that say nothing are put up with; with more it pauses.
    pub max_inconclusive: u32,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// A number that a Prometheus answers.
    Prometheus {
        /// Its address, up to the path before `/api/v1`.
        url: String,
        /// An instant query with one number as its answer. `$hosts` in it stands for the names of the hosts that are asked about, as an alternative
        /// in a regular expression.
        query: String,
        /// What the number may be.
        bounds: Bounds,
        /// What it is compared with, beside that.
        compare: Option<Compare>,
    },
    /// The answer of a web server.
    Http {
        /// Its address.
        url: String,
        /// The good answers, from the first to the last.
        status: (u16, u16),
        /// What the body of a good answer contains.
        body: Option<String>,
    },
    /// Lines in the logs of the containers that were made for the release, over all hosts that have it.
    Logs {
        /// Of these services; empty: of all.
        services: BTreeSet<ServiceName>,
        /// What is looked for.
        pattern: LogPattern,
        /// So many lines that match there must be at least.
        min: u64,
        /// And so many there may be; none: any number.
        max: Option<u64>,
    },
}

impl Source {
    /// The word used in Compose files.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Prometheus { .. } => "prometheus",
            Self::Http { .. } => "http",
            Self::Logs { .. } => "logs",
        }
    }
}

/// The same number of something else, that this one may not be much worse than.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compare {
    /// What it is compared with.
    pub with: Baseline,
    /// How many times that it may be at most.
    pub max_ratio: Option<Decimal>,
    /// By how much more than that it may be at most.
    pub max_increase: Option<Decimal>,
}

/// What a number is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The hosts that have not got the release yet.
    OtherHosts,
    /// The same hosts when the rollout began.
    Before,
}
