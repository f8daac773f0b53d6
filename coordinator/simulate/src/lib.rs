//! A policy tried on an imagined fleet: the planner that moves real hosts moves imagined ones, as long as the seed says that everything takes.
//!
//! ```text
//!  policy, settings ─► begin ─► plan ─► orders ─► imagined hosts ─┐
//!                                ▲                                │ pull, boot, answer, fail, fall silent
//!                                └────── the next moment ◄────────┘
//!                                              │ ended, or nothing more happens by itself
//!                                              ▼
//!                                           timeline
//! ```
//!
//! [`simulate`] is one run, [`simulate_runs`] many; the same policy, settings and seed give the same timeline, byte by byte, on every machine: all
//! arithmetic is of whole numbers. What a host is like depends on its number and the seed alone, so that two policies are tried on the same fleet.
//!
//! # How imagined hosts behave
//!
//! As agents do: what is new is pulled, started and proven, then it is in trial; it is committed by an order; a host goes back by itself when
//! it fails before that, and is taken back by a withdrawal or by a new order. A host that is not heard goes on by itself, and finds its newest order
//! when it is heard again. What takes time is a whole number of grains ([`Settings::grain`]), one at least: what happens at the same moment is planned
//! on together, which is what makes ten thousand hosts cheap.
//!
//! # What is imagined more simply than it is
//!
//! - One service that every host runs, behind the proxy, start-first.
//! - A host on which the release turned unhealthy after its commit stays so until it is moved; a real agent restarts the container.
//! - Trials are not orphaned: the coordinator is never away.
//! - What hosts fetch ahead is heard in tens of grains, because each word of it would be planned on.
//!
//! On the way some of the planner's invariants are checked: a [`Defect`] is a fault of ours, never of the policy.
//!
//! Deliberately not here: I/O, clocks, the standard library's randomness, rendering for people (crate `evenkeel-cli`).

mod agent;
mod availability;
mod clock;
mod defect;
mod fate;
mod fleet;
mod host;
mod news;
mod people;
mod queue;
mod random;
mod registry;
mod settings;
mod simulate;
mod summary;
mod timeline;
mod totals;
mod world;

pub use defect::Defect;
pub use settings::{Answer, Chance, Down, InvalidText, Problem, Readings, Settings, Span, Spread, Who, Zone, Zones};
pub use simulate::{SimulateError, simulate};
pub use summary::{EndCount, Quantiles, Run, Summary, simulate_runs};
pub use timeline::{End, Entry, FailedHost, Then, Timeline, What};
pub use totals::{LongestUnavailable, MostUnavailable, Totals, WaveTotals};
