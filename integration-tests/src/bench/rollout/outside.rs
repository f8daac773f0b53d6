//! What is seen of the hosts from outside: on each a client that asks every 5 ms, on a new connection each time, and keeps every answer and
//! every failure. Not here: what a time that it sees means (`row`).

use std::time::Duration;

use anyhow::Result;

use crate::bench::until;
use crate::hosts::{Host, Manner, Record, Traffic};

/// A connection is there within 50 µs, or its packets are lost on their way to a container that is no more: then the next one may have
/// better luck, where this one would wait for a second before it tries again. An answer takes as long as a busy machine needs for it.
const MANNER: Manner = Manner {
    keep_alive: false,
    every: Duration::from_millis(5),
    connect: Duration::from_millis(100),
    answer: Duration::from_secs(2),
};
/// For all hosts to serve something.
const DEADLINE: Duration = Duration::from_mins(1);

/// Clients at work.
#[derive(Debug)]
pub(super) struct Outside(Vec<Traffic>);

impl Outside {
    pub(super) fn begin(hosts: &[Host], port: u16) -> Self {
        Self(hosts.iter().map(|host| Traffic::begin(host.at(port), MANNER)).collect())
    }

    /// Waits until this version answers on every host.
    pub(super) fn until_served(&self, version: &str) -> Result<()> {
        until(&format!("every host serves {version}"), DEADLINE, || {
            Ok(self.0.iter().all(|traffic| traffic.serves().as_deref() == Some(version)))
        })
    }

    /// What each has seen, and since when.
    pub(super) fn end(self) -> Vec<(std::time::Instant, Record)> {
        self.0.into_iter().map(|traffic| (traffic.began(), traffic.stop())).collect()
    }
}
