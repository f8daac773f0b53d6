//! What one host does next for one app: a pure function of what is wanted, what is seen and what is remembered.
//!
//! ```text
//!            accepted                all services proven             commit ordered
//!  (nothing) ───────► working ─────────────────────────► trial ─────────────────────► committed
//!                        │  pull, create, start, probe,    │ probes go on                 │ probes go on, never a revert
//!                        │  route                          │                              │ the old one is drained and goes
//!                        └───────────► reverting ◄─────────┘
//!                                          │ the release before serves again
//!                                          ▼
//!                                       reverted (this generation is never tried again)
//! ```
//!
//! A release in trial has a share of what is new, and gets no more than that: below all of it the release before serves on beside it
//! (`staging`), and the share may rise and fall.
//!
//! Where the host's proxy owns a port, who gets the traffic is a plan that is worked out anew at each decision (`route`), and put in force
//! before anything is stopped because of it; what was under way at a container is let end before the container is stopped (`drain`).
//!
//! Deliberately not here: I/O, clocks, randomness, logging, the engine, the file of the ledger. The driver in `evenkeel-agent` reads, calls
//! [`decide`], makes the ledger durable, does the one action, records its outcome, publishes the report, and begins again.

mod action;
mod blue;
mod decide;
mod drain;
mod forward;
mod health;
mod hygiene;
mod keep;
mod ledger;
mod memory;
mod observed;
mod offer;
mod release;
mod removal;
mod report;
mod revert;
mod revive;
mod room;
mod route;
mod settle;
mod situation;
mod staging;
mod swap;
mod trial;
mod turn;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod world;

pub use action::{Action, ContainerPlan, Outcome, Place, RoutePlan, ServiceRoutes, Upstream};
pub use decide::{Decision, Inputs, decide};
pub use ledger::{Accepted, Blue, End, Kept, Ledger};
pub use memory::Memory;
pub use observed::{Container, ContainerState, Engine, Observed, Proxy};
pub use offer::{Offer, offer};
