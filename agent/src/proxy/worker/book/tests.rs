//! The file over restarts and damages.

use evenkeel_model::Millis;

use super::*;

fn route(name: &str, listen: &str) -> Route {
    Route {
        owner: "default/shop".to_owned(),
        name: name.to_owned(),
        listen: listen.parse().unwrap(),
        kind: Kind::Http { hosts: vec![], path: "/".to_owned(), sticky: None, redirect_to_https: false, tls: false },
        upstreams: vec![],
        hold: Millis::seconds(30),
        holding: false,
    }
}

fn book() -> Book {
    let failing = BTreeSet::from(["web".to_owned()]);
    let routes = vec![route("web", "127.0.0.1:80"), route("api", "127.0.0.1:81")];
    let owners = BTreeMap::from([("default/shop".to_owned(), Page { mark: Some("m".to_owned()), routes, failing })]);
    Book { owners, ..Book::default() }
}

#[test]
fn what_was_stored_is_loaded_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = BookFile::in_directory(&folder.path().join("deep/er")).unwrap();
    assert_eq!(file.load().unwrap(), Book::default());
    file.store(&book()).unwrap();
    assert_eq!(file.load().unwrap(), book());
    assert_eq!(fs::read_dir(file.path().parent().unwrap()).unwrap().count(), 1);
}

fn tls(owner: &str, hosts: &[&str]) -> Route {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    let kind = Kind::Http { hosts, path: "/".to_owned(), sticky: None, redirect_to_https: false, tls: true };
    Route { owner: owner.to_owned(), kind, ..route("web", "127.0.0.1:443") }
}

#[test]
fn hosts_that_were_in_force_are_remembered_over_restarts_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = BookFile::in_directory(folder.path()).unwrap();
    let mut written = book();
    written.accepted.add([tls("a", &["a.test"]), tls("b", &[]), route("web", "127.0.0.1:80")].iter());
    file.store(&written).unwrap();
    let accepted = file.load().unwrap().accepted;
    assert!(accepted.has("a", "a.test") && accepted.has("b", ""));
    assert!(!accepted.has("b", "a.test") && !accepted.has("a", "") && !accepted.has("default/shop", ""));
}

#[test]
fn of_the_hosts_that_were_in_force_the_newest_are_remembered() {
    let mut accepted = Book::default().accepted;
    accepted.add([tls("a", &["kept.test"]), tls("a", &["old.test"])].iter());
    for number in 0..1999 {
        accepted.add([tls("b", &[&format!("{number}.test")]), tls("a", &["kept.test"])].iter());
    }
    assert!(accepted.has("a", "kept.test") && accepted.has("b", "0.test"));
    assert!(!accepted.has("a", "old.test"));
}

#[test]
fn a_damaged_file_is_kept_aside_and_the_book_is_empty() {
    let whole = encode(&book());
    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    flipped[middle] ^= 1;
    let other = String::from_utf8(whole.clone()).unwrap().replace("\"format\":1", "\"format\":9").into_bytes();
    for damaged in [&whole[..whole.len() - 2], &flipped, &other, b"", b"{}"] {
        let folder = tempfile::tempdir().unwrap();
        let file = BookFile::in_directory(folder.path()).unwrap();
        fs::write(file.path(), damaged).unwrap();
        assert_eq!(file.load().unwrap(), Book::default());
        assert_eq!(fs::read(folder.path().join("routes.json.damaged")).unwrap(), damaged);
        assert!(!file.path().exists());
    }
}

#[test]
fn a_write_that_fails_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = BookFile::in_directory(folder.path()).unwrap();
    file.store(&book()).unwrap();
    // A directory in the way of the new file, because root may write everywhere.
    fs::create_dir(folder.path().join(format!("routes.json.{}.new", std::process::id()))).unwrap();
    file.store(&Book::default()).unwrap_err();
    assert_eq!(file.load().unwrap(), book());
}

#[test]
fn a_port_is_not_ready_if_any_service_on_it_is_failing() {
    let mut book = book();
    let port = |text: &str| text.parse::<SocketAddr>().unwrap();
    assert_eq!(book.readiness(), BTreeMap::from([(port("127.0.0.1:80"), true), (port("127.0.0.1:81"), false)]));
    let routes = vec![route("docs", "127.0.0.1:81"), Route { kind: Kind::Tcp, ..route("mail", "127.0.0.1:25") }];
    let page = Page { mark: None, routes, failing: BTreeSet::from(["docs".to_owned(), "mail".to_owned()]) };
    book.owners.insert("default/blog".to_owned(), page);
    assert_eq!(book.readiness(), BTreeMap::from([(port("127.0.0.1:80"), true), (port("127.0.0.1:81"), true)]));
}
