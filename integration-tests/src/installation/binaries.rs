//! Where the programs under test are: named by the environment (as `integration-tests/run` does), or built here once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};

/// The coordinator and command line.
pub fn coordinator_binary() -> Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    once(&BUILT, "EK_COORDINATOR", "evenkeel", &["-p", "evenkeel"], "")
}

/// The agent as it is released.
pub fn agent_binary() -> Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    once(&BUILT, "EK_AGENT", "evenkeel-agent", &["-p", "evenkeel-agent"], "")
}

/// The agent that can be told to kill itself at a place.
pub fn agent_with_failpoints() -> Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let arguments = ["-p", "evenkeel-agent", "--features", "failpoints"];
    once(&BUILT, "EK_AGENT_FAILPOINTS", "evenkeel-agent", &arguments, "failpoints")
}

/// The agent as operators have it: optimised, and without what only tests use.
pub fn optimised_agent() -> Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    once(&BUILT, "EK_AGENT_RELEASE", "evenkeel-agent", &["-p", "evenkeel-agent", "--release"], "")
}

/// The coordinator as operators have it.
pub fn optimised_coordinator() -> Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    once(&BUILT, "EK_COORDINATOR_RELEASE", "evenkeel", &["-p", "evenkeel", "--release"], "")
}

/// Agents by the thousand, for `bench scale`.
pub fn crowd_binary() -> Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    once(&BUILT, "EK_CROWD", "evenkeel-crowd", &["-p", "evenkeel-crowd", "--release"], "")
}

/// `folder`: a target folder of its own below the usual one, so that two builds of one program do not replace each other.
fn once(built: &OnceLock<PathBuf>, name: &str, program: &str, arguments: &[&str], folder: &str) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(name) {
        return Ok(path.into());
    }
    if let Some(path) = built.get() {
        return Ok(path.clone());
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("this crate is inside the workspace")?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from).join(folder);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace).args(["build", "--quiet", "--bins"]).args(arguments).arg("--target-dir").arg(&target);
    ensure!(cargo.status()?.success(), "{program} does not build");
    let profile = if arguments.contains(&"--release") { "release" } else { "debug" };
    Ok(built.get_or_init(|| target.join(profile).join(program)).clone())
}
