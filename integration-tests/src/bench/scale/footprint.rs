//! What an agent costs its host: a real one, with an engine and three containers. Not here: how it is looked at (`installation/footprint.rs`).

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use super::result::Found;
use crate::bench::note;
use crate::installation::{Installation, optimised_agent};

/// How long it is looked at.
const SAMPLE: Duration = Duration::from_secs(30);
const KIB_PER_MIB: f64 = 1024.0;

pub(super) fn measure(found: &mut Found) -> Result<()> {
    note("one agent on a real host, with three containers");
    let binary = optimised_agent()?;
    let bytes = fs::metadata(&binary).with_context(|| format!("cannot look at {}", binary.display()))?.len();
    found.agent_binary_mib = Some(f64::from(u32::try_from(bytes / 1024)?) / KIB_PER_MIB);
    // The harness panics where a test would have failed.
    let looked = catch_unwind(AssertUnwindSafe(|| Installation::with_three_containers()?.footprint(SAMPLE)));
    let footprint = looked.map_err(|_| anyhow!("the host did not start; see above"))??;
    found.agent_rss_mib = Some(f64::from(u32::try_from(footprint.resident_kib)?) / KIB_PER_MIB);
    Ok(())
}
