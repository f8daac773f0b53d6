//! How soon the coordinator knows that an agent is gone: killed, so that its connection ends, and stopped, so that its connection stays and nothing comes
//! by it. Not here: what follows (a rollout that waits).

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::crowd::Crowd;
use super::ground::Ground;
use super::result::Found;
use crate::bench::note;

/// Of each kind in each run.
const TIMES: u32 = 5;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Longer than any lease.
const LONGEST: Duration = Duration::from_mins(1);

pub(super) fn measure(ground: &mut Ground, runs: u32, found: &mut Found) -> Result<()> {
    note("killing and stopping agents");
    for _ in 0..TIMES * runs {
        found.dead_s.push(noticed(ground, Crowd::kill)?);
        found.silent_s.push(noticed(ground, Crowd::freeze)?);
    }
    Ok(())
}

/// From what is done to an agent until its host is silent by the coordinator's word.
fn noticed(ground: &Ground, hurt: impl Fn(&Crowd)) -> Result<f64> {
    let (operator, host) = (ground.operator()?, ground.host(ground.agents));
    let witness = ground.witness()?;
    ensure!(operator.contact(&host)? == "live", "the agent that is to be hurt is not live");
    let began = Instant::now();
    hurt(&witness);
    while operator.contact(&host)? != "silent" {
        ensure!(began.elapsed() < LONGEST, "it is not noticed");
        thread::sleep(LOOK_EVERY);
    }
    Ok(began.elapsed().as_secs_f64())
}
