//! The wire: `evenkeel.v1` by audience (agents, enrolment, operators, the host's proxy), and conversions to the shared vocabulary.
//!
//! The generated code is committed; a test generates it anew and compares. Wire types stop at this crate's callers' edge: logic
//! works on `evenkeel-model`. Deliberately not here: transport, TLS, who may call what.

pub mod codec;
pub mod convert;

pub use convert::Malformed;

/// Generated from `proto/evenkeel/v1/*.proto`. See the comments there: they are the contract.
#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, missing_debug_implementations)]
#[rustfmt::skip]
pub mod v1 {
    include!("gen/evenkeel.v1.rs");
}
