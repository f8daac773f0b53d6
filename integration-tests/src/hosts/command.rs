//! Running a command of the machine and reading what it says.
//!
//! Deliberately not here: processes that stay (see `process.rs`).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, iter};

use anyhow::{Context, Result, bail};

/// Where administration programs live that a user's search path often leaves out.
const ADMINISTRATION: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Runs `program` to its end and returns its standard output. The error names the command and carries what it wrote to
/// standard error.
pub(super) fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    output(&mut command)
}

/// As [`run`], for a command that was put together elsewhere.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let result = command
        .stdin(Stdio::null())
        .env("PATH", search_path())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !result.status.success() {
        let complaint = String::from_utf8_lossy(&result.stderr);
        bail!("{command:?} ended with {}: {}", result.status, complaint.trim());
    }
    Ok(String::from_utf8_lossy(&result.stdout).into_owned())
}

/// The search path of this process with the administration directories added.
pub(super) fn search_path() -> std::ffi::OsString {
    let own = env::var_os("PATH").unwrap_or_default();
    let all = env::split_paths(&own).chain(ADMINISTRATION.iter().map(PathBuf::from));
    env::join_paths(all).unwrap_or(own)
}

/// A command that runs `program` in the network namespace at `namespace`, and in nothing else of its own: the mounts stay,
/// because a remounted /sys would hide the control groups from an engine.
pub(super) fn inside(namespace: &Path, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", namespace.display())).arg("--").arg(program).env("PATH", search_path());
    command
}

/// Whether each of `programs` can be found; the error names all that can't.
pub(super) fn require(programs: &[&str]) -> Result<()> {
    let path = search_path();
    let missing: Vec<&str> = programs
        .iter()
        .copied()
        .filter(|program| !env::split_paths(&path).any(|directory| directory.join(program).is_file()))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list: Vec<&str> = iter::once("missing:").chain(missing).collect();
    bail!("{} (integration-tests/install installs what the tests need)", list.join(" "))
}
