//! With which code the process ends, in one table. Not here: ending the process (`main.rs` does), and what is printed before.

use std::process::ExitCode;

use evenkeel_proto::v1::RolloutView;

use crate::person::{Need, need};

/// How a verb ended. The numbers are the contract with scripts and CI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// 0: done; for a rollout: it has succeeded.
    Succeeded,
    /// 1: an error, and nothing was started.
    Error,
    /// 2: the command line makes no sense.
    Usage,
    /// 3: the rollout failed and was rolled back everywhere, whatever the cause.
    RolledBack,
    /// 4: the rollout was halted by a failure: hosts may have either release.
    Halted,
    /// 5: the rollout needs a person though nothing has failed; `rollout watch` attaches again. Also: whether one was begun is not known,
    /// because the coordinator's answer was lost.
    NeedsPerson,
    /// 6: this command stopped watching, by its own `--timeout`, by Ctrl-C, or because it may not watch any longer: the rollout goes on.
    StoppedWatching,
    /// 7: the rollout was aborted, or another one took over; a host that was drained was given back meanwhile.
    GivenUp,
    /// 10: `plan --detailed-exitcode` has found that something would change.
    WouldChange,
}

impl Exit {
    /// All of them, for tests and documentation.
    pub const ALL: [Self; 9] = [
        Self::Succeeded,
        Self::Error,
        Self::Usage,
        Self::RolledBack,
        Self::Halted,
        Self::NeedsPerson,
        Self::StoppedWatching,
        Self::GivenUp,
        Self::WouldChange,
    ];

    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::RolledBack => 3,
            Self::Halted => 4,
            Self::NeedsPerson => 5,
            Self::StoppedWatching => 6,
            Self::GivenUp => 7,
            Self::WouldChange => 10,
        }
    }

    /// What whoever waits for this rollout is told; none: it goes on, and there is something to wait for.
    ///
    /// A word that this version does not know is never taken for success: an unknown outcome is [`Exit::NeedsPerson`], and
    /// an unknown state goes on.
    pub(crate) fn of_rollout(view: &RolloutView) -> Option<Self> {
        match (view.state.as_str(), view.outcome.as_str()) {
            ("ended", "succeeded") => Some(Self::Succeeded),
            ("ended", "rolled_back") => Some(Self::RolledBack),
            ("ended", "halted") => Some(Self::Halted),
            ("ended", "aborted" | "superseded") => Some(Self::GivenUp),
            ("ended", _) => Some(Self::NeedsPerson),
            _ => need(view).map(|need| if need == Need::Decide { Self::Halted } else { Self::NeedsPerson }),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_proto::v1::{FailureView, WaitingView};

    use super::*;

    fn rollout(state: &str, outcome: &str, failed: bool) -> RolloutView {
        RolloutView {
            state: state.to_owned(),
            outcome: outcome.to_owned(),
            failure: failed.then(FailureView::default),
            ..RolloutView::default()
        }
    }

    #[test]
    fn the_codes_are_those_of_the_contract() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5, 6, 7, 10]);
    }

    #[test]
    fn a_rollouts_end_decides_the_code() {
        for (state, outcome, failed, code) in [
            ("ended", "succeeded", false, Some(0)),
            ("ended", "rolled_back", true, Some(3)),
            ("ended", "halted", true, Some(4)),
            ("paused", "", true, Some(4)),
            ("paused", "", false, Some(5)),
            ("ended", "aborted", false, Some(7)),
            ("ended", "superseded", false, Some(7)),
            ("advancing", "", false, None),
            ("rolling_back", "", true, None),
            ("withdrawing", "", true, None),
        ] {
            let exit = Exit::of_rollout(&rollout(state, outcome, failed));
            assert_eq!(exit.map(Exit::code), code, "{state} {outcome} failed: {failed}");
        }
    }

    #[test]
    fn what_only_a_person_can_give_is_not_waited_for() {
        let until = Some(1);
        for (state, kind, until, code) in [
            ("advancing", "approval", None, Some(5)),
            ("advancing", "promotion", None, Some(5)),
            ("advancing", "paused", None, Some(5)),
            ("paused", "paused", None, Some(5)),
            ("advancing", "frozen", None, Some(5)),
            ("advancing", "frozen", until, None),
            ("advancing", "window", None, Some(5)),
            ("advancing", "window", until, None),
            ("advancing", "analysis", None, None),
            ("advancing", "bake", until, None),
            ("advancing", "drain", None, None),
            ("queued", "queue", None, None),
            ("queued", "person", None, Some(5)),
            ("queued", "approval", None, Some(5)),
            ("rolling_back", "approval", None, None),
        ] {
            let waiting = vec![WaitingView { kind: kind.to_owned(), until, ..WaitingView::default() }];
            let view = RolloutView { waiting, ..rollout(state, "", false) };
            assert_eq!(Exit::of_rollout(&view).map(Exit::code), code, "{state} {kind} {until:?}");
        }
    }

    #[test]
    fn words_of_a_newer_coordinator_are_never_success() {
        assert_eq!(Exit::of_rollout(&rollout("ended", "glorious", false)), Some(Exit::NeedsPerson));
        assert_eq!(Exit::of_rollout(&rollout("ended", "", false)), Some(Exit::NeedsPerson));
        assert_eq!(Exit::of_rollout(&rollout("thinking", "succeeded", false)), None);
    }
}
