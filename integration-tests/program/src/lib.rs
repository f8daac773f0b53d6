//! What the test program serves, as a library: the load generator speaks the same payloads and frames, and is tested against the
//! same server.
//!
//! Deliberately not here: signals, modes that crash or eat memory, and the probe command; those are the program's alone (`main.rs`).

#![allow(clippy::disallowed_types, reason = "the program runs in real containers, where the clock is the real one")]

mod http;
pub mod payload;
mod server;
mod settings;
pub mod websocket;

pub use server::Server;
pub use settings::{Mode, Settings};
