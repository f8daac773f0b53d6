//! How rustls asks whether a peer's certificate is good. Not here: the answer (`anchor.rs`).

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use evenkeel_model::Digest;

use crate::anchor::{Anchor, Purpose, VerifyError};
use crate::time_source::from_tls;

/// Lets in clients that show no certificate (they may enrol, and nothing else), and those with one of this authority.
#[derive(Debug)]
pub(super) struct OfThisFleet {
    anchor: Arc<Anchor>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Accepts the coordinator of this authority's fleet.
///
/// The name that was dialled is not compared: a coordinator is reached under names and addresses that it does not know
/// itself (load balancer, NAT, a new machine after a restore), and this authority signs for no coordinator but the fleet's.
#[derive(Debug)]
pub(super) struct TheCoordinator {
    trusted: Trusted,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Whom a client trusts.
#[derive(Debug)]
enum Trusted {
    /// An authority that it has the certificate of.
    Anchor(Arc<Anchor>),
    /// The authority with this fingerprint, if the server shows it.
    Fingerprint(Digest),
}

impl OfThisFleet {
    pub(super) fn new(anchor: &Arc<Anchor>) -> Self {
        Self { anchor: Arc::clone(anchor), algorithms: algorithms() }
    }
}

impl TheCoordinator {
    pub(super) fn of(anchor: &Arc<Anchor>) -> Self {
        Self { trusted: Trusted::Anchor(Arc::clone(anchor)), algorithms: algorithms() }
    }

    pub(super) fn by_fingerprint(fingerprint: Digest) -> Self {
        Self { trusted: Trusted::Fingerprint(fingerprint), algorithms: algorithms() }
    }
}

/// The authority with this fingerprint among the certificates that a server showed.
pub(super) fn shown_authority(fingerprint: &Digest, shown: &[CertificateDer<'_>]) -> Result<Anchor, VerifyError> {
    shown
        .iter()
        .find(|der| Digest::of(der) == *fingerprint)
        .and_then(|der| Anchor::from_der(der.clone().into_owned()).ok())
        .ok_or_else(|| VerifyError::OtherFingerprint { expected: fingerprint.clone() })
}

impl ServerCertVerifier for TheCoordinator {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let now = from_tls(now);
        let verified = match &self.trusted {
            Trusted::Anchor(anchor) => anchor.verify_coordinator(end_entity, now),
            Trusted::Fingerprint(fingerprint) => shown_authority(fingerprint, intermediates)
                .and_then(|anchor| anchor.verify_coordinator(end_entity, now)),
        };
        verified.map(|()| ServerCertVerified::assertion()).map_err(VerifyError::into_tls)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(not_offered())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for OfThisFleet {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// No hints: a client with a certificate of another authority must show it and be told, not be taken for one that has
    /// none.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.anchor.verify(end_entity, Purpose::Client, from_tls(now));
        verified.map(|_| ClientCertVerified::assertion()).map_err(VerifyError::into_tls)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(not_offered())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    ring::default_provider().signature_verification_algorithms
}

fn not_offered() -> Error {
    Error::General("TLS 1.2 is not offered".to_owned())
}
