//! Certificates in files: what is in use, what is said of it, and which routes are refused.

use std::fs;
use std::path::Path;

use evenkeel_model::{Millis, UnixMillis};
use evenkeel_proxy::{Kind, Route};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;

/// 2026-01-01.
const NOW: u64 = 1_767_225_600_000;

fn write(directory: &Path, file: &str, names: &[&str], until: (i32, u8, u8)) {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until.0, until.1, until.2));
    let key = KeyPair::generate().unwrap();
    fs::write(directory.join(format!("{file}.crt")), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(directory.join(format!("{file}.key")), key.serialize_pem()).unwrap();
}

/// As an ACME server did.
fn issue(directory: &Path, host: &str, until: (i32, u8, u8)) {
    write(directory, host, &[host], until);
    let read = |end: &str| fs::read_to_string(directory.join(format!("{host}.{end}"))).unwrap();
    fs::write(directory.join(format!("{host}.pem")), read("key") + &read("crt")).unwrap();
}

fn route(hosts: &[&str]) -> Route {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    Route {
        owner: "default/shop".into(),
        name: "web".into(),
        listen: "[::]:443".parse().unwrap(),
        kind: Kind::Http { hosts, path: "/".into(), sticky: None, redirect_to_https: false, tls: true },
        upstreams: vec![],
        hold: Millis(0),
        holding: false,
    }
}

fn of(directory: &Path, issued: Option<&Path>) -> Arc<Certificates> {
    let certificates = Certificates::new(directory, issued, &TimeSource::new(|| UnixMillis(NOW)));
    look(&certificates);
    certificates
}

fn look(certificates: &Arc<Certificates>) {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(certificates.look());
}

fn refusal(certificates: &Certificates, hosts: &[&str], known: &[Route]) -> Option<String> {
    certificates.refusal(&route(hosts), known.iter(), |_| false)
}

fn known(certificates: &Certificates) -> Vec<(String, Option<String>)> {
    certificates.known(|_| None).into_iter().map(|known| (known.names.join(","), known.trouble)).collect()
}

#[test]
fn a_broken_pair_leaves_the_one_before_in_use_until_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "shop", &["shop.test"], (2099, 1, 1));
    let certificates = of(at, None);
    assert_eq!(known(&certificates), [("shop.test".to_owned(), None)]);
    let good = fs::read(at.join("shop.key")).unwrap();
    fs::write(at.join("shop.key"), "no key").unwrap();
    look(&certificates);
    let (names, trouble) = known(&certificates).remove(0);
    assert_eq!(names, "shop.test");
    let trouble = trouble.unwrap();
    assert!(trouble.contains("key can't be read") && trouble.ends_with("the one before is used"), "{trouble}");
    fs::remove_file(at.join("shop.key")).unwrap();
    look(&certificates);
    assert!(known(&certificates)[0].1.as_ref().unwrap().contains("shop.key can't be read"));
    fs::write(at.join("shop.key"), good).unwrap();
    look(&certificates);
    assert_eq!(known(&certificates), [("shop.test".to_owned(), None)]);
}

#[test]
fn a_pair_is_given_up_when_its_files_were_gone_for_a_while_however_often_they_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for file in ["blog", "shop"] {
        write(at, file, &["shop.test"], (2099, 1, 1));
    }
    let (mut files, begin) = (Folder::of_pairs(at), Instant::now());
    let mut left = |after: Duration| {
        files.look(begin + after);
        files.found().serving().count()
    };
    assert_eq!(left(Duration::ZERO), 2);
    for file in ["shop.crt", "shop.key"] {
        fs::remove_file(at.join(file)).unwrap();
    }
    for after in [0, 1, 5, 9] {
        assert_eq!(left(Duration::from_secs(after)), 2, "it may be on its way");
    }
    assert_eq!(left(LOOK), 1);
}

#[test]
fn a_folder_that_went_away_with_its_certificates_is_told_and_they_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("tls");
    fs::create_dir(&at).unwrap();
    write(&at, "shop", &["shop.test"], (2099, 1, 1));
    let (mut files, begin) = (Folder::of_pairs(&at), Instant::now());
    files.look(begin);
    fs::rename(&at, folder.path().join("away")).unwrap();
    for after in [1, 100] {
        files.look(begin + Duration::from_secs(after));
        assert_eq!(files.found().serving().count(), 1);
        assert!(files.found().trouble().unwrap().contains("can't be read"));
    }
}

#[test]
fn only_regular_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/null", folder.path().join("shop.crt")).unwrap();
    let trouble = known(&of(folder.path(), None)).remove(0).1.unwrap();
    assert!(trouble.contains("no regular file"), "{trouble}");
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_hangs_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let (at, issued) = (folder.path(), folder.path().join("acme"));
    fs::create_dir(&issued).unwrap();
    let certificates = Certificates::new(at, Some(&issued), &TimeSource::new(|| UnixMillis(NOW)));
    let hanging = Arc::clone(&certificates.files).lock_owned().await;
    issue(&issued, "blog.test", (2099, 1, 1));
    certificates.serve([route(&["blog.test"])].iter());
    certificates.look().await;
    assert_eq!(known(&certificates), [("blog.test".to_owned(), None)], "the other one was read");
    assert_eq!(refusal(&certificates, &["shop.test"], &[]), None);
    drop(hanging);
    write(at, "shop", &["shop.test"], (2099, 1, 1));
    certificates.look().await;
    assert_eq!(known(&certificates).len(), 2);
}

#[test]
fn what_was_issued_is_shown_where_no_valid_file_is_for_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let (at, issued) = (folder.path(), folder.path().join("acme"));
    fs::create_dir(&issued).unwrap();
    write(at, "wild", &["*.shop.test"], (2027, 1, 1));
    write(at, "old", &["*.blog.test"], (2025, 1, 1));
    issue(&issued, "www.shop.test", (2099, 1, 1));
    issue(&issued, "www.blog.test", (2099, 1, 1));
    let certificates = of(at, Some(&issued));
    certificates.serve([route(&["www.shop.test", "www.blog.test"])].iter());
    let inner = certificates.inner();
    let all: Vec<_> = inner.all(UnixMillis(NOW)).map(|certificate| certificate.names()[0].as_str()).collect();
    assert_eq!(all, ["*.blog.test", "*.shop.test", "www.blog.test"]);
}

#[test]
fn what_has_expired_or_soon_will_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a", &["a.test"], (2025, 12, 31));
    write(folder.path(), "b", &["b.test"], (2026, 1, 10));
    write(folder.path(), "c", &["c.test"], (2026, 3, 1));
    let troubles: Vec<_> = known(&of(folder.path(), None)).into_iter().map(|(_, trouble)| trouble).collect();
    assert!(troubles[0].as_ref().unwrap().starts_with("expired on 2025-12-31"), "{troubles:?}");
    assert!(troubles[1].as_ref().unwrap().starts_with("expires soon, on 2026-01-10"), "{troubles:?}");
    assert_eq!(troubles[2], None);
}

#[test]
fn a_route_without_a_certificate_or_a_way_to_one_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "shop", &["shop.test", "*.api.test"], (2099, 1, 1));
    write(at, "old", &["old.test"], (2025, 1, 1));
    let certificates = of(at, None);
    let refusal = |hosts: &[&str], known: &[Route]| refusal(&certificates, hosts, known);
    assert_eq!(refusal(&["shop.test", "v1.api.test"], &[]), None);
    assert_eq!(refusal(&[], &[]), None, "clients that ask for no name are shown the first");
    let text = refusal(&["shop.test", "blog.test"], &[]).unwrap();
    let expected = format!(
        "web serves blog.test by TLS, and there is no certificate for it: put blog.test.crt and blog.test.key into {} on this host, \
         or set [proxy.acme] in its agent.toml",
        at.display()
    );
    assert_eq!(text, expected);
    assert_eq!(refusal(&["old.test"], &[]), None, "one that has expired is one");
    assert_eq!(refusal(&["blog.test"], &[route(&["blog.test"])]), None, "what serves is not stopped by it");
    let back = |hosts: &[&str], accepted: &str| {
        certificates.refusal(&route(hosts), [].iter(), |host| host == accepted).is_none()
    };
    assert!(back(&["shop.test", "blog.test"], "blog.test"), "nor is who goes back");
    assert!(!back(&["blog.test"], "other.test"));
    let plain = Route { kind: Kind::Tcp, ..route(&[]) };
    assert_eq!(certificates.refusal(&plain, [].iter(), |_| false), None);
    let empty = tempfile::tempdir().unwrap();
    assert!(self::refusal(&of(empty.path(), None), &[], &[]).is_some());
    assert_eq!(of(empty.path(), None).refusal(&route(&[]), [].iter(), str::is_empty), None);
}

#[test]
fn with_acme_a_route_may_wait_for_its_certificate_and_files_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "shop", &["shop.test"], (2099, 1, 1));
    let certificates = of(at, Some(&at.join("acme")));
    let routes = [route(&["shop.test", "blog.test", "10.0.0.1"])];
    assert_eq!(refusal(&certificates, &["blog.test"], &[]), None);
    assert!(refusal(&certificates, &["10.0.0.1"], &[]).is_some(), "an address is no name");
    certificates.serve(routes.iter());
    let to_order: Vec<_> = certificates.to_order().into_iter().map(|(host, _)| host).collect();
    assert_eq!(to_order, ["blog.test"]);
    let known = certificates.known(|host| (host == "blog.test").then(|| "later".to_owned()));
    let blog = known.iter().find(|known| known.names == ["blog.test"]).unwrap();
    assert_eq!((blog.source.as_str(), blog.trouble.as_deref()), ("ACME", Some("later")));
}

#[test]
fn a_folder_that_cannot_be_listed_is_told_and_what_was_read_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("tls");
    fs::create_dir(&at).unwrap();
    write(&at, "shop", &["shop.test"], (2099, 1, 1));
    let certificates = of(&at, None);
    fs::rename(&at, folder.path().join("away")).unwrap();
    fs::write(&at, "a file").unwrap();
    look(&certificates);
    look(&certificates);
    let known = known(&certificates);
    assert_eq!((known.len(), known[1].0.as_str()), (2, "shop.test"));
    assert!(known[0].1.as_ref().unwrap().contains("can't be read"));
}
