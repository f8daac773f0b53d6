//! How long a release takes to be served everywhere, and a bad one to be gone, ours and the peers'. Needs root; `integration-tests/bench rollout`
//! starts it. Not here: the measuring (`src/bench/rollout.rs`).

use std::process::ExitCode;

use evenkeel_integration_tests::bench::{main as bench, rollout};

fn main() -> ExitCode {
    bench("rollout", rollout::run)
}
