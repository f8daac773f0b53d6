//! What the proxy costs, beside the peers. Needs root; `integration-tests/bench proxy` starts it.
//! Not here: the measuring (`src/bench/proxy.rs`).

use std::process::ExitCode;

use evenkeel_integration_tests::bench::{main as bench, proxy};

fn main() -> ExitCode {
    bench("proxy", proxy::run)
}
