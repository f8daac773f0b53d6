//! What the proxy costs, beside the peers. Needs root; `integration-tests/bench proxy` starts it.
//! Not here: the measuring (`src/bench/proxy.rs`).

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use evenkeel_integration_tests::bench::{Arguments, keep_samples, note, proxy};
use evenkeel_integration_tests::hosts::sweep;

fn main() -> ExitCode {
    match bench() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            note(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether all that was asked for could be measured.
fn bench() -> Result<bool> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    if arguments.sweep {
        sweep()?;
        return Ok(true);
    }
    let outcome = proxy::run(&arguments)?;
    note(&format!("samples: {}", keep_samples("proxy", &outcome.samples)?.display()));
    for problem in &outcome.problems {
        note(&format!("not measured: {problem}"));
    }
    writeln!(io::stdout(), "{}\n{}", outcome.text, outcome.figures.last_line("proxy"))?;
    Ok(outcome.problems.is_empty())
}
