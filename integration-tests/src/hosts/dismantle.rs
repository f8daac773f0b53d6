//! Removing a run, from its id and its directory alone: processes, mounts, control groups, network, files.
//!
//! Only what carries the run's id is touched. Processes are found by the namespaces and control groups that the run made
//! and by the identities it recorded, and ended by pid, never by name. Deliberately not here: when to do it (`run.rs`).

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Error, Result};
use nix::sys::signal::Signal;

use super::command::run;
use super::eventually;
use super::identity::Identity;
use super::network::{NAMESPACES, firewall_rules};

/// How long processes may take to be gone after SIGKILL; one that waits for a disk takes its time.
const KILL_DEADLINE: Duration = Duration::from_secs(20);
/// Where every version of the control group file system is mounted.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup";
/// Where containerd's shims put their sockets, whatever state directory their containerd has.
const SHIM_SOCKETS: &str = "/run/containerd/s/";

/// Removes everything of run `id`, as far as it is there; returns what could not be removed.
pub(super) fn dismantle(id: &str, directory: &Path) -> Vec<Error> {
    let marks = marks(id);
    let mut problems = Vec::new();
    let mut attempt = |result: Result<()>| problems.extend(result.err());
    attempt(end_processes(&marks, &recorded(directory)));
    attempt(unmount_below(directory));
    for mark in &marks {
        if Path::new(NAMESPACES).join(mark).exists() {
            attempt(run("ip", &["netns", "delete", mark]).map(drop));
        }
        for group in control_groups(mark) {
            remove_control_group(&group);
        }
    }
    for link in links(id) {
        // The other end of a wire may have taken it along since the list was made.
        let deleted = run("ip", &["link", "delete", &link]).map(drop);
        attempt(if Path::new("/sys/class/net").join(&link).exists() { deleted } else { Ok(()) });
    }
    remove_firewall_rules(&format!("{id}b"));
    if directory.exists() {
        attempt(fs::remove_dir_all(directory).with_context(|| format!("cannot remove {}", directory.display())));
    }
    problems
}

/// Ends, with SIGKILL, every process in the namespaces and control groups called `marks`, and those in `recorded`.
///
/// Engines, shims and agents go in one pass and containers after them, so that no engine lives to note that its containers
/// ended: a power cut leaves no such note either.
pub(super) fn end_processes(marks: &[String], recorded: &[Identity]) -> Result<()> {
    let mut sockets = BTreeSet::new();
    eventually::value("the processes of the hosts end", KILL_DEADLINE, || {
        let on_host: Vec<Identity> = marks.iter().flat_map(|mark| in_namespace(mark)).collect();
        // Looked up anew each time: a shim may have come up between two looks.
        sockets.extend(on_host.iter().flat_map(|process| shim_sockets(*process)));
        let contained: Vec<Identity> = marks.iter().flat_map(|mark| in_control_group(mark)).collect();
        let others = recorded.iter().filter(|process| process.is_alive());
        let all: Vec<Identity> = on_host.iter().chain(others).chain(&contained).copied().collect();
        for process in &all {
            process.signal(Signal::SIGKILL);
        }
        Ok(all.is_empty().then_some(()))
    })?;
    for socket in sockets {
        let _ = fs::remove_file(socket);
    }
    Ok(())
}

/// Unmounts all that is mounted below `directory`, the deepest first.
pub(super) fn unmount_below(directory: &Path) -> Result<()> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("cannot read the mounts")?;
    let mut points: Vec<&str> = table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .filter(|point| Path::new(point).starts_with(directory))
        .collect();
    points.sort_unstable_by_key(|point| std::cmp::Reverse(point.len()));
    // Lazily: a mount that something still looks at goes when that does.
    for some in points.chunks(50) {
        let arguments: Vec<&str> = ["-l"].iter().chain(some).copied().collect();
        run("umount", &arguments)?;
    }
    Ok(())
}

/// The names of the run's hosts, as far as a namespace or a control group is left of them.
fn marks(id: &str) -> Vec<String> {
    let host = format!("{id}h");
    let groups = hierarchies().into_iter().flat_map(|hierarchy| names_in(&hierarchy));
    let names: BTreeSet<String> = names_in(Path::new(NAMESPACES)).into_iter().chain(groups).collect();
    names.into_iter().filter(|name| name.starts_with(&host)).collect()
}

/// The run's interfaces in the root namespace.
fn links(id: &str) -> Vec<String> {
    names_in(Path::new("/sys/class/net")).into_iter().filter(|name| name.starts_with(id)).collect()
}

/// The identities recorded in `*.process` files, in the run's directory and its hosts'.
fn recorded(directory: &Path) -> Vec<Identity> {
    let own = std::iter::once(directory.to_owned());
    let below = names_in(directory).into_iter().map(|name| directory.join(name));
    own.chain(below)
        .flat_map(|place| names_in(&place).into_iter().map(move |name| place.join(name)))
        .filter(|file| file.extension().is_some_and(|extension| extension == "process"))
        .filter_map(|file| Identity::read(&file))
        .collect()
}

/// The processes whose network is that of the namespace called `mark`.
fn in_namespace(mark: &str) -> Vec<Identity> {
    let key = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let Some(wanted) = key(&Path::new(NAMESPACES).join(mark)) else { return Vec::new() };
    names_in(Path::new("/proc"))
        .into_iter()
        .filter(|name| key(&Path::new("/proc").join(name).join("ns/net")) == Some(wanted))
        .filter_map(|name| name.parse().ok().and_then(Identity::of))
        .collect()
}

/// The processes in the control groups called `mark`, and below: those of the host's containers.
fn in_control_group(mark: &str) -> Vec<Identity> {
    let mut groups = control_groups(mark);
    let mut found = BTreeSet::new();
    while let Some(group) = groups.pop() {
        let processes = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        found.extend(processes.lines().filter_map(|pid| pid.parse().ok()).filter_map(Identity::of));
        groups.extend(directories_in(&group));
    }
    found.into_iter().collect()
}

/// The control groups called `mark`, one in each hierarchy that has it.
fn control_groups(mark: &str) -> Vec<PathBuf> {
    hierarchies().into_iter().map(|hierarchy| hierarchy.join(mark)).filter(|group| group.is_dir()).collect()
}

/// Version 2 has one hierarchy, at the mount itself; version 1 one in each directory below.
fn hierarchies() -> Vec<PathBuf> {
    let mount = PathBuf::from(CONTROL_GROUPS);
    let mut all = directories_in(&mount);
    all.push(mount);
    all
}

/// A group can be removed when it holds neither groups nor processes, and by `rmdir` alone. One that stays is empty.
fn remove_control_group(group: &Path) {
    for below in directories_in(group) {
        remove_control_group(&below);
    }
    let _ = fs::remove_dir(group);
}

/// The sockets of shims in the namespace in which `process` lives.
fn shim_sockets(process: Identity) -> Vec<PathBuf> {
    let table = fs::read_to_string(format!("/proc/{}/net/unix", process.pid())).unwrap_or_default();
    table
        .lines()
        .filter_map(|line| line.split_whitespace().nth(7))
        .filter(|path| path.starts_with(SHIM_SOCKETS))
        .map(PathBuf::from)
        .collect()
}

/// Removes the rules as often as they are there; "no such rule" is the end, not a problem.
fn remove_firewall_rules(bridge: &str) {
    for rule in firewall_rules(bridge) {
        let arguments: Vec<&str> = ["-w", "-D"].into_iter().chain(rule).collect();
        while run("iptables", &arguments).is_ok() {}
    }
}

fn names_in(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The real directories in `directory`; links to others do not count.
fn directories_in(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}
