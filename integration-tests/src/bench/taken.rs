//! What a process has taken of the machine: time and memory. Not here: sampling it while something else goes on (`memory.rs`).

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The kernel's unit of a process's time: always that on Linux, whatever its own tick is.
const TICK: Duration = Duration::from_millis(10);

/// The time that a process and its children have had so far, in user mode and in the kernel. Nothing for one that is gone.
pub fn processor_time(pid: u32) -> Duration {
    let own = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Behind the name, which may have blanks in it; the time in user mode and in the kernel are the 12th and 13th there.
    let fields = own.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
    let ticks: u32 = fields.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let below = children.split_whitespace().filter_map(|child| child.parse().ok()).map(processor_time);
    TICK * ticks + below.sum::<Duration>()
}

/// What a process itself has resident, in KiB, page by page and not by the kernel's estimate.
pub fn resident(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).context("it does not say what is resident")?;
    let kib = line.split_whitespace().next().and_then(|kib| kib.parse().ok());
    kib.with_context(|| format!("`{line}` is no size"))
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn this_process_has_taken_something() {
        let before = processor_time(process::id());
        let mut sum = 0_u64;
        while processor_time(process::id()) < before + TICK * 3 {
            sum = (0..100_000).fold(sum, |sum, number| sum.wrapping_mul(31).wrapping_add(number));
        }
        assert!(resident(process::id()).unwrap() > 500, "{sum}");
        assert_eq!(processor_time(u32::MAX), Duration::ZERO);
        assert!(resident(u32::MAX).is_err());
    }
}
