//! A certificate with its key and the authority it belongs to: what one party shows in handshakes, and what it checks the
//! other by. Not here: files, and the exchange for newer ones (`store.rs`).

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use evenkeel_model::{Digest, Millis, UnixMillis};

use crate::anchor::{Anchor, AnchorError, Purpose, VerifyError};
use crate::authority::CLOCK_SKEW;
use crate::certificate::{self, CertificateError, Facts};
use crate::identity::{Identity, IdentityError};

/// Why three texts are no credentials, or why peers would refuse them.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CredentialsError {
    /// The certificate's text.
    #[error("the certificate cannot be read")]
    Certificate(#[source] CertificateError),
    /// The certificate's names.
    #[error("the certificate does not say whose it is")]
    Identity(#[source] IdentityError),
    /// The authority's text.
    #[error("the authority of the certificate is unusable")]
    Authority(#[source] AnchorError),
    /// Without a cause: that could quote the key.
    #[error("the private key cannot be read: expected one in PEM form (`-----BEGIN PRIVATE KEY-----`)")]
    Key,
    /// A key and a certificate of two different makings.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// As a peer would say it.
    #[error("peers would refuse the certificate of {identity}")]
    Refused {
        /// Whose it is.
        identity: Identity,
        /// Why they would.
        #[source]
        source: Box<VerifyError>,
    },
}

/// A certificate, its private key and the authority's certificate. The three are known to be readable, and key and
/// certificate to belong together; whether peers accept them now is what [`Credentials::validate`] tells.
#[derive(Clone)]
pub struct Credentials {
    certificate_pem: String,
    key_pem: String,
    authority_pem: String,
    identity: Identity,
    not_before: UnixMillis,
    not_after: UnixMillis,
    public_key: Digest,
    anchor: Arc<Anchor>,
    certified: CertifiedKey,
}

impl Credentials {
    /// From the three PEM texts: the certificate alone (no chain), its private key, and the authority's certificate.
    pub fn new(certificate_pem: &str, key_pem: &str, authority_pem: &str) -> Result<Self, CredentialsError> {
        let leaf = certificate::from_pem(certificate_pem).map_err(CredentialsError::Certificate)?;
        let facts = Facts::read(&leaf).map_err(CredentialsError::Certificate)?;
        let identity = facts.identity().map_err(CredentialsError::Identity)?;
        let anchor = Anchor::from_pem(authority_pem).map_err(CredentialsError::Authority)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| CredentialsError::Key)?;
        let certified = CertifiedKey::from_der(vec![leaf], key, &default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => CredentialsError::KeyMismatch,
            _ => CredentialsError::Key,
        })?;
        Ok(Self {
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.to_owned(),
            authority_pem: authority_pem.to_owned(),
            identity,
            not_before: facts.not_before,
            not_after: facts.not_after,
            public_key: facts.public_key,
            anchor: Arc::new(anchor),
            certified,
        })
    }

    /// Checks them as a peer would: issued by the authority, for its fleet, for what the identity does, and valid now.
    pub fn validate(&self, now: UnixMillis) -> Result<(), CredentialsError> {
        let checked = match self.identity {
            Identity::Coordinator { .. } => self.anchor.verify_coordinator(self.leaf(), now),
            Identity::Host { .. } | Identity::Operator { .. } => {
                self.anchor.verify(self.leaf(), Purpose::Client, now).map(drop)
            }
        };
        checked
            .map_err(|source| CredentialsError::Refused { identity: self.identity.clone(), source: Box::new(source) })
    }

    /// The certificate in PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key in PEM: for the owner's file and nothing else.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The authority's certificate in PEM.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// SHA-256 of the authority's certificate (DER), by which [`ClientTls::enrolment`](crate::ClientTls::enrolment) finds
    /// the same coordinator again when the certificate has expired.
    pub fn authority_fingerprint(&self) -> &Digest {
        &self.anchor.fingerprint
    }

    /// Digest of the public key, as [`public_key_digest`](crate::public_key_digest) tells it of a request.
    pub fn public_key(&self) -> &Digest {
        &self.public_key
    }

    /// Whose they are.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The first moment of validity: [`CLOCK_SKEW`] before they were made.
    pub fn not_before(&self) -> UnixMillis {
        self.not_before
    }

    /// The last moment of validity.
    pub fn not_after(&self) -> UnixMillis {
        self.not_after
    }

    /// When to get new ones: at half-life, counted from when they were made. The skew allowance is left out, or short-lived
    /// ones would be renewed without end.
    pub fn renew_at(&self) -> UnixMillis {
        let made = (self.not_before + CLOCK_SKEW).min(self.not_after);
        made + Millis(self.not_after.since(made).0 / 2)
    }

    pub(crate) fn leaf(&self) -> &CertificateDer<'static> {
        &self.certified.cert[0]
    }

    pub(crate) fn anchor(&self) -> &Arc<Anchor> {
        &self.anchor
    }

    /// Key and certificate alone: the server has the authority already.
    pub(crate) fn shown_by_client(&self) -> CertifiedKey {
        self.certified.clone()
    }

    /// With the authority behind the certificate: a host that joins knows only its fingerprint.
    pub(crate) fn shown_by_server(&self) -> CertifiedKey {
        let chain = vec![self.leaf().clone(), self.anchor.der.clone()];
        CertifiedKey::new(chain, Arc::clone(&self.certified.key))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("identity", &self.identity)
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .field("authority", &self.anchor.fingerprint)
            .finish_non_exhaustive()
    }
}
