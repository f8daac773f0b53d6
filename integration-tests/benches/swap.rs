//! How many requests a swap costs, ours and the peers'. Needs root; `integration-tests/bench swap` starts it.
//! Not here: the measuring (`src/bench/swap.rs`).

use std::process::ExitCode;

use evenkeel_integration_tests::bench::{main as bench, swap};

fn main() -> ExitCode {
    bench("swap", swap::run)
}
