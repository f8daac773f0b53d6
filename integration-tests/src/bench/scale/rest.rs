//! What the coordinator takes while nothing happens: beats both ways, and stats. Not here: who sends them.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::ground::Ground;
use super::result::Found;
use crate::bench::note;

/// Samples of each run, and how long each is: many beats, and some stats.
const SAMPLES: u32 = 5;
const SAMPLE: Duration = Duration::from_secs(20);
/// After whatever came before.
const SETTLE: Duration = Duration::from_secs(5);

pub(super) fn measure(ground: &mut Ground, runs: u32, found: &mut Found) -> Result<()> {
    note("at rest");
    thread::sleep(SETTLE);
    let opened = ground.crowd()?.status()?.opened;
    for _ in 0..SAMPLES * runs {
        let (before, began) = (ground.coordinator()?.processor_time(), Instant::now());
        thread::sleep(SAMPLE);
        let used = ground.coordinator()?.processor_time().saturating_sub(before);
        found.rest_share.push(used.as_secs_f64() / began.elapsed().as_secs_f64());
    }
    let status = ground.crowd()?.status()?;
    ensure!(status.opened == opened && status.live == ground.agents as u64, "streams broke at rest: {}", status.said);
    Ok(())
}
