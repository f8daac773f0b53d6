//! Which process a number means: a pid together with the moment its process started.
//!
//! Pids are used again; a file with a bare one may name a stranger by the time somebody reads it. Nothing in this harness
//! ends a process whose identity it has not just compared. Deliberately not here: starting processes (`process.rs`).

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// One process, for all time until the machine restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pid: i32,
    /// Clock ticks from the machine's start to the process's.
    started: u64,
}

impl Identity {
    /// The living process with this pid; one that is dead but not yet reaped is none.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command, in parentheses, may hold anything; the fields after it are regular: the state is the third of all,
        // the start the twenty-second.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        if matches!(fields.first(), Some(&"Z" | &"X")) {
            return None;
        }
        Some(Self { pid, started: fields.get(19)?.parse().ok()? })
    }

    /// This very process.
    pub(super) fn own() -> Option<Self> {
        Self::of(Pid::this().as_raw())
    }

    /// Reads one that was written to a file; `None` if the file is not there or holds something else.
    pub(super) fn read(file: &Path) -> Option<Self> {
        fs::read_to_string(file).ok()?.parse().ok()
    }

    pub(super) fn pid(self) -> i32 {
        self.pid
    }

    pub(super) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends `signal` if the process is still the same one.
    pub(crate) fn signal(self, signal: Signal) {
        if self.is_alive() {
            // It may have ended since: all the better.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.pid, self.started)
    }
}

impl FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (pid, started) = text.trim().split_once(' ').ok_or(())?;
        Ok(Self { pid: pid.parse().map_err(|_| ())?, started: started.parse().map_err(|_| ())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_is_itself_after_a_round_trip() {
        let own = Identity::own().unwrap();
        assert!(own.is_alive());
        assert_eq!(own.to_string().parse(), Ok(own));
    }

    #[test]
    fn the_same_pid_with_another_start_is_a_stranger() {
        let own = Identity::own().unwrap();
        let stranger = Identity { started: own.started + 1, ..own };
        assert!(!stranger.is_alive());
    }

    #[test]
    fn an_engine_s_own_pid_file_is_no_identity() {
        assert_eq!("4711".parse::<Identity>(), Err(()));
    }
}
