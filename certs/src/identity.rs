//! Who holds a certificate: the coordinator, a host or an operator of a fleet, written as the one URI of the certificate's
//! subject alternative name. Not here: whether the certificate can be believed (`anchor.rs`), and an operator's role, which
//! the coordinator looks up so that it can change without a new certificate.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use evenkeel_model::{FleetName, HostId, OperatorName};

use crate::certificate::{CertificateError, Facts};

/// How much of a refused name an error shows: a whole certificate can be filled with one.
const LONGEST_QUOTE: usize = 200;

/// Who a certificate was made for. Its text is the URI, such as `spiffe://prod/host/web-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Identity {
    /// The coordinator, `spiffe://<fleet>/coordinator`.
    Coordinator {
        /// The fleet it leads.
        fleet: FleetName,
    },
    /// A host's agent, `spiffe://<fleet>/host/<id>`.
    Host {
        /// The fleet that it joined.
        fleet: FleetName,
        /// The only host that it may speak for.
        host: HostId,
    },
    /// A person or CI job, `spiffe://<fleet>/operator/<name>`.
    Operator {
        /// The fleet it works on.
        fleet: FleetName,
        /// By whose name the coordinator finds the role.
        operator: OperatorName,
    },
}

/// Why a certificate or text does not say who its holder is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The certificate could not be parsed.
    #[error("who holds the certificate cannot be told")]
    Certificate(#[source] CertificateError),
    /// None, or more than one: then which one counts would be a matter of taste.
    #[error("the certificate has {0} URI names where exactly one says who holds it")]
    NotOneUri(usize),
    /// The URI is of another form, or has a name in it that is not valid.
    #[error("{0:?} names no coordinator, host or operator of a fleet")]
    NotAnIdentity(String),
}

impl Identity {
    /// Who the certificate (DER) was made for: its one URI, never its common name. That it can be believed is for the caller
    /// to know: it does not check any signature.
    pub fn from_certificate(der: &[u8]) -> Result<Self, IdentityError> {
        Facts::read(der).map_err(IdentityError::Certificate)?.identity()
    }

    /// The fleet it belongs to.
    pub fn fleet(&self) -> &FleetName {
        match self {
            Self::Coordinator { fleet } | Self::Host { fleet, .. } | Self::Operator { fleet, .. } => fleet,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coordinator { fleet } => write!(f, "spiffe://{fleet}/coordinator"),
            Self::Host { fleet, host } => write!(f, "spiffe://{fleet}/host/{host}"),
            Self::Operator { fleet, operator } => write!(f, "spiffe://{fleet}/operator/{operator}"),
        }
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(uri: &str) -> Result<Self, IdentityError> {
        parse(uri).ok_or_else(|| IdentityError::NotAnIdentity(uri.chars().take(LONGEST_QUOTE).collect()))
    }
}

impl TryFrom<String> for Identity {
    type Error = IdentityError;

    fn try_from(uri: String) -> Result<Self, IdentityError> {
        uri.parse()
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> Self {
        identity.to_string()
    }
}

fn parse(uri: &str) -> Option<Identity> {
    let (fleet, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
    let fleet = fleet.parse().ok()?;
    // A further slash lands in the name, which is refused there.
    match path.split_once('/') {
        None if path == "coordinator" => Some(Identity::Coordinator { fleet }),
        Some(("host", host)) => Some(Identity::Host { fleet, host: host.parse().ok()? }),
        Some(("operator", operator)) => Some(Identity::Operator { fleet, operator: operator.parse().ok()? }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(uris: &[&str]) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["web-1.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "spiffe://prod/operator/root");
        params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn an_identity_reads_as_it_is_written() {
        for uri in ["spiffe://prod/coordinator", "spiffe://prod/host/web-1", "spiffe://eu.prod/operator/ci_bot"] {
            assert_eq!(uri.parse::<Identity>().unwrap().to_string(), uri);
        }
    }

    #[test]
    fn other_uris_are_no_identity() {
        for uri in [
            "",
            "spiffe://prod",
            "spiffe://prod/",
            "spiffe:///coordinator",
            "spiffe://prod/coordinator/",
            "spiffe://prod/coordinator/web-1",
            "spiffe://prod/host",
            "spiffe://prod/host/",
            "spiffe://prod/host/web-1/",
            "spiffe://prod/host/web-1/../web-2",
            "spiffe://prod/host/WEB",
            "spiffe://prod/node/web-1",
            "spiffe://prod/host/web-1?x",
            "SPIFFE://prod/coordinator",
            "https://prod/coordinator",
        ] {
            assert!(uri.parse::<Identity>().is_err(), "{uri}");
        }
    }

    #[test]
    fn only_the_one_uri_of_a_certificate_counts() {
        let found = Identity::from_certificate(&certificate(&["spiffe://prod/host/web-1"])).unwrap();
        assert_eq!(found.to_string(), "spiffe://prod/host/web-1");
        assert_eq!(Identity::from_certificate(&certificate(&[])), Err(IdentityError::NotOneUri(0)));
        let two = certificate(&["spiffe://prod/host/web-1", "spiffe://prod/host/web-2"]);
        assert_eq!(Identity::from_certificate(&two), Err(IdentityError::NotOneUri(2)));
    }

    #[test]
    fn bytes_behind_a_certificate_are_refused() {
        let mut der = certificate(&["spiffe://prod/host/web-1"]);
        der.push(0);
        assert!(matches!(Identity::from_certificate(&der), Err(IdentityError::Certificate(_))));
    }
}
