//! What one host does next for one app: a pure function of what is wanted, what is seen and what is remembered.
//!
//! ```text
//!            accepted                all services proven             commit ordered
//!  (nothing) ───────► working ─────────────────────────► trial ─────────────────────► committed
//!                        │  pull, create, start, probe     │ probes go on                 │ probes go on, never a revert
//!                        └───────────► reverting ◄─────────┘
//!                                          │ the release before serves again
//!                                          ▼
//!                                       reverted (this generation is never tried again)
//! ```
//!
//! Deliberately not here: I/O, clocks, randomness, logging, the engine, the file of the ledger. The driver in `evenkeel-agent` reads, calls
//! [`decide`], makes the ledger durable, does the one action, records its outcome, publishes the report, and begins again.

mod action;
mod decide;
mod forward;
mod health;
mod keep;
mod ledger;
mod memory;
mod observed;
mod offer;
mod release;
mod removal;
mod report;
mod revert;
mod settle;
mod situation;
mod swap;
mod trial;
mod turn;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod world;

pub use action::{Action, ContainerPlan, Outcome, Place};
pub use decide::{Decision, Inputs, decide};
pub use ledger::{Accepted, End, Ledger};
pub use memory::Memory;
pub use observed::{Container, ContainerState, Engine, Observed};
pub use offer::{Offer, offer};
