//! All that can go wrong before or beside a rollout, each with what to do next. The one file that names gRPC's status codes.
//! Not here: how a rollout ended (`exit.rs`).

use std::error::Error;

use tonic::{Code, Status};

use evenkeel_certs::{Complaint, TlsError, VerifyError};

use crate::compose_file::ComposeFileError;
use crate::context::ContextError;
use crate::dial::{Chain, DialError, DialFailure};
use crate::engine::EngineError;
use crate::exit::Exit;

/// What was asked of the coordinator, where that decides what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Token,
    Hosts,
    Host,
    Plan,
    Deploy,
    Rollback,
    Rollouts,
    Rollout,
    Abort,
    Releases,
    Status,
}

/// Why the coordinator did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What was named does not exist.
    NotFound,
    /// It can't be done as things are.
    NotNow,
    /// The operator's role does not suffice.
    NotAllowed,
    /// The coordinator does not know this certificate.
    NotKnown,
    /// The request makes no sense.
    Malformed,
    /// An older coordinator, which does not know the verb.
    NotOffered,
    /// No answer in time, or the connection was lost: whether it was done is not known.
    NoAnswer,
    /// The coordinator says that it can't at the moment, or has a fault.
    Troubled,
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct RequestError {
    kind: Kind,
    message: String,
    asked: Asked,
    /// TLS's own words, if it was TLS.
    tls: bool,
}

/// Anything that ends a verb without a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("{}", Chain(.0))]
    Context(#[from] ContextError),
    #[error("{0}")]
    Unreachable(#[from] DialError),
    #[error("{0}")]
    Request(#[from] RequestError),
    #[error("{}", Chain(.0))]
    Compose(#[from] ComposeFileError),
    #[error("{}", Chain(.0))]
    Engine(#[from] EngineError),
    #[error("{0} would be removed from the fleet, and there is nobody to confirm it")]
    NotConfirmed(String),
    #[error("nothing was changed")]
    Declined,
    #[error("the output cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

impl CliError {
    /// From a request's status, and why the wire broke if it did.
    pub(crate) fn of_status(status: &Status, fault: Option<TlsError>, asked: Asked) -> Self {
        if let Some(error) = found::<DialError>(status) {
            return Self::Unreachable(error.clone());
        }
        let said = status.message().trim();
        let kind = match kind_of(status.code()) {
            // The transport gives the cause of its own trouble: without one, these are the coordinator's words. It did answer.
            Kind::NoAnswer if status.code() == Code::Unavailable && status.source().is_none() && !said.is_empty() => {
                Kind::Troubled
            }
            kind => kind,
        };
        // What the coordinator itself answered counts more than what befell an earlier wire.
        if let Some(fault) = fault.filter(|_| matches!(kind, Kind::NoAnswer | Kind::Troubled)) {
            return Self::of_fault(&fault, asked);
        }
        let message = match kind {
            Kind::NoAnswer if said.is_empty() => "the coordinator did not answer".to_owned(),
            Kind::NoAnswer => format!("the coordinator did not answer: {said}"),
            Kind::NotOffered => "the coordinator does not know this verb: it is older than this program".to_owned(),
            _ if said.is_empty() => {
                format!("the coordinator answers `{}` without a reason", status.code().description())
            }
            _ => said.to_owned(),
        };
        Self::Request(RequestError { kind, message, asked, tls: false })
    }

    /// From the attempt to connect, and why the wire broke if it did.
    pub(crate) fn of_connecting(error: &(dyn Error + 'static), fault: Option<TlsError>, asked: Asked) -> Self {
        if let Some(error) = found::<DialError>(error) {
            return Self::Unreachable(error.clone());
        }
        if let Some(fault) = fault {
            return Self::of_fault(&fault, asked);
        }
        let message = format!("the connection to the coordinator failed: {}", Chain(error));
        Self::Request(RequestError { kind: Kind::NoAnswer, message, asked, tls: false })
    }

    fn of_fault(fault: &TlsError, asked: Asked) -> Self {
        let kind = if refused(fault) { Kind::NotKnown } else { Kind::NoAnswer };
        Self::Request(RequestError { kind, message: Chain(fault).to_string(), asked, tls: true })
    }

    /// A request that got no answer in its time.
    pub(crate) fn too_slow(asked: Asked, seconds: u64) -> Self {
        let message = format!("the coordinator did not answer within {seconds} s");
        Self::Request(RequestError { kind: Kind::NoAnswer, message, asked, tls: false })
    }

    /// A stream that the coordinator ended before its rollout had.
    pub(crate) fn stream_ended() -> Self {
        let message = "the coordinator ended the stream".to_owned();
        Self::Request(RequestError { kind: Kind::NoAnswer, message, asked: Asked::Rollout, tls: false })
    }

    /// Whether the same request may succeed later without anybody doing anything.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(error) => !error.failures().iter().any(|(_, failure)| is_refusal(failure)),
            Self::Request(error) => matches!(error.kind, Kind::NoAnswer | Kind::Troubled),
            _ => false,
        }
    }

    /// With which code the verb ends. An order that may have been heard has not "started nothing": somebody has to look.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Request(RequestError { kind: Kind::NoAnswer, asked: Asked::Deploy | Asked::Rollback, .. }) => {
                Exit::NeedsPerson
            }
            _ => Exit::Error,
        }
    }

    /// What the operator can do.
    pub(crate) fn next_step(&self) -> String {
        match self {
            Self::Context(error) => error.next_step(),
            Self::Unreachable(error) if error.failures().iter().any(|(_, failure)| is_refusal(failure)) => {
                CERTIFICATE.to_owned()
            }
            Self::Unreachable(_) => {
                "check the addresses in the context file, that the coordinator runs (`evenkeel serve`) and \
                that no firewall is in between"
                    .to_owned()
            }
            Self::Request(error) => error.next_step().to_owned(),
            Self::Compose(error) => error.next_step(),
            Self::Engine(error) => error.next_step(),
            Self::NotConfirmed(host) => format!("evenkeel host remove {host} --yes"),
            Self::Declined => "answer `y`, or give --yes".to_owned(),
            Self::Output(_) => "make room, or write somewhere else".to_owned(),
        }
    }
}

/// What to do about a certificate that one of the two does not accept.
const CERTIFICATE: &str = "compare the clocks; if they agree, get a new context file from whoever runs the coordinator \
    (`evenkeel config check --client` shows what the present one says)";

impl RequestError {
    fn next_step(&self) -> &'static str {
        match (self.kind, self.asked) {
            (Kind::NoAnswer, Asked::Deploy | Asked::Rollback) => {
                "whether it was begun is not known: `evenkeel rollouts` tells, before you try again"
            }
            (Kind::NoAnswer, Asked::Abort) => "whether it was heard is not known: `evenkeel rollout show` tells",
            (Kind::NoAnswer, Asked::Token | Asked::Host) => "whether it was done is not known: look, then try again",
            (Kind::NoAnswer, _) if self.tls => CERTIFICATE,
            (Kind::NoAnswer, _) => "try again; if it stays so, look at the coordinator's log",
            (Kind::Troubled, _) => "try again later; the coordinator's log says more",
            (Kind::NotKnown, _) => CERTIFICATE,
            // Its own role, or the coordinator's at a registry: the words above say which.
            (Kind::NotAllowed, Asked::Plan | Asked::Deploy) => {
                "if a registry refuses: give the coordinator credentials for it (`registry_config`); if it is your role: \
                ask an admin; nothing was begun"
            }
            (Kind::NotAllowed, _) => "ask someone with a higher role, or get one (viewer < deployer < admin)",
            (Kind::NotOffered, _) => "upgrade the coordinator, or use the program of its version",
            (Kind::NotFound, Asked::Plan | Asked::Deploy) => {
                "push the image, or correct its name in the Compose file; nothing was begun"
            }
            (Kind::NotNow, Asked::Plan | Asked::Deploy) => {
                "see `evenkeel rollouts` for what goes on and `evenkeel hosts` for labels; nothing was begun"
            }
            (Kind::Malformed, Asked::Plan | Asked::Deploy) => "correct the Compose file; nothing was begun",
            (Kind::NotFound, Asked::Host | Asked::Hosts) => "`evenkeel hosts` lists the hosts there are",
            (Kind::NotFound | Kind::NotNow, Asked::Rollback | Asked::Releases) => {
                "`evenkeel releases` lists the releases there are; nothing was begun"
            }
            (Kind::NotFound, Asked::Status) => "`evenkeel status` lists the apps there are",
            (Kind::NotFound | Kind::NotNow, _) => "`evenkeel rollouts` lists the rollouts there are",
            (Kind::Malformed, _) => "correct the command line (`--help` shows an example)",
        }
    }
}

fn kind_of(code: Code) -> Kind {
    match code {
        Code::NotFound => Kind::NotFound,
        Code::FailedPrecondition | Code::AlreadyExists | Code::Aborted => Kind::NotNow,
        Code::PermissionDenied => Kind::NotAllowed,
        Code::Unauthenticated => Kind::NotKnown,
        Code::InvalidArgument | Code::OutOfRange => Kind::Malformed,
        Code::Unimplemented => Kind::NotOffered,
        // Cancelled and unknown are what the transport makes of its own trouble.
        Code::Cancelled | Code::DeadlineExceeded | Code::Unavailable | Code::Unknown | Code::Ok => Kind::NoAnswer,
        Code::ResourceExhausted | Code::Internal | Code::DataLoss => Kind::Troubled,
    }
}

fn is_refusal(failure: &DialFailure) -> bool {
    matches!(failure, DialFailure::Tls(tls) if refused(tls))
}

/// Whether one side does not accept the other's certificate.
fn refused(tls: &TlsError) -> bool {
    match tls {
        TlsError::PeerRefused(error) => !matches!(error, VerifyError::Unacceptable(_)),
        TlsError::RefusedByPeer(complaint) => !matches!(complaint, Complaint::Other(_)),
        _ => false,
    }
}

fn found<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: Code, message: &str, asked: Asked) -> CliError {
        CliError::of_status(&Status::new(code, message), None, asked)
    }

    #[test]
    fn the_coordinators_words_come_with_what_to_do_next() {
        for (code, asked, next) in [
            (Code::NotFound, Asked::Deploy, "push the image"),
            (Code::FailedPrecondition, Asked::Deploy, "evenkeel rollouts"),
            (Code::NotFound, Asked::Host, "evenkeel hosts"),
            (Code::NotFound, Asked::Rollback, "evenkeel releases"),
            (Code::NotFound, Asked::Rollout, "evenkeel rollouts"),
            (Code::PermissionDenied, Asked::Token, "role"),
            (Code::PermissionDenied, Asked::Deploy, "registry_config"),
            (Code::Unauthenticated, Asked::Status, "config check --client"),
            (Code::InvalidArgument, Asked::Token, "--help"),
            (Code::Internal, Asked::Status, "log"),
        ] {
            let error = of(code, "image app:2 is not in the registry", asked);
            assert_eq!(error.to_string(), "image app:2 is not in the registry");
            assert!(error.next_step().contains(next), "{code:?} {asked:?}: {}", error.next_step());
        }
    }

    #[test]
    fn a_deploy_without_an_answer_may_have_begun() {
        let mut status = Status::new(Code::Unavailable, "broken pipe");
        status.set_source(std::sync::Arc::new(std::io::Error::from(std::io::ErrorKind::BrokenPipe)));
        let error = CliError::of_status(&status, None, Asked::Deploy);
        assert_eq!(error.to_string(), "the coordinator did not answer: broken pipe");
        assert!(error.next_step().contains("not known"), "{}", error.next_step());
        assert_eq!(error.exit(), Exit::NeedsPerson);
    }

    #[test]
    fn what_was_refused_or_only_asked_has_started_nothing() {
        for (code, asked) in [
            (Code::NotFound, Asked::Deploy),
            (Code::Internal, Asked::Rollback),
            (Code::Cancelled, Asked::Plan),
            (Code::Cancelled, Asked::Status),
        ] {
            assert_eq!(of(code, "x", asked).exit(), Exit::Error, "{code:?} {asked:?}");
        }
    }

    #[test]
    fn a_coordinator_that_says_it_can_not_now_has_answered() {
        let error = of(Code::Unavailable, "nothing was begun: image app:2 can't be looked up", Asked::Deploy);
        assert_eq!(error.to_string(), "nothing was begun: image app:2 can't be looked up");
        assert!(error.next_step().starts_with("try again later"), "{}", error.next_step());
        assert!(error.may_pass());
    }

    #[test]
    fn only_trouble_that_may_pass_is_waited_out() {
        for (code, passes) in [
            (Code::Unavailable, true),
            (Code::Unknown, true),
            (Code::Cancelled, true),
            (Code::Internal, true),
            (Code::NotFound, false),
            (Code::PermissionDenied, false),
            (Code::Unauthenticated, false),
            (Code::Unimplemented, false),
        ] {
            assert_eq!(of(code, "x", Asked::Rollout).may_pass(), passes, "{code:?}");
        }
    }

    #[test]
    fn a_silent_status_still_says_something() {
        assert!(of(Code::Internal, "", Asked::Status).to_string().contains("without a reason"));
        assert_eq!(of(Code::Unavailable, " ", Asked::Status).to_string(), "the coordinator did not answer");
    }
}
