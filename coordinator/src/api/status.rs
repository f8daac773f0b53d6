//! Every refusal's gRPC code. The one file that names them. Not here: the words, which are the refusals' own.

use evenkeel_rollout::BeginError;
use tonic::{Code, Status};

use super::agent::OtherHost;
use super::pins::NotPinned;
use super::{Invalid, StreamEnd};
use crate::auth::Denied;
use crate::chain::chain;
use crate::controller::{ConnectError, JoinError, MemberError, RolloutError, Unavailable};
use crate::resolve::ResolveError;

/// With all its causes: the words are for the person at the other end.
fn status(code: Code, refusal: &(dyn std::error::Error + 'static)) -> Status {
    Status::new(code, chain(refusal))
}

impl From<Denied> for Status {
    fn from(denied: Denied) -> Self {
        let code = match &denied {
            Denied::NoCertificate | Denied::Expired(_) => Code::Unauthenticated,
            Denied::Member(MemberError::Unavailable(_)) => Code::Unavailable,
            Denied::Unlisted
            | Denied::OtherFleet { .. }
            | Denied::Member(_)
            | Denied::OtherKind { .. }
            | Denied::Role { .. } => Code::PermissionDenied,
        };
        status(code, &denied)
    }
}

impl From<Invalid> for Status {
    fn from(invalid: Invalid) -> Self {
        status(Code::InvalidArgument, &invalid)
    }
}

impl From<OtherHost> for Status {
    fn from(other: OtherHost) -> Self {
        status(Code::PermissionDenied, &other)
    }
}

impl From<StreamEnd> for Status {
    fn from(end: StreamEnd) -> Self {
        let code = match &end {
            StreamEnd::Stopping | StreamEnd::Lost => Code::Unavailable,
            StreamEnd::Expired(_) => Code::Unauthenticated,
            StreamEnd::Superseded => Code::Aborted,
        };
        status(code, &end)
    }
}

impl From<Unavailable> for Status {
    fn from(unavailable: Unavailable) -> Self {
        status(Code::Unavailable, &unavailable)
    }
}

impl From<JoinError> for Status {
    fn from(error: JoinError) -> Self {
        let code = match &error {
            JoinError::Unknown => Code::Unauthenticated,
            JoinError::Used { .. } | JoinError::Expired { .. } | JoinError::Bound { .. } => Code::PermissionDenied,
            JoinError::Taken { .. } => Code::AlreadyExists,
            JoinError::Unavailable(_) => Code::Unavailable,
        };
        status(code, &error)
    }
}

impl From<MemberError> for Status {
    fn from(error: MemberError) -> Self {
        let code = match &error {
            MemberError::Unknown(_) | MemberError::Removed { .. } => Code::NotFound,
            MemberError::Earlier(_) => Code::PermissionDenied,
            MemberError::Taken(_) => Code::AlreadyExists,
            MemberError::Unavailable(_) => Code::Unavailable,
        };
        status(code, &error)
    }
}

impl From<ConnectError> for Status {
    fn from(error: ConnectError) -> Self {
        match error {
            // Of the caller itself: it is not somebody whom it looks for.
            ConnectError::Member(error) => Denied::Member(error).into(),
            ConnectError::Superseded(_) => status(Code::Aborted, &error),
        }
    }
}

impl From<RolloutError> for Status {
    fn from(error: RolloutError) -> Self {
        let code = match &error {
            RolloutError::UnknownApp(_)
            | RolloutError::UnknownRelease { .. }
            | RolloutError::UnknownRollout(_)
            | RolloutError::UnknownFreeze(_)
            | RolloutError::None
            | RolloutError::NotBegun(BeginError::UnknownRelease { .. }) => Code::NotFound,
            RolloutError::GoesOn { .. }
            | RolloutError::NotBegun(_)
            | RolloutError::Frozen { .. }
            | RolloutError::Changed
            | RolloutError::RollbackGoesOn { .. }
            | RolloutError::NotTaken(_)
            | RolloutError::NotAborted(_)
            | RolloutError::AlreadyCurrent { .. }
            | RolloutError::MovingThere { .. }
            | RolloutError::NothingBefore
            | RolloutError::NoneGoesOn(_) => Code::FailedPrecondition,
            RolloutError::Unavailable(_) => Code::Unavailable,
        };
        status(code, &error)
    }
}

impl From<NotPinned> for Status {
    fn from(error: NotPinned) -> Self {
        // What asking again can't mend comes first.
        let codes = [Code::InvalidArgument, Code::NotFound, Code::PermissionDenied, Code::FailedPrecondition];
        let is_there = |code: &Code| error.0.iter().any(|problem| of_image(problem) == *code);
        status(codes.into_iter().find(is_there).unwrap_or(Code::Unavailable), &error)
    }
}

fn of_image(problem: &ResolveError) -> Code {
    match problem {
        ResolveError::Invalid(_) => Code::InvalidArgument,
        ResolveError::NotFound { .. } => Code::NotFound,
        ResolveError::Denied { .. } => Code::PermissionDenied,
        ResolveError::OtherDigest { .. } => Code::FailedPrecondition,
        ResolveError::Unreachable { .. } => Code::Unavailable,
    }
}

/// An answer that the coordinator could not make though the caller did everything right.
pub(super) fn internal(defect: &(dyn std::error::Error + 'static)) -> Status {
    status(Code::Internal, defect)
}
