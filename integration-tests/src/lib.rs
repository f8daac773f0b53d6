//! The harness of Evenkeel's integration tests: what tests, benches and front doors start their fleets from.
//!
//! Deliberately not here: the tests themselves (`tests/`), and anything that the product's crates use.

pub mod bench;
pub mod hosts;
pub mod installation;
pub mod sim;
