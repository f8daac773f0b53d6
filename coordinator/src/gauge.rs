//! Measuring for analysis gates: the port, and who makes the measurements that are asked for. Not here: what a measurement comes to and what follows
//! from it (crate `evenkeel-rollout`).
//!
//! A number of the hosts with the release may be compared with another: with that of the hosts that have not got it yet, or with that of the same
//! hosts when the rollout began. Where there are no other hosts (any more), the second stands in for the first.
//!
//! What it means that nobody answers depends on who was asked. A Prometheus is a witness: what it does not say is unknown. A web server that is
//! checked is what is on trial, so that its own failings count against it; but what may as well be the way there says nothing about it:
//!
//! | what happens | from a Prometheus | from a web server that is checked |
//! |---|---|---|
//! | it answers something else than it should | nothing | bad |
//! | it refuses the connection, hangs up, or speaks no HTTP | nothing | bad |
//! | its name can't be resolved, it can't be reached, TLS fails, no answer in time | nothing | nothing |
//!
//! Nobody is followed to another address: a redirection is an answer like any other.
//!
//! Logs are no business of this port: the agents are asked, over the streams that they hold anyway (`logs.rs`), by whichever gauge the rest is measured.

use std::time::Duration;

use async_trait::async_trait;

use evenkeel_rollout::{Measure, Measured};

mod check;
mod client;
mod lines;
mod logs;
mod numbers;
mod prometheus;
mod runner;
mod scripted;
mod web;

#[cfg(test)]
mod contract;

pub use lines::{Line, Lines, Question};
pub use numbers::Asked;
pub use runner::{Gauges, MOST_AT_ONCE, Measurement};
pub use scripted::ScriptedGauge;
pub use web::WebGauge;

/// For one measurement in all: what takes longer would not be a reading of this moment any more.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Where readings come from, but those of logs.
#[async_trait]
pub trait Gauge: Send + Sync {
    /// Measures once, within [`DEADLINE`]. It never fails: what goes wrong is [`Measured::Nothing`] with the reason. Changes nothing anywhere, and may
    /// be dropped at any moment.
    async fn measure(&self, what: &Measure) -> Measured;
}

/// What came to the wrong port.
fn not_the_agents() -> Measured {
    Measured::Nothing("logs are the agents' to read, and another was asked".to_owned())
}
