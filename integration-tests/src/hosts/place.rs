//! A place for processes that need no host: a directory, and what is started in it. Both go when the place is dropped, and with the sweep after a process
//! that was killed. Not here: networks, engines.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::process::Process;
use super::run::Run;

/// A directory with processes in it.
#[derive(Debug)]
pub struct Place(Run);

impl Place {
    /// A new one. Sweeps first, as every start does.
    pub fn new() -> Result<Self> {
        Run::begin().map(Self)
    }

    /// The directory, on a real disk.
    pub fn directory(&self) -> &Path {
        self.0.directory()
    }

    /// Starts a process. Its output is in `NAME.out` and `NAME.err` in the directory.
    pub fn spawn(&self, name: &str, command: Command) -> Result<Process> {
        Process::spawn(command, name, self.directory())
    }
}
