//! How a request can be lost, and how that is told from an error.

use std::error::Error;
use std::fmt;
use std::io;

/// What became of a request that was not answered rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The connection was refused.
    Refused,
    /// The connection was reset before an answer.
    Reset,
    /// The connection ended before an answer.
    Eof,
    /// Nothing came in time.
    Timeout,
    /// An answer with a status that says no.
    BadStatus,
    /// An answer that is not the one asked for.
    WrongBody,
    /// The answer began, and did not end.
    MidBody,
    /// Anything else; the detail says what.
    Other,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Eof => "eof",
            Self::Timeout => "timeout",
            Self::BadStatus => "bad_status",
            Self::WrongBody => "wrong_body",
            Self::MidBody => "mid_body",
            Self::Other => "other",
        }
    }
}

/// A lost request.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// From an error before the answer began.
    pub(crate) fn before_answer(error: &(dyn Error + 'static)) -> Self {
        Self::new(kind_of(error), chain(error))
    }

    /// From an error in the answer's body.
    pub(crate) fn in_body(error: &(dyn Error + 'static)) -> Self {
        Self::new(Kind::MidBody, chain(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

fn kind_of(error: &(dyn Error + 'static)) -> Kind {
    causes(error).find_map(known).unwrap_or(Kind::Other)
}

fn known(error: &(dyn Error + 'static)) -> Option<Kind> {
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return (error.is_incomplete_message() || error.is_canceled()).then_some(Kind::Eof);
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::ConnectionRefused => Some(Kind::Refused),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            Some(Kind::Reset)
        }
        io::ErrorKind::UnexpectedEof => Some(Kind::Eof),
        io::ErrorKind::TimedOut => Some(Kind::Timeout),
        _ => None,
    }
}

/// The error with all it was caused by.
fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}
