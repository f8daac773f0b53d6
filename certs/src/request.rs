//! A key made where it is used, and the request that has it certified. Not here: what the authority grants for it
//! (`authority.rs`), which is never what a request asks for.

use std::fmt;

use rcgen::{
    CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData, SubjectPublicKeyInfo,
};
use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use evenkeel_model::Digest;

/// Bytes of the longest request that is parsed: ours have about 400, and anyone may send one.
const LONGEST_REQUEST: usize = 16 * 1024;

/// Why there is no request, or why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The machine has no randomness to give, or the signing failed.
    #[error("a key or its certificate request cannot be made")]
    Make(#[source] rcgen::Error),
    /// Without a cause: that could quote the key.
    #[error("the private key cannot be read: expected one P-256 key in PEM form (`-----BEGIN PRIVATE KEY-----`)")]
    Key,
    /// It is not one PKCS #10 request in PEM form.
    #[error("the certificate request cannot be read: expected PEM (`-----BEGIN CERTIFICATE REQUEST-----`)")]
    Unreadable,
    /// It is for a key of a kind that the fleet does not use.
    #[error("the certificate request is for a key that is not P-256")]
    OtherKeyKind,
    /// It was changed, or its sender does not have the key.
    #[error("the certificate request is not signed by its own key")]
    BadSignature,
}

/// A private key and the request (CSR) to have it certified.
#[derive(Clone)]
pub struct KeyAndRequest {
    key_pem: String,
    request_pem: String,
}

impl KeyAndRequest {
    /// A new P-256 key and a request for it.
    pub fn generate() -> Result<Self, RequestError> {
        Self::of(&KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(RequestError::Make)?)
    }

    /// A request for the key that there is (PKCS #8 in PEM).
    pub fn for_key(key_pem: &str) -> Result<Self, RequestError> {
        Self::of(&key_from_pem(key_pem)?)
    }

    /// The private key, PKCS #8 in PEM: for the owner's file and nothing else.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The request, PKCS #10 in PEM: for the coordinator.
    pub fn request_pem(&self) -> &str {
        &self.request_pem
    }

    fn of(key: &KeyPair) -> Result<Self, RequestError> {
        let mut params = CertificateParams::default();
        // It asks for nothing: who it is for goes beside it, and the coordinator decides.
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(key).map_err(RequestError::Make)?;
        Ok(Self { key_pem: key.serialize_pem(), request_pem: request.pem().map_err(RequestError::Make)? })
    }
}

impl fmt::Debug for KeyAndRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyAndRequest").field("request_pem", &self.request_pem).finish_non_exhaustive()
    }
}

/// Digest of the public key in a request (CSR in PEM), after its signature was checked: equal to
/// [`Credentials::public_key`](crate::Credentials::public_key) of whoever holds the key. By it a host whose certificate has
/// expired proves that it is the one that had it.
pub fn public_key_digest(request_pem: &str) -> Result<Digest, RequestError> {
    Ok(Digest::of(&verified_key(request_pem)?.subject_public_key_info()))
}

/// The public key of a request, and nothing else of it.
pub(crate) fn verified_key(request_pem: &str) -> Result<SubjectPublicKeyInfo, RequestError> {
    if request_pem.len() > LONGEST_REQUEST {
        return Err(RequestError::Unreadable);
    }
    let der = CertificateSigningRequestDer::from_pem_slice(request_pem.as_bytes());
    let der = der.map_err(|_| RequestError::Unreadable)?;
    let (rest, request) = X509CertificationRequest::from_der(&der).map_err(|_| RequestError::Unreadable)?;
    if !rest.is_empty() {
        return Err(RequestError::Unreadable);
    }
    let key = SubjectPublicKeyInfo::from_der(request.certification_request_info.subject_pki.raw)
        .ok()
        .filter(|key| key.algorithm() == &PKCS_ECDSA_P256_SHA256)
        .ok_or(RequestError::OtherKeyKind)?;
    request.verify_signature().map_err(|_| RequestError::BadSignature)?;
    Ok(key)
}

pub(crate) fn key_from_pem(key_pem: &str) -> Result<KeyPair, RequestError> {
    KeyPair::from_pkcs8_pem_and_sign_algo(key_pem, &PKCS_ECDSA_P256_SHA256).map_err(|_| RequestError::Key)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use rcgen::{PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    use super::*;

    fn request_pem(der: &[u8]) -> String {
        format!("-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n", STANDARD.encode(der))
    }

    #[test]
    fn a_request_for_the_same_key_has_the_same_public_key() {
        let first = KeyAndRequest::generate().unwrap();
        let again = KeyAndRequest::for_key(first.key_pem()).unwrap();
        let other = KeyAndRequest::generate().unwrap();
        let digest = |made: &KeyAndRequest| public_key_digest(made.request_pem()).unwrap();
        assert_eq!(digest(&first), digest(&again));
        assert_ne!(digest(&first), digest(&other));
    }

    #[test]
    fn a_request_changed_at_any_byte_is_refused() {
        let made = KeyAndRequest::generate().unwrap();
        let der = CertificateSigningRequestDer::from_pem_slice(made.request_pem().as_bytes()).unwrap();
        assert!(verified_key(&request_pem(&der)).is_ok());
        // Between what is signed and the signature's own bytes stand the algorithm's name (12 bytes) and the head of a bit
        // string (3), which are part of neither.
        let signed = 3 + 2 + 98;
        for at in (0..signed).chain(signed + 15..der.len()) {
            let mut changed = der.to_vec();
            changed[at] ^= 1;
            assert!(verified_key(&request_pem(&changed)).is_err(), "byte {at}");
        }
    }

    #[test]
    fn anothers_public_key_can_not_be_put_into_a_request() {
        let (mine, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let der = CertificateParams::default().serialize_request(&mine).unwrap().der().to_vec();
        let at = der.windows(65).position(|window| window == mine.public_key_raw()).unwrap();
        let mut changed = der;
        changed[at..at + 65].copy_from_slice(other.public_key_raw());
        assert_eq!(verified_key(&request_pem(&changed)), Err(RequestError::BadSignature));
    }

    #[test]
    fn keys_of_other_kinds_are_refused() {
        for kind in [&PKCS_ED25519, &PKCS_ECDSA_P384_SHA384] {
            let key = KeyPair::generate_for(kind).unwrap();
            let request = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
            assert_eq!(verified_key(&request), Err(RequestError::OtherKeyKind));
        }
    }

    #[test]
    fn neither_debug_nor_an_error_shows_the_key() {
        let made = KeyAndRequest::generate().unwrap();
        let line = made.key_pem().lines().nth(1).unwrap();
        assert!(!format!("{made:?}").contains(line));
        let broken = made.key_pem().replace("BEGIN PRIVATE", "BEGIN PRIVAT");
        assert!(!format!("{:?}", KeyAndRequest::for_key(&broken).unwrap_err()).contains(line));
    }
}
