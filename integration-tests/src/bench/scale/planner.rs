//! The planner alone, in a process of its own: a hundred thousand hosts in fifty waves, and a tenth of them to see how the cost grows.
//! Not here: the planning (`integration-tests/crowd/src/planner.rs`).

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::result::Found;
use crate::bench::note;
use crate::hosts::Place;
use crate::installation::crowd_binary;

const WAVES: u32 = 50;
const HOSTS: u32 = 100_000;
const FEWER_HOSTS: u32 = 10_000;

pub(super) fn measure(found: &mut Found) -> Result<()> {
    note(&format!("the planner, with {HOSTS} hosts"));
    let place = Place::new()?;
    found.planner_fewer = Some(plan(&place, FEWER_HOSTS)?);
    found.planner = Some(plan(&place, HOSTS)?);
    Ok(())
}

fn plan(place: &Place, hosts: u32) -> Result<Value> {
    let mut command = Command::new(crowd_binary()?);
    command.args(["plan", &hosts.to_string(), &WAVES.to_string()]).arg(place.directory());
    let output = command.output().context("cannot run the crowd")?;
    ensure!(output.status.success(), "the planner failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("the planner's words can't be read")
}
