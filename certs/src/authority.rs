//! The fleet's authority: it signs certificates for the coordinator, hosts and operators. Not here: who may have one (the
//! coordinator decides, by join token or role), and where the authority's key is kept.

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use ring::rand::{SecureRandom, SystemRandom};

use evenkeel_model::{Digest, FleetName, Millis, UnixMillis};

use crate::anchor::{Anchor, AnchorError};
use crate::credentials::{Credentials, CredentialsError};
use crate::identity::Identity;
use crate::request::{self, KeyAndRequest, RequestError};
use crate::time_source::{Utc, to_x509};

/// How long an authority is good for: ten years, as hosts outlive their makers' plans.
pub const AUTHORITY_LIFETIME: Millis = Millis::minutes(3652 * 24 * 60);

/// How long a host's certificate is good for: 72 hours, so that a coordinator may be away for a long weekend (a host renews
/// at half-life), and a stolen certificate is soon worthless.
pub const HOST_LIFETIME: Millis = Millis::minutes(72 * 60);

/// How far a certificate's validity begins before it was made, for peers whose clocks are behind.
pub const CLOCK_SKEW: Millis = Millis::minutes(5);

/// Bytes of a certificate's serial number.
const SERIAL_BYTES: usize = 16;

/// Why there is no authority, or why it did not sign.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The stored certificate is not an authority's.
    #[error("the authority cannot be loaded")]
    Certificate(#[source] AnchorError),
    /// The stored key is not readable, or a new key could not be made.
    #[error("the authority's key cannot be used")]
    Key(#[source] RequestError),
    /// Certificate and key are of two authorities.
    #[error("the authority's key does not belong to its certificate: both must come from the same backup")]
    KeyMismatch,
    /// The request of someone who wants a certificate is refused.
    #[error("the certificate request is refused")]
    Request(#[source] RequestError),
    /// An authority signs for its own fleet alone.
    #[error("the authority of the fleet {fleet} does not sign for {identity}")]
    OtherFleet {
        /// Its fleet.
        fleet: FleetName,
        /// For whom a certificate was asked.
        identity: Identity,
    },
    /// Nothing it signs now would be accepted.
    #[error("the authority expired at {}, and the clock here says {}", Utc(.not_after), Utc(.now))]
    Expired {
        /// Its last moment.
        not_after: UnixMillis,
        /// The time here.
        now: UnixMillis,
    },
    /// For a serial number.
    #[error("the system gave no randomness")]
    NoRandomness,
    /// The signing itself failed.
    #[error("the certificate cannot be made")]
    Sign(#[source] rcgen::Error),
    /// What was signed does not read back.
    #[error("the certificate that was made is not usable")]
    Made(#[source] CredentialsError),
}

/// A fleet's authority with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    anchor: Anchor,
    certificate_pem: String,
    key_pem: String,
}

impl Authority {
    /// A new authority for the fleet, with a new key, valid for [`AUTHORITY_LIFETIME`]. It may sign certificates, but not
    /// further authorities.
    pub fn create(fleet: &FleetName, now: UnixMillis) -> Result<Self, AuthorityError> {
        let made = KeyAndRequest::generate().map_err(AuthorityError::Key)?;
        let key = request::key_from_pem(made.key_pem()).map_err(AuthorityError::Key)?;
        let mut params = params(&format!("spiffe://{fleet}"), now, now + AUTHORITY_LIFETIME)?;
        params.distinguished_name.push(DnType::OrganizationName, "Evenkeel authority");
        params.distinguished_name.push(DnType::CommonName, fleet.as_str());
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(AuthorityError::Sign)?;
        Self::load(&certificate.pem(), made.key_pem())
    }

    /// The authority that was made before, from what [`Authority::certificate_pem`] and [`Authority::key_pem`] gave.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, AuthorityError> {
        let anchor = Anchor::from_pem(certificate_pem).map_err(AuthorityError::Certificate)?;
        let key = request::key_from_pem(key_pem).map_err(AuthorityError::Key)?;
        if Digest::of(&key.subject_public_key_info()) != anchor.public_key {
            return Err(AuthorityError::KeyMismatch);
        }
        let issuer = Issuer::from_ca_cert_der(&anchor.der, key).map_err(AuthorityError::Sign)?;
        Ok(Self { issuer, anchor, certificate_pem: certificate_pem.to_owned(), key_pem: key_pem.to_owned() })
    }

    /// The authority's certificate in PEM: public, and what everyone in the fleet trusts.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The authority's private key, PKCS #8 in PEM: whoever has it is the fleet's master.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// SHA-256 of the certificate (DER): what a join token carries.
    pub fn fingerprint(&self) -> &Digest {
        &self.anchor.fingerprint
    }

    /// The fleet it signs for.
    pub fn fleet(&self) -> &FleetName {
        &self.anchor.fleet
    }

    /// A certificate in PEM for the key of the request, and for this identity: whatever else the request asks for is not
    /// looked at. Valid from [`CLOCK_SKEW`] before `now` until `lifetime` after it, but not beyond the authority itself.
    pub fn sign_csr(
        &self,
        request_pem: &str,
        identity: &Identity,
        lifetime: Millis,
        now: UnixMillis,
    ) -> Result<String, AuthorityError> {
        let key = request::verified_key(request_pem).map_err(AuthorityError::Request)?;
        self.certify(&key, identity, lifetime, now)
    }

    /// A new key and its certificate, where the key need not be made elsewhere: the coordinator's own, and an operator's.
    pub fn issue(&self, identity: &Identity, lifetime: Millis, now: UnixMillis) -> Result<Credentials, AuthorityError> {
        let made = KeyAndRequest::generate().map_err(AuthorityError::Key)?;
        let certificate = self.sign_csr(made.request_pem(), identity, lifetime, now)?;
        Credentials::new(&certificate, made.key_pem(), &self.certificate_pem).map_err(AuthorityError::Made)
    }

    fn certify(
        &self,
        key: &impl PublicKeyData,
        identity: &Identity,
        lifetime: Millis,
        now: UnixMillis,
    ) -> Result<String, AuthorityError> {
        if identity.fleet() != self.fleet() {
            return Err(AuthorityError::OtherFleet { fleet: self.fleet().clone(), identity: identity.clone() });
        }
        let not_after = self.anchor.not_after;
        if now > not_after {
            return Err(AuthorityError::Expired { not_after, now });
        }
        let mut params = params(&identity.to_string(), now, (now + lifetime).min(not_after))?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = match identity {
            Identity::Coordinator { .. } => {
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]
            }
            Identity::Host { .. } | Identity::Operator { .. } => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        params.use_authority_key_identifier_extension = true;
        Ok(params.signed_by(key, &self.issuer).map_err(AuthorityError::Sign)?.pem())
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("fleet", self.fleet())
            .field("fingerprint", self.fingerprint())
            .finish_non_exhaustive()
    }
}

/// What all certificates have in common. The subject is left empty, so that nobody can take a name from it.
fn params(uri: &str, now: UnixMillis, not_after: UnixMillis) -> Result<CertificateParams, AuthorityError> {
    let mut serial = [0; SERIAL_BYTES];
    SystemRandom::new().fill(&mut serial).map_err(|_| AuthorityError::NoRandomness)?;
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![SanType::URI(uri.try_into().map_err(AuthorityError::Sign)?)];
    params.not_before = to_x509(UnixMillis(now.0.saturating_sub(CLOCK_SKEW.0)));
    params.not_after = to_x509(not_after);
    Ok(params)
}

#[cfg(test)]
mod tests;
