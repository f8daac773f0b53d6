//! Why there is no secure connection, in words that an operator can act upon. Not here: why one certificate is refused
//! ([`VerifyError`]).

use std::error::Error;
use std::fmt;
use std::io;

use rustls::{AlertDescription, InvalidMessage};

use evenkeel_model::Millis;

use crate::anchor::VerifyError;

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The peer was silent or too slow.
    #[error("the peer did not finish the TLS handshake within {0}")]
    TimedOut(Millis),
    /// Plain text, or another protocol.
    #[error("the peer does not speak TLS: check the port, and that nothing in between ends TLS")]
    NotTls,
    /// TLS, but for something else than gRPC.
    #[error("the peer does not speak HTTP/2 (no `h2` in its ALPN)")]
    NotHttp2,
    /// We refuse the peer's certificate.
    #[error("the peer's certificate is refused")]
    PeerRefused(#[source] VerifyError),
    /// The peer refuses ours.
    #[error("the peer ended the TLS handshake: {0}")]
    RefusedByPeer(Complaint),
    /// The two could not agree, such as on the version.
    #[error("the TLS handshake failed")]
    Handshake(#[source] rustls::Error),
    /// The connection broke.
    #[error("the connection was lost in the TLS handshake")]
    Lost(#[source] io::Error),
}

/// What a peer says of us when it ends a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Complaint {
    /// Of our certificate's time.
    NotValidNow,
    /// Of our certificate's issuer.
    OtherAuthority,
    /// Of our certificate in another way, such as the wrong holder; the peer's log says which.
    Certificate,
    /// Anything else, as TLS names it.
    Other(String),
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotValidNow => f.write_str(
                "it takes this side's certificate for expired or not yet valid (compare the clocks, or enrol again)",
            ),
            Self::OtherAuthority => {
                f.write_str("this side's certificate was issued by another authority than the one that it trusts")
            }
            Self::Certificate => f.write_str("it does not accept this side's certificate (its log says why)"),
            Self::Other(alert) => write!(f, "it sent the alert {alert}"),
        }
    }
}

impl TlsError {
    /// Finds what TLS had to say in an error of a connection that was in use, or of anything that was caused by one. The
    /// server checks a client's certificate after the client has finished its own part: a refusal reaches the client only
    /// when it reads.
    pub fn found_in(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Some(Self::from_tls(tls.clone()));
            }
            // An I/O error skips what it wraps when it is asked for its source.
            next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(wrapped) => Some(wrapped),
                None => error.source(),
            };
        }
        None
    }

    /// Of an error that ended a handshake.
    pub(super) fn from_handshake(error: io::Error) -> Self {
        Self::found_in(&error).unwrap_or(Self::Lost(error))
    }

    fn from_tls(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(_) => Self::PeerRefused(VerifyError::from_tls(error)),
            rustls::Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Self::NotTls,
            rustls::Error::NoApplicationProtocol
            | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => Self::NotHttp2,
            rustls::Error::AlertReceived(alert) => Self::RefusedByPeer(match alert {
                AlertDescription::CertificateExpired => Complaint::NotValidNow,
                AlertDescription::UnknownCA => Complaint::OtherAuthority,
                AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateRequired
                | AlertDescription::AccessDenied
                | AlertDescription::DecryptError => Complaint::Certificate,
                other => Complaint::Other(format!("{other:?}")),
            }),
            error => Self::Handshake(error),
        }
    }
}
