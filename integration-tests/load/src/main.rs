//! `evenkeel-load TARGET [--at-most SECONDS] CLIENT…`: clients that ask at a steady rate until SIGTERM (or that time), never retry,
//! and then print one JSON object: what was sent, what was answered, what was lost and how, and which versions were seen.
//!
//! A client is a kind with settings behind it: `ka`, `ka:connections=32,rate=2500`, `new:rate=400`; see `plan.rs`.
//! Deliberately not here: any judgement of the numbers (`integration-tests/src/bench`), TLS, and load at full speed: losses are
//! what is looked for, and they are only comparable at the same rate.

mod clients;
mod connection;
mod failure;
mod payload;
mod plan;
mod record;
mod report;
mod run;
mod schedule;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::pin::pin;
use std::process::ExitCode;

use plan::Plan;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

const USAGE: &str =
    "usage: evenkeel-load TARGET [--at-most SECONDS] CLIENT…   (TARGET: HOST:PORT; CLIENT: KIND[:KEY=VALUE,…])";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let plan = match Plan::read(&arguments) {
        Ok(plan) => plan,
        Err(problem) => {
            complain(&format!("{problem}\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    match work(plan) {
        Ok(report) => match writeln!(io::stdout(), "{report}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn work(plan: Plan) -> io::Result<serde_json::Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        let ending = CancellationToken::new();
        let limit = tokio::time::sleep(plan.at_most);
        let mut running = pin!(run::run(plan, ending.clone()));
        tokio::select! {
            biased;
            report = &mut running => return Ok(report),
            _ = terminated.recv() => {}
            () = limit => {}
        }
        ending.cancel();
        Ok(running.await)
    })
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "evenkeel-load: {text}");
}
