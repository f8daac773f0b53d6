//! Several real hosts on one Linux machine: network namespaces on a bridge, each with a container engine of its own, and a
//! real registry beside them.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use evenkeel_integration_tests::hosts::Fleet;
//!
//! let fleet = Fleet::start(3)?;
//! let image = fleet.publish("v1", &[("VERSION", "v1"), ("MODE", "graceful")])?;
//! fleet.host(0).engine().pull(&image.pinned())?;
//! # Ok(())
//! # }
//! ```
//!
//! It needs root, `dockerd`, `docker-registry`, `ip`, `nsenter` and `iptables`, and for a [`Prometheus`] `prometheus`
//! (`integration-tests/install` brings them).
//! Everything it makes carries the prefix `ek` and an id of its own run, and is gone when the [`Fleet`] is dropped; what a
//! killed test left behind, the next start removes ([`sweep`]). It is blocking code on purpose: a test that drives real
//! processes reads better without a runtime, and nothing here can starve the code under test.
//!
//! Deliberately not here: agents and coordinators (tests start them with [`Host::spawn`]), simulated hosts, fault proxies.

#![allow(clippy::disallowed_types, reason = "real hosts live in real time; no simulated clock reaches them")]

mod command;
mod dismantle;
mod engine;
mod eventually;
mod fleet;
mod host;
pub mod http;
mod identity;
mod images;
mod layer;
mod network;
mod place;
mod process;
mod prometheus;
mod registry;
mod run;
mod traffic;

pub use engine::Engine;
pub use eventually::eventually;
pub use fleet::Fleet;
pub use host::Host;
pub(crate) use identity::Identity;
pub use images::{Image, Images, Published};
pub use network::{Network, Port};
pub use place::Place;
pub use process::Process;
pub use prometheus::Prometheus;
pub use registry::Registry;
pub use run::sweep;
pub use traffic::{Answered, Lost, Manner, Record, Traffic};
