//! Ten thousand agents against one coordinator, and the planner alone. Needs root; `integration-tests/bench scale` starts it.
//! Not here: the measuring (`src/bench/scale.rs`).

use std::process::ExitCode;

use evenkeel_integration_tests::bench::{main as bench, scale};

fn main() -> ExitCode {
    bench("scale", scale::run)
}
