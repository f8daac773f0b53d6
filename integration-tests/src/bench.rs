//! What the benches share: arguments, figures, tables, the load, and what processes take.
//!
//! A bench (`benches/`, started by `integration-tests/bench`) measures ours and its peers in one run, interleaved, prints a table for
//! people, and as its very last line one JSON object. Deliberately not here: assertions about how good a number is; a bench only
//! refuses to print one whose run was not what it should have been.

#![allow(clippy::disallowed_types, reason = "benches measure real time")]

mod arguments;
mod figures;
mod load;
mod memory;
mod program;
pub mod proxy;
pub mod swap;
mod table;

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

pub use arguments::Arguments;
pub use figures::{Figures, keep_samples, median};
pub use load::{Load, Report};
pub use memory::{Memory, Watch};
pub use program::{Outcome, main};
pub use table::Table;

/// Between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(20);

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

/// A line of progress, on standard error: standard output is for the result.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr(), "bench: {line}");
}
