//! Reading one certificate: its PEM frame, and what Evenkeel wants to know of it. Not here: whether it can be believed.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use evenkeel_model::{Digest, UnixMillis};

use crate::identity::{Identity, IdentityError};

/// Characters in a line of a PEM file, as RFC 7468 has it.
const PEM_LINE: usize = 64;

/// Why a text or bytes are not the one certificate that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// None, or a whole chain where only one belongs.
    #[error("found {0} certificates in PEM form (`-----BEGIN CERTIFICATE-----`) where exactly one was expected")]
    NotOne(usize),
    /// Cut off, damaged, or something else altogether.
    #[error("it is not a readable X.509 certificate")]
    Unreadable,
}

/// What one certificate says, believed or not.
pub(crate) struct Facts {
    /// The URIs of the subject alternative name.
    pub(crate) uris: Vec<String>,
    /// First moment of validity.
    pub(crate) not_before: UnixMillis,
    /// Last moment of validity.
    pub(crate) not_after: UnixMillis,
    /// Whether it may sign certificates.
    pub(crate) is_authority: bool,
    /// Digest of its public key (`SubjectPublicKeyInfo`).
    pub(crate) public_key: Digest,
}

impl Facts {
    pub(crate) fn read(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, x509) = X509Certificate::from_der(der).map_err(|_| CertificateError::Unreadable)?;
        let names = x509.subject_alternative_name().map_err(|_| CertificateError::Unreadable)?;
        let constraints = x509.basic_constraints().map_err(|_| CertificateError::Unreadable)?;
        if !rest.is_empty() {
            return Err(CertificateError::Unreadable);
        }
        let uris = names.into_iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        });
        Ok(Self {
            uris: uris.collect(),
            not_before: moment(x509.validity().not_before),
            not_after: moment(x509.validity().not_after),
            is_authority: constraints.is_some_and(|constraints| constraints.value.ca),
            public_key: Digest::of(x509.public_key().raw),
        })
    }

    pub(crate) fn identity(&self) -> Result<Identity, IdentityError> {
        match self.uris.as_slice() {
            [uri] => uri.parse(),
            uris => Err(IdentityError::NotOneUri(uris.len())),
        }
    }
}

/// The one certificate in a PEM text.
pub(crate) fn from_pem(text: &str) -> Result<CertificateDer<'static>, CertificateError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let mut found = found.map_err(|_| CertificateError::Unreadable)?;
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (last, others) => Err(CertificateError::NotOne(others + usize::from(last.is_some()))),
    }
}

/// As a PEM text.
pub(crate) fn to_pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(PEM_LINE));
        writeln!(text, "{line}").expect("writing to a string does not fail");
        rest = more;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

/// As we count.
pub(crate) fn moment(time: ASN1Time) -> UnixMillis {
    // A moment before 1970 is as good as 1970: both have passed.
    UnixMillis(u64::try_from(time.timestamp()).unwrap_or(0).saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_is_written_as_the_signing_library_writes_it() {
        let made = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap().cert;
        assert_eq!(to_pem(made.der()), made.pem());
        assert_eq!(from_pem(&made.pem()).unwrap(), *made.der());
    }

    #[test]
    fn a_chain_is_not_one_certificate() {
        let pem = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap().cert.pem();
        assert_eq!(from_pem(&format!("{pem}{pem}")), Err(CertificateError::NotOne(2)));
        assert_eq!(from_pem("hello"), Err(CertificateError::NotOne(0)));
        assert_eq!(from_pem(&pem[..pem.len() - 40]), Err(CertificateError::Unreadable));
    }
}
