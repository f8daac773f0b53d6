//! A bench as a program: what it is told, what it has to say, its exit code. Not here: any measuring.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use super::{Arguments, Figures, keep_samples, note};
use crate::hosts::sweep;

/// What a bench has to say.
#[derive(Debug)]
pub struct Outcome {
    /// For people.
    pub text: String,
    /// For programs.
    pub figures: Figures,
    /// What they were made from.
    pub samples: Value,
    /// What could not be measured, and why.
    pub problems: Vec<String>,
}

/// The `main` of a bench of this name. The exit code is 0 only if all that was asked for could be measured.
pub fn main(name: &str, measure: impl FnOnce(&Arguments) -> Result<Outcome>) -> ExitCode {
    match bench(name, measure) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            note(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn bench(name: &str, measure: impl FnOnce(&Arguments) -> Result<Outcome>) -> Result<bool> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    if arguments.sweep {
        sweep()?;
        return Ok(true);
    }
    let outcome = measure(&arguments)?;
    note(&format!("samples: {}", keep_samples(name, &outcome.samples)?.display()));
    for problem in &outcome.problems {
        note(&format!("not measured: {problem}"));
    }
    writeln!(io::stdout(), "{}\n{}", outcome.text, outcome.figures.last_line(name))?;
    Ok(outcome.problems.is_empty())
}
