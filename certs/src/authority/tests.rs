//! What the authority grants, and what it refuses.

use rcgen::string::Ia5String;
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose as Usage};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::*;
use crate::certificate::from_pem;
use crate::{KeyAndRequest, VerifyError, public_key_digest};

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);
const DAY: Millis = Millis::minutes(24 * 60);

fn fleet() -> FleetName {
    "prod".parse().unwrap()
}

fn host() -> Identity {
    "spiffe://prod/host/web-1".parse().unwrap()
}

fn authority() -> Authority {
    Authority::create(&fleet(), NOW).unwrap()
}

#[test]
fn an_authority_is_the_same_after_it_was_stored() {
    let made = authority();
    let loaded = Authority::load(made.certificate_pem(), made.key_pem()).unwrap();
    assert_eq!((loaded.fleet(), loaded.fingerprint()), (&fleet(), made.fingerprint()));
    let key = KeyAndRequest::generate().unwrap();
    let certificate = loaded.sign_csr(key.request_pem(), &host(), HOST_LIFETIME, NOW).unwrap();
    let credentials = Credentials::new(&certificate, key.key_pem(), made.certificate_pem()).unwrap();
    credentials.validate(NOW).unwrap();
    assert_eq!(credentials.identity(), &host());
    assert_eq!(*credentials.public_key(), public_key_digest(key.request_pem()).unwrap());
}

#[test]
fn an_authority_may_sign_hosts_but_no_further_authorities() {
    let der = from_pem(authority().certificate_pem()).unwrap();
    let (_, x509) = X509Certificate::from_der(&der).unwrap();
    let constraints = x509.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    assert_eq!(x509.validity().not_before.timestamp(), 1_790_000_000 - 300);
    assert_eq!(x509.validity().not_after.timestamp(), 1_790_000_000 + 3652 * 86_400);
}

#[test]
fn key_and_certificate_of_two_authorities_are_refused() {
    let (one, other) = (authority(), authority());
    assert_ne!(one.fingerprint(), other.fingerprint());
    let loaded = Authority::load(one.certificate_pem(), other.key_pem());
    assert!(matches!(loaded, Err(AuthorityError::KeyMismatch)));
    let of_a_host = one.issue(&host(), DAY, NOW).unwrap();
    let loaded = Authority::load(of_a_host.certificate_pem(), of_a_host.key_pem());
    assert!(matches!(loaded, Err(AuthorityError::Certificate(AnchorError::NotAnAuthority))));
}

#[test]
fn a_request_gets_what_is_granted_and_nothing_that_it_asks_for() {
    let key = KeyPair::generate().unwrap();
    let mut asked = CertificateParams::new(vec!["coordinator.example".to_owned()]).unwrap();
    let uri = Ia5String::try_from("spiffe://prod/coordinator").unwrap();
    asked.subject_alt_names.push(SanType::URI(uri));
    asked.distinguished_name.push(DnType::CommonName, "root");
    asked.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    asked.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    asked.extended_key_usages = vec![Usage::ServerAuth, Usage::Any];
    asked.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 55_555], vec![5, 0])];
    let request = asked.serialize_request(&key).unwrap().pem().unwrap();

    let pem = authority().sign_csr(&request, &host(), DAY, NOW).unwrap();

    let der = from_pem(&pem).unwrap();
    let (_, x509) = X509Certificate::from_der(&der).unwrap();
    assert_eq!(Identity::from_certificate(&der).unwrap(), host());
    assert_eq!(x509.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 1);
    assert_eq!(x509.subject().iter().count(), 0);
    assert!(!x509.is_ca());
    let usage = x509.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && !usage.key_cert_sign());
    let extended = x509.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.client_auth && !extended.server_auth && !extended.any);
    assert!(!x509.extensions().iter().any(|extension| extension.oid.to_id_string().ends_with(".55555")));
    assert_eq!(x509.public_key().subject_public_key.as_ref(), key.public_key_raw());
}

#[test]
fn a_request_for_which_the_sender_has_no_key_is_refused() {
    let made = KeyAndRequest::generate().unwrap();
    let other = KeyAndRequest::generate().unwrap();
    // The signature is at the end: the request of one with the signature of another.
    let (mine, theirs) = (lines(made.request_pem()), lines(other.request_pem()));
    let mixed = [&mine[..4], &theirs[4..]].concat().join("\n");
    let signed = authority().sign_csr(&mixed, &host(), DAY, NOW);
    assert!(matches!(signed, Err(AuthorityError::Request(_))), "{signed:?}");
    let signed = authority().sign_csr("hello", &host(), DAY, NOW);
    assert!(matches!(signed, Err(AuthorityError::Request(RequestError::Unreadable))));
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[test]
fn validity_allows_for_clocks_and_ends_with_the_authority() {
    let authority = authority();
    let issued = authority.issue(&host(), HOST_LIFETIME, NOW).unwrap();
    assert_eq!(issued.not_before(), UnixMillis(NOW.0 - CLOCK_SKEW.0));
    assert_eq!(issued.not_after(), NOW + HOST_LIFETIME);
    assert_eq!(issued.renew_at(), NOW + Millis::minutes(36 * 60));
    let short = authority.issue(&host(), Millis::seconds(60), NOW).unwrap();
    assert_eq!(short.renew_at(), NOW + Millis::seconds(30));

    let late = NOW + Millis(AUTHORITY_LIFETIME.0 - DAY.0);
    assert_eq!(authority.issue(&host(), HOST_LIFETIME, late).unwrap().not_after(), NOW + AUTHORITY_LIFETIME);
    let too_late = authority.issue(&host(), HOST_LIFETIME, late + DAY + DAY);
    assert!(matches!(too_late, Err(AuthorityError::Expired { .. })));
}

#[test]
fn an_authority_does_not_sign_for_another_fleet() {
    let stranger = "spiffe://test/host/web-1".parse().unwrap();
    let issued = authority().issue(&stranger, DAY, NOW);
    assert!(matches!(issued, Err(AuthorityError::OtherFleet { .. })));
}

#[test]
fn serial_numbers_are_random() {
    let authority = authority();
    let serial = || {
        let der = from_pem(authority.issue(&host(), DAY, NOW).unwrap().certificate_pem()).unwrap();
        X509Certificate::from_der(&der).unwrap().1.tbs_certificate.serial.clone()
    };
    let (one, other) = (serial(), serial());
    assert_ne!(one, other);
    assert!(one.bits() > 96, "as good as never shorter: {one}");
}

#[test]
fn credentials_are_checked_as_a_peer_would() {
    let (authority, other) = (authority(), authority());
    let good = authority.issue(&host(), DAY, NOW).unwrap();
    let refusal = |credentials: &Credentials, now| match credentials.validate(now) {
        Err(CredentialsError::Refused { source, .. }) => *source,
        other => panic!("{other:?}"),
    };
    good.validate(NOW).unwrap();
    good.validate(UnixMillis(NOW.0 - CLOCK_SKEW.0)).unwrap();
    good.validate(NOW + DAY).unwrap();
    let expired = refusal(&good, NOW + DAY + Millis::seconds(1));
    assert_eq!(
        expired.to_string(),
        "the certificate expired at 2026-09-22T14:13:20Z, and the clock here says 2026-09-22T14:13:21Z"
    );
    let early = refusal(&good, UnixMillis(NOW.0 - CLOCK_SKEW.0 - 1000));
    assert_eq!(
        early.to_string(),
        "the certificate is not valid before 2026-09-21T14:08:20Z, and the clock here says 2026-09-21T14:08:19Z"
    );
    let ancient = refusal(&good, NOW + AUTHORITY_LIFETIME + DAY);
    assert!(matches!(ancient, VerifyError::AuthorityExpired { .. }));

    let foreign = Credentials::new(good.certificate_pem(), good.key_pem(), other.certificate_pem()).unwrap();
    assert!(matches!(refusal(&foreign, NOW), VerifyError::OtherAuthority));
    let another = authority.issue(&host(), DAY, NOW).unwrap();
    let mixed = Credentials::new(good.certificate_pem(), another.key_pem(), authority.certificate_pem());
    assert!(matches!(mixed, Err(CredentialsError::KeyMismatch)));
}

#[test]
fn no_debug_output_shows_a_key() {
    let authority = authority();
    let issued = authority.issue(&host(), DAY, NOW).unwrap();
    for (shown, key) in [(format!("{authority:?}"), authority.key_pem()), (format!("{issued:?}"), issued.key_pem())] {
        assert!(!shown.contains(key.lines().nth(1).unwrap()), "{shown}");
    }
}

/// A certificate that no authority of ours would issue, signed by its key all the same.
fn signed_with_its_key(authority: &Authority, uri: &str, is_ca: IsCa) -> rustls::pki_types::CertificateDer<'static> {
    let mut odd = params(uri, NOW, NOW + DAY).unwrap();
    odd.extended_key_usages = vec![Usage::ServerAuth, Usage::ClientAuth];
    odd.is_ca = is_ca;
    odd.signed_by(&KeyPair::generate().unwrap(), &authority.issuer).unwrap().into()
}

#[test]
fn the_name_decides_and_not_only_what_a_certificate_may_be_used_for() {
    let authority = authority();
    let verified = |uri, is_ca| {
        let leaf = signed_with_its_key(&authority, uri, is_ca);
        authority.anchor.verify_coordinator(&leaf, NOW)
    };
    verified("spiffe://prod/coordinator", IsCa::ExplicitNoCa).unwrap();
    let host = verified("spiffe://prod/host/web-1", IsCa::ExplicitNoCa);
    assert!(matches!(host, Err(VerifyError::NotTheCoordinator { .. })), "{host:?}");
    let stranger = verified("spiffe://test/coordinator", IsCa::ExplicitNoCa);
    assert!(matches!(stranger, Err(VerifyError::OtherFleet { .. })), "{stranger:?}");
    let nameless = verified("spiffe://prod", IsCa::ExplicitNoCa);
    assert!(matches!(nameless, Err(VerifyError::NoIdentity(_))), "{nameless:?}");
    let signer = verified("spiffe://prod/coordinator", IsCa::Ca(BasicConstraints::Unconstrained));
    assert!(matches!(signer, Err(VerifyError::Unacceptable(_))), "{signer:?}");
}
