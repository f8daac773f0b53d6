//! When a container counts as healthy. Not here: running a probe (crate `evenkeel-agent`), judging answers (crate `evenkeel-machine`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Millis;

/// What is asked of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Probe {
    /// A request to a port of the container.
    Http(HttpProbe),
    /// The standard health service of gRPC (`grpc.health.v1.Health/Check`) says `SERVING`.
    Grpc {
        /// The container's port.
        port: u16,
        /// The service asked for; empty: the server as a whole.
        service: String,
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

/// A request by which a container is asked, and what a good answer is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpProbe {
    /// The container's port.
    pub port: u16,
    /// The path, beginning with `/`.
    pub path: String,
    /// The method.
    pub method: String,
    /// Headers, `host` too if it is to be another than the address; names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The first status that is good.
    pub status_from: u16,
    /// The last status that is good.
    pub status_to: u16,
    /// What the answer's body must contain; none: anything.
    pub body: Option<String>,
}

impl HttpProbe {
    /// GET, where any status from 200 to 399 is good.
    pub fn get(port: u16, path: &str) -> Self {
        let (method, headers) = ("GET".to_owned(), BTreeMap::new());
        Self { port, path: path.to_owned(), method, headers, status_from: 200, status_to: 399, body: None }
    }
}

/// How often a probe is run, and how many answers make a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// What is asked.
    pub probe: Probe,
    /// From one probe's end to the next one's start.
    pub interval: Millis,
    /// The interval until it has been healthy once; none: the same.
    pub start_interval: Option<Millis>,
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
            start_interval: None,
            timeout: Millis::seconds(5),
            successes: 2,
            failures: 3,
            start_period: Millis(0),
        }
    }
}
