//! One certificate with its chain and key, and the names it is for. Not here: which of several is shown (`choice`).

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use evenkeel_model::UnixMillis;

use crate::certificate::moment;

/// Why a certificate can't be shown. None of them quotes the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicCertificateError {
    /// No certificate, or one that is cut off or damaged.
    #[error(
        "the certificate can't be read: expected PEM (`-----BEGIN CERTIFICATE-----`), the host's own certificate first"
    )]
    Certificate,
    /// No key, an encrypted one, or one of a kind that is not supported.
    #[error(
        "the private key can't be read: expected one unencrypted key in PEM form, RSA, ECDSA (P-256, P-384) or Ed25519"
    )]
    Key,
    /// They are of two certificates, or the chain is in the wrong order.
    #[error("the key does not belong to the first certificate of the chain")]
    KeyMismatch,
    /// Clients have not looked at the subject's common name for years.
    #[error("the certificate names no host: it has no subject alternative name")]
    NoNames,
}

/// A certificate for host names, with its chain and key.
pub struct PublicCertificate {
    pub(super) certified: Arc<CertifiedKey>,
    names: Vec<String>,
    not_before: UnixMillis,
    not_after: UnixMillis,
}

impl PublicCertificate {
    /// From a chain in PEM form, the host's own certificate first, and its key in PEM form. Both may be of one text.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, PublicCertificateError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|_| PublicCertificateError::Certificate)?;
        let leaf = chain.first().ok_or(PublicCertificateError::Certificate)?;
        let (names, not_before, not_after) = read(leaf)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| PublicCertificateError::Key)?;
        let certified = CertifiedKey::from_der(chain, key, &default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => PublicCertificateError::KeyMismatch,
            _ => PublicCertificateError::Key,
        })?;
        Ok(Self { certified: Arc::new(certified), names, not_before, not_after })
    }

    /// The names it is for, in lower case; `*.example.org` is for each name with one label more than `example.org`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Its first moment.
    pub fn not_before(&self) -> UnixMillis {
        self.not_before
    }

    /// Its last moment.
    pub fn not_after(&self) -> UnixMillis {
        self.not_after
    }

    /// Whether clients whose clock says this take it.
    pub fn is_valid(&self, now: UnixMillis) -> bool {
        self.not_before <= now && now < self.not_after
    }

    /// Whether it is for this host: a name or an address without port, in lower case.
    pub fn covers(&self, host: &str) -> bool {
        let wild = wildcard_of(host);
        self.names.iter().any(|name| name == host || wild.as_ref() == Some(name))
    }
}

impl fmt::Debug for PublicCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicCertificate").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The one wildcard that is for a host: `*.example.org` for `shop.example.org`. None for addresses and for names of one label.
pub(super) fn wildcard_of(host: &str) -> Option<String> {
    if host.parse::<IpAddr>().is_ok() {
        return None;
    }
    host.split_once('.')
        .filter(|(label, rest)| !label.is_empty() && !rest.is_empty())
        .map(|(_, rest)| format!("*.{rest}"))
}

fn read(leaf: &[u8]) -> Result<(Vec<String>, UnixMillis, UnixMillis), PublicCertificateError> {
    let unreadable = PublicCertificateError::Certificate;
    let (_, x509) = X509Certificate::from_der(leaf).map_err(|_| unreadable.clone())?;
    let alternative = x509.subject_alternative_name().map_err(|_| unreadable)?;
    let names = alternative.into_iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        return Err(PublicCertificateError::NoNames);
    }
    Ok((names, moment(x509.validity().not_before), moment(x509.validity().not_after)))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
