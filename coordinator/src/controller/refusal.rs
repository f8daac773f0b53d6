//! Why the controller does not do what it is asked. The messages are for the person who asked. Not here: their gRPC codes.

use evenkeel_model::{AppKey, HostId, OperatorName, ReleaseNumber, RolloutId, UnixMillis};
use evenkeel_rollout::BeginError;

use crate::moment::Moment;
use crate::store::{Freeze, Subject};

/// The store can't be written, or the coordinator is stopping: nothing was done, and asking again later may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the coordinator can't store anything now: nothing was changed; try again")]
pub struct Unavailable;

/// Why a host is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// No token has this secret.
    #[error("the join token is not known here: it is another fleet's, or expired long ago; make a new one")]
    Unknown,
    /// A token is good for one host, once.
    #[error("the join token was used by {by} at {}; each is good once, make a new one", Moment(*.at))]
    Used {
        /// Who used it.
        by: HostId,
        /// When.
        at: UnixMillis,
    },
    /// Its time is over.
    #[error("the join token expired at {}; make a new one", Moment(*.at))]
    Expired {
        /// Its end.
        at: UnixMillis,
    },
    /// It was made for one host.
    #[error("the join token is good for host {to} only")]
    Bound {
        /// For which.
        to: HostId,
    },
    /// Ids are unique in the fleet.
    #[error("there is a host {host} already: choose another id, or remove that host first")]
    Taken {
        /// The id.
        host: HostId,
    },
    /// Nothing was changed; the token is still good.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why nothing is done to a host, operator or token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// It never joined.
    #[error("there is no {0}")]
    Unknown(Subject),
    /// It was removed.
    #[error("{subject} was removed at {}", Moment(*.at))]
    Removed {
        /// Who.
        subject: Subject,
        /// When.
        at: UnixMillis,
    },
    /// The certificate is of an earlier host or operator of this name.
    #[error("the certificate was made for an earlier {0}")]
    Earlier(Subject),
    /// It is there already.
    #[error("there is an operator {0} already")]
    Taken(OperatorName),
    /// Nothing was changed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why no stream of a host is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// It is no host of this fleet (any more).
    #[error(transparent)]
    Member(#[from] MemberError),
    /// A stream that was opened later came first.
    #[error("host {0} has opened another stream since")]
    Superseded(HostId),
}

impl From<Unavailable> for ConnectError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Member(unavailable.into())
    }
}

/// Why no rollout is begun, or none is ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RolloutError {
    /// One at a time for each app.
    #[error(
        "rollout {rollout} of {key}, begun by {by}, goes on: wait for its end, begin after it with `--queue`, take over with `--supersede`, or abort it"
    )]
    GoesOn {
        /// The app.
        key: AppKey,
        /// The one that goes on.
        rollout: RolloutId,
        /// Who began it.
        by: OperatorName,
    },
    /// No host matches.
    #[error(transparent)]
    NotBegun(#[from] BeginError),
    /// Nothing was ever deployed under this name.
    #[error("there is no app {0}: nothing was deployed under this name")]
    UnknownApp(AppKey),
    /// There is no such release.
    #[error("there is no release {release} of {key}")]
    UnknownRelease {
        /// The app.
        key: AppKey,
        /// Which.
        release: ReleaseNumber,
    },
    /// The app is there already.
    #[error("release {release} is the current release of {key} already")]
    AlreadyCurrent {
        /// The app.
        key: AppKey,
        /// Which.
        release: ReleaseNumber,
    },
    /// That is where the rollout that goes on is moving to.
    #[error("rollout {rollout} is moving {key} to release {release}: a rollback goes somewhere else")]
    MovingThere {
        /// The app.
        key: AppKey,
        /// Which.
        release: ReleaseNumber,
        /// The one that goes on.
        rollout: RolloutId,
    },
    /// There is nothing to go back to.
    #[error("there is no release before: name one, or abort the rollout that goes on with `--rollback`")]
    NothingBefore,
    /// There is no such rollout.
    #[error("there is no rollout {0}")]
    UnknownRollout(RolloutId),
    /// None goes on.
    #[error("no rollout of {0} goes on")]
    NoneGoesOn(AppKey),
    /// There is none at all.
    #[error("there is no rollout yet")]
    None,
    /// A freeze is in force.
    #[error("{} is frozen by {} {}: {} (`--override-freeze REASON` begins it all the same)", key, freeze.by, until(freeze.until), freeze.why)]
    Frozen {
        /// The app.
        key: AppKey,
        /// The freeze.
        freeze: Box<Freeze>,
    },
    /// What a plan showed is not what would be done now.
    #[error("what was planned is not what would be done now: fleet, releases or policy have changed since; plan again")]
    Changed,
    /// A rollback goes on.
    #[error(
        "rollout {rollout} is a rollback, and a rollback is not rolled back: name the release that the fleet is to have with `--to`"
    )]
    RollbackGoesOn {
        /// The one that goes on.
        rollout: RolloutId,
    },
    /// There is no such freeze.
    #[error("there is no freeze {0}: it was lifted, or has ended")]
    UnknownFreeze(u64),
    /// The planner does not take the word.
    #[error(transparent)]
    NotTaken(#[from] evenkeel_rollout::WordError),
    /// The planner refuses the abort.
    #[error(transparent)]
    NotAborted(#[from] evenkeel_rollout::AbortError),
    /// Nothing was changed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

fn until(until: Option<UnixMillis>) -> String {
    until.map_or_else(|| "until it is lifted".to_owned(), |until| format!("until {}", Moment(until)))
}
