//! One per host: runs what is assigned, proves it, goes back by itself. The same [`run::run`] is used by `evenkeel-agent` and by the
//! simulation: everything it touches is behind a port.
//!
//! *Invariant:* nothing here listens on the network; the agent dials out. *Invariant:* nothing is done that is not durable first.
//! Deliberately not here: decisions (crate `evenkeel-machine`) and the shared vocabulary (crate `evenkeel-model`).

pub mod backoff;
pub mod config;
pub mod contact;
pub mod credentials;
mod day;
pub mod dial;
mod disk;
mod driver;
mod drivers;
pub mod facts;
pub mod failpoint;
mod fetched;
pub mod join;
pub mod ledger;
mod prefetch;
pub mod probe;
pub mod proxy;
pub mod reports;
pub mod router;
pub mod run;
pub mod runtime;
mod sealed;
mod session;
pub mod status;
mod ticker;
