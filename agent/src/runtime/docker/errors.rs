//! The engine's refusals as causes. The engine has status codes too few and words too many, so both are read, in one table per kind of call.
//! Not here: what follows from a cause.

use std::time::Duration;

use bollard::errors::Error;

use evenkeel_model::{CauseKind, Failure, Millis};

use crate::runtime::EngineDown;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    /// It did not end in time.
    #[error("no answer within {}", Millis::from(*.limit))]
    Silent { limit: Duration },
    /// It could not be asked, or broke off.
    #[error("{0}")]
    Unreachable(String),
    /// It answered, and the answer is no.
    #[error("{0}")]
    Refused(Refused),
}

/// The engine's no.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refused {
    /// The HTTP status; 0 where it said so in the middle of a stream.
    pub(super) status: u16,
    /// In its words, in one line.
    pub(super) message: String,
}

impl EngineError {
    /// Whether what was asked about is not there.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Refused(Refused { status: 404, .. }))
    }
}

impl From<Error> for EngineError {
    fn from(error: Error) -> Self {
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                Self::Refused(Refused { status: status_code, message: one_line(&message) })
            }
            Error::DockerStreamError { error } => Self::Refused(Refused { status: 0, message: one_line(&error) }),
            Error::RequestTimeoutError => Self::Unreachable("no answer".to_owned()),
            // What it sent makes no sense to us. It does answer, so contact is not lost.
            Error::JsonDataError { message, .. } => {
                Self::Refused(Refused { status: 0, message: format!("an answer that can't be read: {message}") })
            }
            error => Self::Unreachable(chain(&error)),
        }
    }
}

impl From<EngineError> for EngineDown {
    fn from(error: EngineError) -> Self {
        Self { message: error.to_string() }
    }
}

/// Something with the name that is needed is not ours. It is never touched, so a person has to decide.
pub(super) fn taken(what: &str, name: &str) -> Failure {
    let message = format!("the {what} `{name}` exists and is not this app's on this host: rename or remove it");
    Failure::plain(CauseKind::Unstartable, message)
}

/// Where no other table applies: no space has a cause of its own, all else is the engine's trouble.
impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        failure(error, |_, _| None)
    }
}

/// What a failed create means.
pub(super) fn creating(error: EngineError) -> Failure {
    failure(error, |status, _| (400..500).contains(&status).then_some(CauseKind::Unstartable))
}

/// What a failed start means.
pub(super) fn starting(error: EngineError) -> Failure {
    // Without `bind:` it is the container's own address that somebody has, whom the engine does not name.
    const TAKEN: [&str; 2] = ["port is already allocated", "bind: address already in use"];
    const UNSTARTABLE: [&str; 9] = [
        "oci runtime create failed",
        "failed to create shim",
        "failed to create task",
        "executable file not found",
        "no such file or directory",
        "permission denied",
        "unable to find user",
        "not a directory",
        "bind source path does not exist",
    ];
    failure(error, |status, text| {
        if contains(text, &TAKEN) {
            Some(CauseKind::PortTaken)
        } else if contains(text, &UNSTARTABLE) || status == 400 {
            Some(CauseKind::Unstartable)
        } else {
            None
        }
    })
}

/// What a failed pull means. Anything not known for certain to be final is taken to pass: the registry's bad day is not the release's.
pub(super) fn pulling(error: EngineError) -> Failure {
    const ENGINE: [&str; 2] = ["failed to register layer", "error creating temporary lease"];
    const PASSING: [&str; 6] = [
        "toomanyrequests",
        "too many requests",
        "no such host",
        "timeout",
        "unexpected http status: 5",
        "unexpected eof",
    ];
    const DENIED: [&str; 6] =
        ["denied", "unauthorized", "authentication required", "no basic auth", "forbidden", "incorrect username"];
    const ABSENT: [&str; 6] = [
        "manifest unknown",
        "not found",
        "name unknown",
        "does not exist",
        "no matching manifest",
        "invalid reference",
    ];
    const OTHER: [&str; 2] = ["verification failed", "digest mismatch"];
    failure(error, |status, text| {
        Some(if contains(text, &ENGINE) {
            CauseKind::EngineUnavailable
        } else if contains(text, &PASSING) || status == 429 {
            CauseKind::RegistryUnreachable
        } else if contains(text, &OTHER) {
            CauseKind::DigestMismatch
        } else if contains(text, &DENIED) || matches!(status, 401 | 403) {
            CauseKind::ImageDenied
        } else if contains(text, &ABSENT) || status == 404 {
            CauseKind::ImageNotFound
        } else {
            CauseKind::RegistryUnreachable
        })
    })
}

/// `table` gets the status and the text in lower case, after a full disk has been ruled out.
fn failure(error: EngineError, table: impl FnOnce(u16, &str) -> Option<CauseKind>) -> Failure {
    let EngineError::Refused(Refused { status, message }) = error else { return EngineDown::from(error).into() };
    let text = message.to_lowercase();
    let kind = if contains(&text, &["no space left on device", "disk quota exceeded"]) {
        CauseKind::DiskFull
    } else {
        table(status, &text).unwrap_or(CauseKind::EngineUnavailable)
    };
    Failure::plain(kind, message)
}

fn contains(text: &str, any: &[&str]) -> bool {
    any.iter().any(|words| text.contains(words))
}

/// Engines wrap long errors over lines; a failure's message is one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An error with what caused it: the client's outermost words alone say nothing.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, message: &str) -> EngineError {
        EngineError::Refused(Refused { status, message: message.to_owned() })
    }

    #[test]
    fn pulls_fail_for_causes_of_their_own() {
        // The texts are what engines and registries said.
        let table = [
            (
                404,
                "manifest for r/app@sha256:ab not found: manifest unknown: manifest unknown",
                CauseKind::ImageNotFound,
            ),
            (
                404,
                "pull access denied for app, repository does not exist or may require 'docker login'",
                CauseKind::ImageDenied,
            ),
            (
                500,
                "Head \"https://r/v2/app/manifests/1\": unauthorized: authentication required",
                CauseKind::ImageDenied,
            ),
            (500, "error parsing HTTP 403 response body: denied: User is not authorized", CauseKind::ImageDenied),
            (
                500,
                "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
                CauseKind::RegistryUnreachable,
            ),
            (
                500,
                "Get \"https://r.invalid/v2/\": dial tcp: lookup r.invalid: no such host",
                CauseKind::RegistryUnreachable,
            ),
            (500, "received unexpected HTTP status: 503 Service Unavailable", CauseKind::RegistryUnreachable),
            (500, "toomanyrequests: You have reached your pull rate limit", CauseKind::RegistryUnreachable),
            (0, "unexpected EOF", CauseKind::RegistryUnreachable),
            (0, "net/http: TLS handshake timeout", CauseKind::RegistryUnreachable),
            (0, "failed to register layer: ApplyLayer: open /x: permission denied", CauseKind::EngineUnavailable),
            (0, "failed to register layer: write /x: no space left on device", CauseKind::DiskFull),
            (0, "filesystem layer verification failed for digest sha256:ab", CauseKind::DigestMismatch),
        ];
        for (status, text, kind) in table {
            assert_eq!(pulling(refused(status, text)).kind, kind, "{status} {text}");
        }
    }

    #[test]
    fn starts_fail_for_causes_of_their_own() {
        let table = [
            (
                500,
                "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated",
                CauseKind::PortTaken,
            ),
            (
                500,
                "Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use",
                CauseKind::PortTaken,
            ),
            (
                400,
                "OCI runtime create failed: exec: \"/nope\": stat /nope: no such file or directory: unknown",
                CauseKind::Unstartable,
            ),
            (403, "Address already in use", CauseKind::EngineUnavailable),
            (500, "failed to create shim: mkdir /run/x: no space left on device", CauseKind::DiskFull),
            (500, "could not find an available, non-overlapping IPv4 address pool", CauseKind::EngineUnavailable),
        ];
        for (status, text, kind) in table {
            assert_eq!(starting(refused(status, text)).kind, kind, "{status} {text}");
        }
        assert_eq!(creating(refused(400, "invalid mount config")).kind, CauseKind::Unstartable);
        assert_eq!(creating(refused(500, "trouble")).kind, CauseKind::EngineUnavailable);
    }

    #[test]
    fn an_engine_that_is_silent_or_away_is_no_ones_fault_but_its_own() {
        for table in [creating, starting, pulling] {
            let silent = EngineError::Silent { limit: Duration::from_secs(20) };
            let failure = table(silent);
            assert_eq!(failure.kind, CauseKind::EngineUnavailable);
            assert_eq!(failure.message, "the engine does not answer: no answer within 20s");
            assert_eq!(table(EngineError::Unreachable("x".to_owned())).kind, CauseKind::EngineUnavailable);
        }
    }
}
