//! All that can go wrong before or beside a rollout, each with what to do next. Not here: what the coordinator's refusals mean
//! (`errors/request.rs`), how a rollout ended (`exit.rs`).

use std::error::Error;

use tonic::Status;

use evenkeel_certs::{CredentialsError, Identity, RequestError as KeyError, TlsError};
use evenkeel_model::UnixMillis;
use evenkeel_simulate::SimulateError;

use crate::compose_file::ComposeFileError;
use crate::context::ContextError;
use crate::dial::{Chain, DialError};
use crate::engine::EngineError;
use crate::exit::Exit;
use crate::format::moment;

mod request;

pub(crate) use request::{Asked, RequestError};

use request::{CERTIFICATE, Kind, is_refusal, refused};

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
    #[error("{subject} would be removed from the fleet, and there is nobody to confirm it")]
    NotConfirmed {
        /// Who would be.
        subject: String,
        /// What does not ask.
        command: String,
    },
    #[error("nothing was changed")]
    Declined,
    #[error("a rollout's number says which one it is, and --environment says it too")]
    NumberAndEnvironment,
    #[error("{} has passed", moment(*.0))]
    Passed(UnixMillis),
    #[error("{}", Chain(.0))]
    Key(#[from] KeyError),
    #[error("the certificate that the coordinator gave cannot be used: {}", Chain(.0))]
    Certificate(#[source] Box<CredentialsError>),
    #[error("the coordinator gave a certificate for {0}, and another one was asked for")]
    OtherCertificate(Box<Identity>),
    #[error("{}", all_problems(.0))]
    Simulate(#[from] SimulateError),
    #[error("the output cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

impl CliError {
    /// From a request's status, and why the wire broke if it did.
    pub(crate) fn of_status(status: &Status, fault: Option<TlsError>, asked: Asked) -> Self {
        if let Some(error) = found::<DialError>(status) {
            return Self::Unreachable(error.clone());
        }
        let error = RequestError::of_status(status, asked);
        // What the coordinator itself answered counts more than what befell an earlier wire.
        match fault.filter(|_| error.may_pass()) {
            Some(fault) => Self::of_fault(&fault, asked),
            None => Self::Request(error),
        }
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
        Self::Request(RequestError::new(Kind::NoAnswer, message, asked))
    }

    fn of_fault(fault: &TlsError, asked: Asked) -> Self {
        let kind = if refused(fault) { Kind::NotKnown } else { Kind::NoAnswer };
        Self::Request(RequestError::of_tls(kind, fault, asked))
    }

    /// A request that got no answer in its time.
    pub(crate) fn too_slow(asked: Asked, seconds: u64) -> Self {
        let message = format!("the coordinator did not answer within {seconds} s");
        Self::Request(RequestError::new(Kind::NoAnswer, message, asked))
    }

    /// A stream that the coordinator ended before its rollout had.
    pub(crate) fn stream_ended() -> Self {
        let message = "the coordinator ended the stream".to_owned();
        Self::Request(RequestError::new(Kind::NoAnswer, message, Asked::Rollout))
    }

    /// Whether the same request may succeed later without anybody doing anything.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(error) => !error.failures().iter().any(|(_, failure)| is_refusal(failure)),
            Self::Request(error) => error.may_pass(),
            _ => false,
        }
    }

    /// With which code the verb ends. An order that may have been heard has not "started nothing": somebody has to look.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Request(RequestError { kind: Kind::NoAnswer, asked: Asked::Deploy | Asked::Rollback, .. }) => {
                Exit::NeedsPerson
            }
            Self::NumberAndEnvironment | Self::Passed(_) | Self::Simulate(SimulateError::Settings { .. }) => {
                Exit::Usage
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
            Self::NotConfirmed { command, .. } => command.clone(),
            Self::Declined => "answer `y`, or give --yes".to_owned(),
            Self::NumberAndEnvironment => "leave --environment away, or name the app instead of the number".to_owned(),
            Self::Passed(_) => "name a moment that lies ahead, or give --for DURATION".to_owned(),
            Self::Key(_) => "try again; nothing was asked of the coordinator".to_owned(),
            Self::Certificate(_) => {
                "compare this machine's clock with the coordinator's, then add the operator again: \
                that gives it a new certificate"
                    .to_owned()
            }
            Self::OtherCertificate(_) => {
                "nothing was written; look at the coordinator's log, and at `evenkeel operator ls`".to_owned()
            }
            Self::Simulate(SimulateError::Settings { .. }) => {
                "correct the options: `evenkeel simulate --help` shows how they are written".to_owned()
            }
            Self::Simulate(SimulateError::Begin(_)) => {
                "correct the Compose file's `x-rollout`, or imagine other hosts".to_owned()
            }
            Self::Simulate(SimulateError::Defect { .. }) => {
                "report it, with the Compose file's `x-rollout` and this command line".to_owned()
            }
            Self::Output(_) => "make room, or write somewhere else".to_owned(),
        }
    }
}

/// One problem a line.
fn all_problems(error: &SimulateError) -> String {
    match error {
        SimulateError::Settings { problems } => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        other => Chain(other).to_string(),
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
mod tests;
