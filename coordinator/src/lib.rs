//! The coordinator: one task owns all state, plans rollouts over it, and stores every change before anybody hears of it.
//!
//! ```text
//! agents ──► api ──► Handle ──events──► Controller ──plan()──► orders ──┐
//! operators ─┘          ▲                   │                           │
//!                       └──── views ────────┴──── Store (durable) ──► watch per host
//! ```
//!
//! *Invariant:* nothing is acknowledged or sent before it is stored. *Invariant:* starting again needs no code of its own: what
//! is stored is loaded, and the loop goes on.
//!
//! Deliberately not here: what to order when (crate `evenkeel-rollout`), reading Compose (crate `evenkeel-compose`), and
//! certificates (crate `evenkeel-certs`).

mod api;
mod auth;
mod chain;
pub mod clock;
pub mod config;
pub mod controller;
pub mod gauge;
pub mod listen;
pub mod moment;
pub mod resolve;
pub mod serve;
pub mod store;
pub mod view;

#[cfg(test)]
mod fixture;
