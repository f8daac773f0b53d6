//! What is remembered, and who is ready.

use evenkeel_model::Millis;

use super::*;

pub(super) fn route(name: &str, listen: &str) -> Route {
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

pub(super) fn book() -> Book {
    let failing = BTreeSet::from(["web".to_owned()]);
    let routes = vec![route("web", "127.0.0.1:80"), route("api", "127.0.0.1:81")];
    let owners = BTreeMap::from([("default/shop".to_owned(), Page { mark: Some("m".to_owned()), routes, failing })]);
    Book { owners, ..Book::default() }
}

pub(super) fn tls(owner: &str, hosts: &[&str]) -> Route {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    let kind = Kind::Http { hosts, path: "/".to_owned(), sticky: None, redirect_to_https: false, tls: true };
    Route { owner: owner.to_owned(), kind, ..route("web", "127.0.0.1:443") }
}

#[test]
fn a_page_says_whether_it_brings_a_host_that_must_be_kept() {
    let mut book = book();
    let page = |host: &str| Page { mark: None, routes: vec![tls("a", &[host])], failing: BTreeSet::new() };
    assert!(book.turn_page("a", Some(page("one.test"))));
    assert!(!book.turn_page("a", Some(page("one.test"))));
    assert!(book.turn_page("a", Some(page("two.test"))));
    assert!(!book.turn_page("a", None), "what it had is known");
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
fn a_port_is_not_ready_if_any_service_on_it_is_failing() {
    let mut book = book();
    let port = |text: &str| text.parse::<SocketAddr>().unwrap();
    assert_eq!(book.readiness(), BTreeMap::from([(port("127.0.0.1:80"), true), (port("127.0.0.1:81"), false)]));
    let routes = vec![route("docs", "127.0.0.1:81"), Route { kind: Kind::Tcp, ..route("mail", "127.0.0.1:25") }];
    let page = Page { mark: None, routes, failing: BTreeSet::from(["docs".to_owned(), "mail".to_owned()]) };
    book.owners.insert("default/blog".to_owned(), page);
    assert_eq!(book.readiness(), BTreeMap::from([(port("127.0.0.1:80"), true), (port("127.0.0.1:81"), true)]));
}
