//! What the benches share: arguments, figures, tables, the load, and what processes take.
//!
//! A bench (`benches/`, started by `integration-tests/bench`) measures ours and its peers in one run, interleaved, prints a table for
//! people, and as its very last line one JSON object. Deliberately not here: assertions about how good a number is; a bench only
//! refuses to print one whose run was not what it should have been.

#![allow(clippy::disallowed_types, reason = "benches measure real time")]

mod arguments;
mod figures;
mod ground;
mod load;
mod memory;
mod program;
pub mod proxy;
pub mod rollout;
pub mod scale;
pub mod swap;
mod swarm;
mod table;
mod taken;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sched::{CloneFlags, setns};

use crate::hosts::Host;

pub use arguments::Arguments;
pub use figures::{Figures, keep_samples, median};
pub use load::{Load, Report};
pub use memory::{Memory, Watch};
pub use program::{Outcome, main};
pub use table::Table;
pub use taken::{processor_time, resident};

/// Between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// For a port that somebody else opens.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds. The error is its own, or says `what` was waited for in vain.
pub fn until(what: &str, deadline: Duration, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !condition()? {
        if began.elapsed() >= deadline {
            bail!("waited {} s in vain: {what}", deadline.as_secs());
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// Waits until a port of the host answers from outside.
fn answers(host: &Host, port: u16) -> Result<()> {
    until("the port answers", ANSWER_DEADLINE, || Ok(host.http_get(port, "/").is_ok_and(|answer| answer.status == 200)))
}

/// The machine's time, which a bench is made of.
fn pause(time: Duration) {
    thread::sleep(time);
}

/// This thread is in the host's network from now on.
fn enter(namespace: &Path) -> Result<()> {
    setns(File::open(namespace)?, CloneFlags::CLONE_NEWNET).context("cannot enter the host's network")
}

/// A line of progress, on standard error: standard output is for the result.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr(), "bench: {line}");
}
