//! Which certificate is shown to whom, with real handshakes in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use evenkeel_model::UnixMillis;

use super::choice::{Choice, Selection};
use super::*;
use crate::{TimeSource, WebTls};

struct Made {
    pem: String,
    key: String,
}

fn made(names: &[&str], until: i32) -> Made {
    made_for(names, (2020, until))
}

/// From the first day of a year to that of another.
fn made_for(names: &[&str], years: (i32, i32)) -> Made {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
    let key = KeyPair::generate().unwrap();
    Made { pem: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

impl Made {
    fn read(&self) -> Arc<PublicCertificate> {
        Arc::new(PublicCertificate::from_pem(self.pem.as_bytes(), self.key.as_bytes()).unwrap())
    }
}

fn server(certificates: &[&Made], awaited: &[&str]) -> PublicTls {
    let tls = PublicTls::new(&TimeSource::system());
    let awaited: BTreeSet<String> = awaited.iter().map(|name| (*name).to_owned()).collect();
    tls.show(&certificates.iter().map(|made| made.read()).collect::<Vec<_>>(), awaited);
    tls
}

/// Whether a client that trusts this certificate alone, and asks for this name, is content; and what the server thinks of it.
async fn meets(
    tls: &PublicTls,
    trusted: &Made,
    name: &str,
    offers: &[&str],
) -> (bool, Result<(bool, PublicNames), PublicTlsError>) {
    let client = WebTls::with_roots(trusted.pem.as_bytes(), &TimeSource::system()).unwrap().offering(offers);
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (connected, accepted) = tokio::join!(client.connect(name, ours), tls.accept(theirs));
    (connected.is_ok(), accepted.map(|accepted| (accepted.http2, accepted.names)))
}

#[tokio::test]
async fn the_exact_name_comes_before_the_wildcard_and_that_before_the_first() {
    let (first, wild, exact) =
        (made(&["first.test"], 2099), made(&["*.shop.test"], 2099), made(&["www.shop.test"], 2099));
    let tls = server(&[&first, &wild, &exact], &[]);
    assert!(meets(&tls, &exact, "www.shop.test", &[]).await.0);
    assert!(meets(&tls, &exact, "WWW.shop.test", &[]).await.0);
    assert!(meets(&tls, &wild, "api.shop.test", &[]).await.0);
    assert!(!meets(&tls, &wild, "a.b.shop.test", &[]).await.0, "a wildcard is for one label");
    let (_, accepted) = meets(&tls, &first, "10.0.0.1", &[]).await;
    drop(accepted.unwrap_err());
    assert!(meets(&tls, &first, "first.test", &[]).await.0);
}

#[tokio::test]
async fn of_two_for_one_name_the_one_that_lasts_longer_is_shown() {
    let (short, long) = (made(&["shop.test"], 2098), made(&["shop.test"], 2099));
    for order in [[&short, &long], [&long, &short]] {
        assert!(meets(&server(&order, &[]), &long, "shop.test", &[]).await.0);
    }
}

#[test]
fn what_is_valid_is_shown_before_what_has_expired_or_is_not_valid_yet() {
    // 2026-01-01.
    let now = UnixMillis(1_767_225_600_000);
    let wild = made(&["*.shop.test"], 2030).read();
    let (expired, early) = (made(&["www.shop.test"], 2025).read(), made_for(&["www.shop.test"], (2027, 2099)).read());
    let exact = made(&["www.shop.test"], 2029).read();
    let check = |all: &[&Arc<PublicCertificate>], name: Option<&str>, expected: &Arc<PublicCertificate>| {
        let all: Vec<_> = all.iter().map(|one| Arc::clone(one)).collect();
        let choice = Selection::new(&all, BTreeSet::new(), now).choose(name);
        let Choice::Show(shown) = choice else { panic!("nothing is shown") };
        assert!(Arc::ptr_eq(&shown, expected), "{name:?} of {all:?}");
    };
    let www = Some("www.shop.test");
    check(&[&expired, &wild], www, &wild);
    check(&[&early, &wild], www, &wild);
    check(&[&early, &exact, &expired], www, &exact);
    check(&[&wild, &exact], www, &exact);
    check(&[&expired], www, &expired);
    check(&[&expired, &exact], None, &exact);
    check(&[&expired], None, &expired);
}

#[tokio::test]
async fn a_name_that_waits_for_its_certificate_is_refused_and_not_shown_anothers() {
    let other = made(&["other.test"], 2099);
    let tls = server(&[&other], &["shop.test"]);
    let (connected, accepted) = meets(&tls, &other, "shop.test", &[]).await;
    assert!(!connected);
    assert!(matches!(accepted, Err(PublicTlsError::Awaited(name)) if name == "shop.test"));
    let (_, accepted) = meets(&server(&[], &[]), &other, "shop.test", &[]).await;
    assert!(matches!(accepted, Err(PublicTlsError::Nothing(Some(name))) if name == "shop.test"));
}

#[tokio::test]
async fn http2_is_preferred_and_a_connection_is_for_the_names_of_its_certificate() {
    let cert = made(&["shop.test", "*.api.test"], 2099);
    let tls = server(&[&cert], &[]);
    for (offers, http2) in [(&["http/1.1", "h2"][..], true), (&["http/1.1"], false), (&[], false)] {
        let (_, accepted) = meets(&tls, &cert, "shop.test", offers).await;
        let (agreed, names) = accepted.unwrap();
        assert_eq!(agreed, http2, "{offers:?}");
        assert!(names.are_for("shop.test") && names.are_for("v1.api.test"));
        assert!(!names.are_for("other.test") && !names.are_for("api.test"));
    }
}

#[tokio::test]
async fn what_is_shown_changes_at_once_and_open_connections_go_on() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (old, new) = (made(&["shop.test"], 2098), made(&["shop.test"], 2099));
    let tls = server(&[&old], &[]);
    let client = WebTls::with_roots(old.pem.as_bytes(), &TimeSource::system()).unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (connected, accepted) = tokio::join!(client.connect("shop.test", ours), tls.accept(theirs));
    let (mut client, mut served) = (connected.unwrap(), accepted.unwrap().stream);
    tls.show(&[new.read()], BTreeSet::new());
    assert!(meets(&tls, &new, "shop.test", &[]).await.0);
    client.write_all(b"still").await.unwrap();
    client.flush().await.unwrap();
    let mut read = [0; 5];
    served.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"still");
}

#[test]
fn what_is_wrong_with_a_pair_is_said_without_its_key() {
    let (one, other) = (made(&["shop.test"], 2099), made(&["shop.test"], 2099));
    let read = |chain: &str, key: &str| PublicCertificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err();
    assert_eq!(read(&one.pem, &other.key), PublicCertificateError::KeyMismatch);
    assert_eq!(read("", &one.key), PublicCertificateError::Certificate);
    assert_eq!(read(&one.pem[..200], &one.key), PublicCertificateError::Certificate);
    assert_eq!(read(&one.pem, &one.pem), PublicCertificateError::Key);
    let nameless = made(&[], 2099);
    assert_eq!(read(&nameless.pem, &nameless.key), PublicCertificateError::NoNames);
    let line = one.key.lines().nth(1).unwrap();
    assert!(!format!("{:?}", one.read()).contains(line));
}

#[test]
fn names_are_read_from_the_alternative_names_of_both_kinds() {
    let cert = made(&["Shop.test", "10.0.0.1", "*.shop.test"], 2099).read();
    assert_eq!(cert.names(), ["shop.test", "10.0.0.1", "*.shop.test"]);
    assert!(cert.covers("10.0.0.1") && cert.covers("a.shop.test") && !cert.covers("shop.tes"));
    assert_eq!(cert.not_after(), evenkeel_model::UnixMillis(4_070_908_800_000));
}
