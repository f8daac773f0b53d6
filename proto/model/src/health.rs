//! When a container counts as healthy. Not here: running a probe (crate `evenkeel-agent`), judging answers (crate `evenkeel-machine`).

use serde::{Deserialize, Serialize};

use crate::Millis;

/// What is asked of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Probe {
    /// GET on a port of the container: any status from 200 to 399 is healthy.
    Http {
        /// The container's port.
        port: u16,
        /// The path, beginning with `/`.
        path: String,
    },
    /// A port of the container accepts a connection.
    Tcp {
        /// The container's port.
        port: u16,
    },
    /// A command in the container ends with 0.
    Exec {
        /// Program and arguments; no shell.
        command: Vec<String>,
    },
    /// The engine's own verdict on the container's health check.
    Docker,
    /// The container runs: what is left where nothing else was written.
    Running,
}

/// How often a probe is run, and how many answers make a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// What is asked.
    pub probe: Probe,
    /// From one probe's end to the next one's start.
    pub interval: Millis,
    /// No answer by then is a failure.
    pub timeout: Millis,
    /// So many good answers in a row make it healthy.
    pub successes: u32,
    /// So many bad answers in a row make it unhealthy.
    pub failures: u32,
    /// From the container's start; bad answers in it do not count.
    pub start_period: Millis,
}

impl Health {
    /// The rule for `probe` where nothing else was written: a probe a second apart, healthy after 2 good answers, unhealthy after 3 bad ones.
    pub fn with_defaults(probe: Probe) -> Self {
        Self {
            probe,
            interval: Millis::seconds(1),
            timeout: Millis::seconds(5),
            successes: 2,
            failures: 3,
            start_period: Millis(0),
        }
    }
}
