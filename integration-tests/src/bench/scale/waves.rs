//! One wave over all hosts: from the deploy to its success, as who follows the rollout sees it. Not here: what the hosts' engines would add.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::ground::Ground;
use super::operator::Shape;
use super::result::Found;
use crate::bench::note;

/// Waves of each run, after a first one that finds the hosts empty.
const WAVES: u32 = 5;
/// What is stored of each host in a rollout before anybody hears of it, at the least: its order, its order to commit, and that it has committed.
const UPDATES_PER_HOST: f64 = 3.0;

pub(super) fn measure(ground: &mut Ground, runs: u32, found: &mut Found) -> Result<()> {
    for number in 0..=WAVES * runs {
        note(&format!("wave {number} over {} hosts", ground.agents));
        let reports = ground.crowd()?.status()?;
        let before = ground.coordinator()?.processor_time();
        let began = Instant::now();
        let rollout = ground.operator()?.deploy(number, Shape::OneWave)?;
        ground.operator()?.until_succeeded(rollout)?;
        let took = began.elapsed().as_secs_f64();
        let busy = ground.coordinator()?.processor_time().saturating_sub(before).as_secs_f64();
        let status = ground.crowd()?.status()?;
        ensure!(status.withdrawn == reports.withdrawn, "hosts were told to go back: {}", status.said);
        if number == 0 {
            found.first_wave_s = Some(took);
            continue;
        }
        found.wave_s.push(took);
        found.wave_busy_s.push(busy);
        let hosts = f64::from(u32::try_from(ground.agents)?);
        found.updates_per_s.push(UPDATES_PER_HOST * hosts / took);
    }
    Ok(())
}
