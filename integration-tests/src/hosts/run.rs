//! One run of real hosts: its id, its state directory, its subnet, and who owns them.
//!
//! Everything needed to remove a run can be read from its directory and derived from its id, so that the end of a test, the
//! end of a panicking test and the sweep after a killed one are the same code. Deliberately not here: that code
//! (`dismantle.rs`).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, process};

use anyhow::{Context, Result};

use super::command;
use super::dismantle::dismantle;
use super::identity::Identity;

/// All runs' directories lie below this, on a real disk: an engine's storage driver does not work on every other kind.
/// The variable `EK_STATE` names another place.
const STATE: &str = "/var/tmp/evenkeel-hosts";
/// The prefix of every kernel object's name.
const PREFIX: &str = "ek";

/// How many runs this process has begun.
static BEGUN: AtomicU32 = AtomicU32::new(0);

/// A run; dropping it removes everything that belongs to it.
#[derive(Debug)]
pub(super) struct Run {
    id: String,
    directory: PathBuf,
    subnet: u8,
}

impl Run {
    /// Sweeps, then claims an id, a directory and a subnet that no other run has.
    pub(super) fn begin() -> Result<Self> {
        let state = state();
        let _lock = lock(&state)?;
        sweep_locked(&state);
        let id = run_id(process::id(), BEGUN.fetch_add(1, Ordering::Relaxed));
        let subnet = free_subnet(&state)?;
        let directory = state.join(&id);
        let owner = Identity::own().context("cannot read /proc")?;
        // Before the directory, and removed after it: whoever sweeps never meets a directory that seems to be nobody's.
        fs::write(owner_file(&directory), owner.to_string())?;
        fs::create_dir(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        fs::write(directory.join("subnet"), subnet.to_string())?;
        Ok(Self { id, directory, subnet })
    }

    /// Nine characters, different for every run on this machine: room for six more in an interface's name.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The third number of the run's addresses.
    pub(super) fn subnet(&self) -> u8 {
        self.subnet
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        end(&self.id, &self.directory);
    }
}

/// Removes what runs have left behind whose process is gone. Every start does this first; returns the ids of the runs.
/// Runs whose process lives are left alone.
pub fn sweep() -> Result<Vec<String>> {
    let state = state();
    let _lock = lock(&state)?;
    Ok(sweep_locked(&state))
}

fn sweep_locked(state: &Path) -> Vec<String> {
    let abandoned: Vec<(String, PathBuf)> = runs(state)
        .into_iter()
        // A file without a readable owner was being written when its process was killed: whoever writes one holds the lock.
        .filter(|(_, directory)| !Identity::read(&owner_file(directory)).is_some_and(Identity::is_alive))
        .collect();
    for (id, directory) in &abandoned {
        warn(&format!("removing what the killed run {id} has left behind"));
        end(id, directory);
    }
    abandoned.into_iter().map(|(id, _)| id).collect()
}

/// Removes a run and then its claim; where something of it stays, the claim does too, for a later sweep.
fn end(id: &str, directory: &Path) {
    let problems = dismantle(id, directory);
    for problem in &problems {
        warn(&format!("cannot clean up {id}: {problem:#}"));
    }
    if problems.is_empty() {
        let _ = fs::remove_file(owner_file(directory));
    }
}

/// The file beside a run's directory that says which process the run belongs to.
fn owner_file(directory: &Path) -> PathBuf {
    directory.with_extension("owner")
}

fn state() -> PathBuf {
    env::var_os("EK_STATE").map_or_else(|| PathBuf::from(STATE), PathBuf::from)
}

/// Locks the state directory until the file is dropped.
fn lock(state: &Path) -> Result<File> {
    fs::create_dir_all(state).with_context(|| format!("cannot make {}", state.display()))?;
    let file = File::create(state.join("lock"))?;
    file.lock().context("cannot lock the state directory")?;
    Ok(file)
}

/// The runs that somebody has claimed, each with its directory, whether that is there or not.
fn runs(state: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(state) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().strip_suffix(".owner").map(str::to_owned))
        .filter(|id| is_run_id(id))
        .map(|id| (id.clone(), state.join(id)))
        .collect()
}

/// The first subnet that no run has claimed and no route of this machine leads to.
fn free_subnet(state: &Path) -> Result<u8> {
    let routes = command::run("ip", &["-4", "route", "show"])?;
    let claimed: Vec<u8> = runs(state)
        .iter()
        .filter_map(|(_, directory)| fs::read_to_string(directory.join("subnet")).ok()?.parse().ok())
        .collect();
    let is_routed = |subnet: u8| routes.lines().any(|line| line.starts_with(&format!("10.99.{subnet}.")));
    (0..=u8::MAX)
        .find(|subnet| !claimed.contains(subnet) && !is_routed(*subnet))
        .context("no free network in 10.99.0.0/16")
}

/// `ek`, the pid in five base-36 digits (pids end at 2^22, five digits at 60 million), the counter in two.
fn run_id(pid: u32, counter: u32) -> String {
    format!("{PREFIX}{}{}", base36(pid, 5), base36(counter, 2))
}

fn is_run_id(name: &str) -> bool {
    name.len() == PREFIX.len() + 7
        && name.starts_with(PREFIX)
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The last `digits` base-36 digits of `number`.
fn base36(number: u32, digits: u32) -> String {
    (0..digits).rev().map(|place| char::from_digit(number / 36_u32.pow(place) % 36, 36).unwrap_or('0')).collect()
}

/// A line for whoever reads the test's output: cleaning up must not fail a test, nor go wrong unseen.
fn warn(line: &str) {
    let _ = writeln!(io::stderr(), "hosts: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_by_process_and_by_run_and_leave_room_in_an_interface_name() {
        assert_eq!(run_id(1, 0), "ek0000100");
        assert_eq!(run_id(4_194_303, 37), "ek2hwcf11");
        assert!(is_run_id(&run_id(4_194_303, 37)));
        // The kernel allows 15 characters.
        assert!(format!("{}v100", run_id(4_194_303, 37)).len() <= 15);
    }

    #[test]
    fn other_names_are_not_taken_for_runs() {
        for name in ["lock", "ekg", "ek-2hwcf11", "xk2hwcf11", "ek2hwcf111"] {
            assert!(!is_run_id(name), "{name}");
        }
    }
}
