//! An agent whose cost is looked at: as operators have it, with three containers, some time after its start. Not here: what it may cost
//! (`tests/footprint.rs`).

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{Compose, Installation};
use crate::bench::{processor_time, resident};

/// What the agent of a host has taken.
#[derive(Debug, Clone, Copy)]
pub struct Footprint {
    /// Its process.
    pub pid: u32,
    /// Resident memory, in KiB.
    pub resident_kib: u64,
    /// Processor time in the sample.
    pub processor_time: Duration,
}

impl Installation {
    /// One host whose agent, as operators have it, looks after three containers.
    pub fn with_three_containers() -> Result<Self> {
        let installation = Self::start(1)?;
        installation.fleet().publish("v1", &[("VERSION", "v1"), ("MODE", "graceful")])?;
        let mut compose = Compose::unpublished("v1").with("bake", "1s");
        let image = format!("{}/app:v1", installation.fleet().registry().address());
        // Two more services beside the one that the file has.
        compose.service.push(format!(
            "labels: {{ first: \"yes\" }}\n  two:\n    image: {image}\n  three:\n    image: {image}\n  one:\n    image: {image}"
        ));
        let ended = installation.deploy(&compose)?;
        ensure!(ended.code == 0, "the deploy did not succeed: {ended}");
        installation.kill_agent(0);
        installation.start_optimised_agent(0)?;
        installation.until_connected()?;
        Ok(installation)
    }

    /// What the first host's agent takes in so long.
    pub fn footprint(&self, sample: Duration) -> Result<Footprint> {
        let pid = self.agent_pid(0).context("the agent does not run")?;
        let began = processor_time(pid);
        // Nothing is waited for: this is how long it is looked at.
        thread::sleep(sample);
        let processor_time = processor_time(pid).saturating_sub(began);
        Ok(Footprint { pid, resident_kib: resident(pid)?, processor_time })
    }
}
