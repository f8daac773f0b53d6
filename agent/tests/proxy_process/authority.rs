//! An authority of the tests' own, and clients that believe it alone.

use evenkeel_certs::{TimeSource, WebTls};
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer, KeyPair};
use time::{Duration, OffsetDateTime};

/// Signs for anybody.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate with its key.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// For these names, good for a year.
    pub(crate) fn issue(&self, names: &[&str]) -> Pair {
        self.issue_of(names, Duration::days(1), Duration::days(365))
    }

    /// For these names; it began so long ago, and ends after so long.
    pub(crate) fn issue_of(&self, names: &[&str], age: Duration, left: Duration) -> Pair {
        let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut params = CertificateParams::new(names).unwrap();
        (params.not_before, params.not_after) = life(age, left);
        let key = KeyPair::generate().unwrap();
        Pair { chain: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    /// What the request asks for, good for 90 days.
    pub(crate) fn sign(&self, request: Vec<u8>) -> String {
        let mut request = CertificateSigningRequestParams::from_der(&request.into()).unwrap();
        (request.params.not_before, request.params.not_after) = life(Duration::days(1), Duration::days(89));
        request.signed_by(&self.issuer).unwrap().pem()
    }

    /// Clients that offer these protocols.
    pub(crate) fn client(&self, protocols: &[&str]) -> WebTls {
        WebTls::with_roots(self.pem.as_bytes(), &TimeSource::system()).unwrap().offering(protocols)
    }
}

fn life(age: Duration, left: Duration) -> (OffsetDateTime, OffsetDateTime) {
    let now = OffsetDateTime::now_utc();
    (now - age, now + left)
}
