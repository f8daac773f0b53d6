//! The places at which a test may kill the agent: before and after each action and each durable write.
//! Not here: the killing. In a release nothing is called (the feature `failpoints` is for tests).

use std::fmt::Debug;

/// Called at each place; the process may end in it.
pub trait Failpoint: Send + Sync + Debug {
    /// `before:pull`, `after:create`, `before:save`, …
    fn reached(&self, place: &str);
}

/// Nothing happens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Never;

impl Failpoint for Never {
    fn reached(&self, _place: &str) {}
}

/// Ends this process by SIGKILL, without any clean-up, at the place that `EVENKEEL_FAILPOINT` names, the first time it is reached.
#[cfg(feature = "failpoints")]
#[derive(Debug, Clone)]
pub struct KillAt {
    /// The place.
    pub place: String,
}

#[cfg(feature = "failpoints")]
impl Failpoint for KillAt {
    fn reached(&self, place: &str) {
        if self.place == place {
            let me = nix::unistd::Pid::this();
            nix::sys::signal::kill(me, nix::sys::signal::Signal::SIGKILL).expect("a process may kill itself");
        }
    }
}
