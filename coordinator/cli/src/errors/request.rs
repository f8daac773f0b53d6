//! What the coordinator's refusals and silences mean, and what comes next. The one file that names gRPC's status codes. Not here: what never
//! got as far as the coordinator (`errors.rs`).

use std::error::Error as _;

use tonic::{Code, Status};

use evenkeel_certs::{Complaint, TlsError, VerifyError};

use crate::dial::{Chain, DialFailure};

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
    /// To pause, resume or promote one.
    Word,
    Approve,
    Abort,
    Freeze,
    Operator,
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
    /// Things are not as they were when they were looked at.
    Changed,
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
    pub(super) kind: Kind,
    message: String,
    pub(super) asked: Asked,
    /// TLS's own words, if it was TLS.
    tls: bool,
}

/// What to do about a certificate that one of the two does not accept.
pub(super) const CERTIFICATE: &str = "compare the clocks; if they agree, get a new context file from whoever runs the coordinator \
    (`evenkeel config check --client` shows what the present one says)";

impl RequestError {
    pub(super) fn new(kind: Kind, message: String, asked: Asked) -> Self {
        Self { kind, message, asked, tls: false }
    }

    pub(super) fn of_tls(kind: Kind, fault: &TlsError, asked: Asked) -> Self {
        Self { tls: true, ..Self::new(kind, Chain(fault).to_string(), asked) }
    }

    /// As the coordinator, or the transport, says it.
    pub(super) fn of_status(status: &Status, asked: Asked) -> Self {
        let said = status.message().trim();
        let kind = match kind_of(status.code()) {
            // The transport gives the cause of its own trouble: without one, these are the coordinator's words. It did answer.
            Kind::NoAnswer if status.code() == Code::Unavailable && status.source().is_none() && !said.is_empty() => {
                Kind::Troubled
            }
            kind => kind,
        };
        let message = match kind {
            Kind::NoAnswer if said.is_empty() => "the coordinator did not answer".to_owned(),
            Kind::NoAnswer => format!("the coordinator did not answer: {said}"),
            Kind::NotOffered => "the coordinator does not know this verb: it is older than this program".to_owned(),
            _ if said.is_empty() => {
                format!("the coordinator answers `{}` without a reason", status.code().description())
            }
            _ => said.to_owned(),
        };
        Self::new(kind, message, asked)
    }

    pub(super) fn may_pass(&self) -> bool {
        matches!(self.kind, Kind::NoAnswer | Kind::Troubled)
    }

    pub(super) fn next_step(&self) -> &'static str {
        match self.kind {
            Kind::NoAnswer => self.after_silence(),
            Kind::Troubled => "try again later; the coordinator's log says more",
            Kind::NotKnown => CERTIFICATE,
            Kind::NotAllowed => self.after_denial(),
            Kind::NotOffered => "upgrade the coordinator, or use the program of its version",
            Kind::Changed if self.asked == Asked::Deploy => {
                "look at what would be done now: `evenkeel plan`; nothing was begun"
            }
            Kind::NotFound | Kind::NotNow | Kind::Changed => self.after_refusal(),
            Kind::Malformed => match self.asked {
                Asked::Plan | Asked::Deploy => "correct the Compose file; nothing was begun",
                _ => "correct the command line (`--help` shows an example)",
            },
        }
    }

    /// Whether it was done is not known, where something was to be done.
    fn after_silence(&self) -> &'static str {
        match self.asked {
            Asked::Deploy | Asked::Rollback => {
                "whether it was begun is not known: `evenkeel rollouts` tells, before you try again"
            }
            Asked::Abort | Asked::Word | Asked::Approve => {
                "whether it was heard is not known: `evenkeel rollout show` tells"
            }
            Asked::Freeze => "whether it was done is not known: `evenkeel freeze ls` tells",
            Asked::Operator => {
                "whether it was done is not known: `evenkeel operator ls` tells; one that is added again \
                gets a new certificate"
            }
            Asked::Token | Asked::Host => "whether it was done is not known: look, then try again",
            _ if self.tls => CERTIFICATE,
            _ => "try again; if it stays so, look at the coordinator's log",
        }
    }

    fn after_denial(&self) -> &'static str {
        match self.asked {
            // Its own role, or the coordinator's at a registry: the words above say which.
            Asked::Plan | Asked::Deploy => {
                "if a registry refuses: give the coordinator credentials for it (`registry_config`); if it is your role: \
                ask an admin; nothing was begun"
            }
            Asked::Approve => "somebody else has to approve it, who is approver or admin: `evenkeel operator ls`",
            _ => "ask someone with a higher role, or get one (viewer < deployer < approver < admin)",
        }
    }

    fn after_refusal(&self) -> &'static str {
        match (self.kind, self.asked) {
            (Kind::NotFound, Asked::Plan | Asked::Deploy) => {
                "push the image, or correct its name in the Compose file; nothing was begun"
            }
            (_, Asked::Plan | Asked::Deploy) => {
                "see `evenkeel rollouts` for what goes on (--queue begins after it, --supersede takes over), \
                `evenkeel freeze ls` for freezes and `evenkeel hosts` for labels; nothing was begun"
            }
            (Kind::NotFound, Asked::Host | Asked::Hosts) => "`evenkeel hosts` lists the hosts there are",
            (_, Asked::Rollback | Asked::Releases) => {
                "`evenkeel releases` lists the releases there are; nothing was begun"
            }
            (Kind::NotFound, Asked::Status) => "`evenkeel status` lists the apps there are",
            (Kind::NotNow, Asked::Word | Asked::Approve | Asked::Abort) => {
                "`evenkeel rollout show` tells what it does and what it waits for"
            }
            (_, Asked::Freeze) => "`evenkeel freeze ls` lists the freezes that are in force",
            (_, Asked::Operator) => "`evenkeel operator ls` lists the operators there are",
            _ => "`evenkeel rollouts` lists the rollouts there are",
        }
    }
}

fn kind_of(code: Code) -> Kind {
    match code {
        Code::NotFound => Kind::NotFound,
        Code::FailedPrecondition | Code::AlreadyExists => Kind::NotNow,
        Code::Aborted => Kind::Changed,
        Code::PermissionDenied => Kind::NotAllowed,
        Code::Unauthenticated => Kind::NotKnown,
        Code::InvalidArgument | Code::OutOfRange => Kind::Malformed,
        Code::Unimplemented => Kind::NotOffered,
        // Cancelled and unknown are what the transport makes of its own trouble.
        Code::Cancelled | Code::DeadlineExceeded | Code::Unavailable | Code::Unknown | Code::Ok => Kind::NoAnswer,
        Code::ResourceExhausted | Code::Internal | Code::DataLoss => Kind::Troubled,
    }
}

pub(super) fn is_refusal(failure: &DialFailure) -> bool {
    matches!(failure, DialFailure::Tls(tls) if refused(tls))
}

/// Whether one side does not accept the other's certificate.
pub(super) fn refused(tls: &TlsError) -> bool {
    match tls {
        TlsError::PeerRefused(error) => !matches!(error, VerifyError::Unacceptable(_)),
        TlsError::RefusedByPeer(complaint) => !matches!(complaint, Complaint::Other(_)),
        _ => false,
    }
}
