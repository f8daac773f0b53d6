//! The verbs as an operator sees them: against a coordinator in the same process that gives canned answers, over a wire in memory,
//! on a clock that does not wait. (`secured` alone goes
//! over TCP and TLS.) Not here: what a real coordinator answers.

#![allow(clippy::unwrap_used, reason = "all of this is test code")]

mod answers;
mod canned;
mod desk;
mod drains;
mod exits;
mod golden;
mod people;
mod scripts;
mod secured;
mod transcripts;
mod verbs;
mod views;
