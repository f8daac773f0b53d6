//! The coordinator is killed in the middle of a rollout and started again: how long until every agent has its stream back, and that the rollout goes on
//! as if nothing had been. Not here: what agents do meanwhile (their containers go on).

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use super::DEADLINE;
use super::ground::Ground;
use super::operator::Shape;
use super::result::Found;
use crate::bench::{note, until};

/// Kills of each run.
const KILLS: u32 = 5;
/// Releases of the waves before have lower numbers.
const FIRST_RELEASE: u32 = 1000;

pub(super) fn measure(ground: &mut Ground, runs: u32, found: &mut Found) -> Result<()> {
    for number in 0..KILLS * runs {
        note(&format!("killing the coordinator in a rollout, {} of {}", number + 1, KILLS * runs));
        let before = ground.crowd()?.status()?;
        let rollout = ground.operator()?.deploy(FIRST_RELEASE + number, Shape::TwoWavesWithBake)?;
        until("the last wave bakes", DEADLINE, || {
            let view = ground.operator()?.rollout()?;
            ensure!(view.rollout == rollout && view.ended.is_none(), "the rollout has ended before: {view:?}");
            Ok(view.wave == 1 && view.waiting.iter().any(|waiting| waiting.kind == "bake"))
        })?;
        let began = Instant::now();
        ground.kill_coordinator();
        ground.restart_coordinator()?;
        let agents = ground.agents;
        ground.crowd()?.until_live(agents, before.opened)?;
        let (operator, mut live) = (ground.operator()?, 0);
        until("every host is live by the coordinator's word", DEADLINE, || {
            live = operator.live().unwrap_or(live);
            Ok(live == agents)
        })
        .with_context(|| format!("{live} of {agents} are"))?;
        found.reconnect_s.push(began.elapsed().as_secs_f64());
        operator.until_succeeded(rollout)?;
        let after = ground.crowd()?.status()?;
        ensure!(after.withdrawn == before.withdrawn, "hosts were told to go back: {}", after.said);
    }
    Ok(())
}
