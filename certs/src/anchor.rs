//! The authority as those see it who trust it: does a certificate chain to it, is it valid now, and whose is it? Not here:
//! the authority's key (`authority.rs`), and the handshake (`tls/`).

use std::sync::Arc;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError as Refused, OtherError, RootCertStore};

use evenkeel_model::{Digest, FleetName, UnixMillis};

use crate::certificate::{self, CertificateError, Facts};
use crate::identity::{Identity, IdentityError};
use crate::time_source::{Utc, from_tls, to_tls};

/// Why a certificate cannot serve as a fleet's authority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// It is not one readable certificate.
    #[error("the authority's certificate cannot be read")]
    Certificate(#[source] CertificateError),
    /// It is a certificate, but of a host, an operator or a coordinator.
    #[error("the certificate is not an authority's: it may not sign others")]
    NotAnAuthority,
    /// It was made by something else than Evenkeel.
    #[error("the authority's certificate does not name its fleet (one URI, `spiffe://<fleet>`)")]
    NoFleet,
}

/// Why a peer's certificate is not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VerifyError {
    /// Its time is over.
    #[error("the certificate expired at {}, and the clock here says {}", Utc(.not_after), Utc(.now))]
    Expired {
        /// Its last moment.
        not_after: UnixMillis,
        /// The time here.
        now: UnixMillis,
    },
    /// Its time has not come: most likely one of the two clocks is wrong.
    #[error("the certificate is not valid before {}, and the clock here says {}", Utc(.not_before), Utc(.now))]
    NotYetValid {
        /// Its first moment.
        not_before: UnixMillis,
        /// The time here.
        now: UnixMillis,
    },
    /// The authority itself has expired: the fleet needs a new one.
    #[error("the fleet's authority expired at {}, and the clock here says {}", Utc(.not_after), Utc(.now))]
    AuthorityExpired {
        /// Its last moment.
        not_after: UnixMillis,
        /// The time here.
        now: UnixMillis,
    },
    /// Signed by someone else, whatever name that one gave itself.
    #[error("the certificate was issued by another authority than the one trusted here")]
    OtherAuthority,
    /// None of the certificates that the server sent has the fingerprint of the join token.
    #[error(
        "the server does not show the authority with the fingerprint {expected}: wrong address or another fleet's token"
    )]
    OtherFingerprint {
        /// The fingerprint of the join token.
        expected: Digest,
    },
    /// The authority is the right one, but the name is of another fleet.
    #[error("the certificate is for {found}, which is not in the fleet {expected}")]
    OtherFleet {
        /// The fleet of the authority.
        expected: FleetName,
        /// Whose the certificate is.
        found: Identity,
    },
    /// A host or an operator where only the coordinator may answer.
    #[error("the certificate is for {found}, and only the coordinator may answer here")]
    NotTheCoordinator {
        /// Whose the certificate is.
        found: Identity,
    },
    /// It does not say whose it is.
    #[error("the certificate names no holder")]
    NoIdentity(#[source] IdentityError),
    /// Shown as a server or as a client without being made for that, or damaged.
    #[error("the certificate is not acceptable")]
    Unacceptable(#[source] rustls::Error),
}

/// As what a certificate is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Server,
    Client,
}

/// The certificate of an authority that is trusted.
#[derive(Debug)]
pub(crate) struct Anchor {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) fleet: FleetName,
    pub(crate) fingerprint: Digest,
    pub(crate) not_after: UnixMillis,
    pub(crate) public_key: Digest,
    roots: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
    provider: Arc<CryptoProvider>,
}

impl Anchor {
    pub(crate) fn from_pem(text: &str) -> Result<Self, AnchorError> {
        Self::from_der(certificate::from_pem(text).map_err(AnchorError::Certificate)?)
    }

    pub(crate) fn from_der(der: CertificateDer<'static>) -> Result<Self, AnchorError> {
        let facts = Facts::read(&der).map_err(AnchorError::Certificate)?;
        if !facts.is_authority {
            return Err(AnchorError::NotAnAuthority);
        }
        let [uri] = facts.uris.as_slice() else { return Err(AnchorError::NoFleet) };
        let fleet = uri.strip_prefix("spiffe://").and_then(|fleet| fleet.parse().ok()).ok_or(AnchorError::NoFleet)?;
        let mut roots = RootCertStore::empty();
        roots.add(der.clone()).map_err(|_| AnchorError::Certificate(CertificateError::Unreadable))?;
        let (roots, provider) = (Arc::new(roots), Arc::new(rustls::crypto::ring::default_provider()));
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
            .build()
            .expect("there is a root, and no revocation list that could be unreadable");
        Ok(Self {
            fleet,
            fingerprint: Digest::of(&der),
            not_after: facts.not_after,
            public_key: facts.public_key,
            der,
            roots,
            clients,
            provider,
        })
    }

    /// Whose certificate this is, if it was signed by this authority itself (there are no intermediate authorities, so
    /// whatever else a peer sends is not looked at), is for the purpose, valid now, and of this fleet.
    pub(crate) fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        purpose: Purpose,
        now: UnixMillis,
    ) -> Result<Identity, VerifyError> {
        // The library takes a root for valid at any time.
        if now > self.not_after {
            return Err(VerifyError::AuthorityExpired { not_after: self.not_after, now });
        }
        let identity = Identity::from_certificate(leaf);
        self.chain(leaf, purpose, now).map_err(|error| match (error, &identity) {
            (
                rustls::Error::InvalidCertificate(Refused::InvalidPurpose | Refused::InvalidPurposeContext { .. }),
                Ok(found),
            ) if purpose == Purpose::Server => VerifyError::NotTheCoordinator { found: found.clone() },
            (error, _) => VerifyError::from_tls(error),
        })?;
        let found = identity.map_err(VerifyError::NoIdentity)?;
        if *found.fleet() == self.fleet {
            Ok(found)
        } else {
            Err(VerifyError::OtherFleet { expected: self.fleet.clone(), found })
        }
    }

    /// That it is the certificate of this fleet's coordinator.
    pub(crate) fn verify_coordinator(&self, leaf: &CertificateDer<'_>, now: UnixMillis) -> Result<(), VerifyError> {
        match self.verify(leaf, Purpose::Server, now)? {
            Identity::Coordinator { .. } => Ok(()),
            found => Err(VerifyError::NotTheCoordinator { found }),
        }
    }

    fn chain(&self, leaf: &CertificateDer<'_>, purpose: Purpose, now: UnixMillis) -> Result<(), rustls::Error> {
        match purpose {
            Purpose::Client => self.clients.verify_client_cert(leaf, &[], to_tls(now)).map(drop),
            Purpose::Server => verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(leaf)?,
                &self.roots,
                &[],
                to_tls(now),
                self.provider.signature_verification_algorithms.all,
            ),
        }
    }
}

impl VerifyError {
    /// From what the library found, and from what [`VerifyError::into_tls`] handed to it.
    pub(crate) fn from_tls(error: rustls::Error) -> Self {
        let rustls::Error::InvalidCertificate(refused) = error else { return Self::Unacceptable(error) };
        match refused {
            Refused::ExpiredContext { time, not_after } => {
                Self::Expired { not_after: from_tls(not_after), now: from_tls(time) }
            }
            Refused::NotValidYetContext { time, not_before } => {
                Self::NotYetValid { not_before: from_tls(not_before), now: from_tls(time) }
            }
            // An authority of the same name but with another key shows as a bad signature.
            Refused::UnknownIssuer | Refused::BadSignature => Self::OtherAuthority,
            Refused::Other(OtherError(other)) => match other.downcast_ref::<Self>() {
                Some(ours) => ours.clone(),
                None => Self::Unacceptable(rustls::Error::InvalidCertificate(Refused::Other(OtherError(other)))),
            },
            refused => Self::Unacceptable(rustls::Error::InvalidCertificate(refused)),
        }
    }

    /// For the library, so that the peer gets the alert that says most.
    pub(crate) fn into_tls(self) -> rustls::Error {
        let refused = match self {
            Self::Expired { not_after, now } => {
                Refused::ExpiredContext { time: to_tls(now), not_after: to_tls(not_after) }
            }
            Self::NotYetValid { not_before, now } => {
                Refused::NotValidYetContext { time: to_tls(now), not_before: to_tls(not_before) }
            }
            Self::OtherAuthority => Refused::UnknownIssuer,
            Self::Unacceptable(error) => return error,
            ours => Refused::Other(OtherError(Arc::new(ours))),
        };
        rustls::Error::InvalidCertificate(refused)
    }
}
