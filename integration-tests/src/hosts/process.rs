//! A child process that stays: its log files, its recorded identity, its end.
//!
//! Deliberately not here: what the process is (`engine.rs`, `registry.rs`, or a test's agent).

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use super::eventually;
use super::identity::Identity;

/// A running child process. Dropping it ends it with SIGKILL.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    identity: Option<Identity>,
    child: Mutex<Child>,
    directory: PathBuf,
}

impl Process {
    /// Starts `command` with output appended to `NAME.out` and `NAME.err` in `directory`, and its identity in
    /// `NAME.process`. It gets a process group of its own: an interrupt at the terminal must not reach it before the
    /// harness does.
    pub(super) fn spawn(mut command: Command, name: &str, directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log_file(directory, name, "out")?)
            .stderr(log_file(directory, name, "err")?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let pid = child.id();
        let identity = i32::try_from(pid).ok().and_then(Identity::of);
        let process =
            Self { name: name.to_owned(), pid, identity, child: Mutex::new(child), directory: directory.to_owned() };
        if let Some(identity) = identity {
            fs::write(directory.join(format!("{name}.process")), identity.to_string())?;
        }
        Ok(process)
    }

    /// The process id. The program keeps it through `nsenter`, which replaces itself.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has not ended yet.
    pub fn is_running(&self) -> bool {
        matches!(self.child().try_wait(), Ok(None))
    }

    /// Ends it with SIGKILL and waits for that.
    pub fn kill9(&self) {
        let mut child = self.child();
        // Both fail only when it has ended already.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Asks it to end with SIGTERM; see [`Process::wait`].
    pub fn terminate(&self) {
        if let Some(identity) = self.identity {
            identity.signal(Signal::SIGTERM);
        }
    }

    /// Stops it in the middle of whatever it does, with SIGSTOP: its connections stay open, and it says nothing any more.
    pub fn freeze(&self) {
        if let Some(identity) = self.identity {
            identity.signal(Signal::SIGSTOP);
        }
    }

    /// Asks it to take itself up anew, with SIGHUP.
    pub fn hang_up(&self) {
        if let Some(identity) = self.identity {
            identity.signal(Signal::SIGHUP);
        }
    }

    /// The living processes that it has started.
    pub(crate) fn children(&self) -> Vec<Identity> {
        let pid = self.pid;
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        children.split_whitespace().filter_map(|pid| Identity::of(pid.parse().ok()?)).collect()
    }

    /// Waits until it has ended. The error is that it has not within `deadline`.
    pub fn wait(&self, deadline: Duration) -> Result<ExitStatus> {
        let what = format!("{} ends", self.name);
        eventually::value(&what, deadline, || Ok(self.child().try_wait()?))
    }

    /// All it has written to standard output, then all it has written to standard error, earlier starts under the same
    /// name included.
    pub fn log(&self) -> String {
        ["out", "err"]
            .map(|end| fs::read(self.directory.join(format!("{}.{end}", self.name))).unwrap_or_default())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat()
    }

    /// The last `lines` lines of [`Process::log`]: what an error message quotes.
    pub(super) fn last_words(&self, lines: usize) -> String {
        last_lines(&self.log(), lines)
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// The last `lines` lines of `text`.
pub(super) fn last_lines(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn log_file(directory: &Path, name: &str, end: &str) -> Result<File> {
    let path = directory.join(format!("{name}.{end}"));
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot write the log {}", path.display()))
}
