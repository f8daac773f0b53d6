//! What a change leaves as it was.

use std::net::SocketAddr;

use evenkeel_model::Millis;

use super::*;
use crate::route::{Kind, Upstream};
use crate::{BoundSockets, Limits};

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A route of the host that is called as its owner.
fn route(owner: &str, upstream: &str) -> Route {
    let hosts = vec![owner.to_owned()];
    Route {
        owner: owner.into(),
        name: "web".into(),
        listen: LISTEN,
        kind: Kind::Http { hosts, path: "/".into(), sticky: None, redirect_to_https: false, tls: false },
        upstreams: vec![Upstream { id: upstream.into(), address: ([127, 0, 0, 1], 9).into(), weight: 1 }],
        hold: Millis(0),
        holding: false,
    }
}

#[tokio::test]
async fn a_switch_of_one_owner_leaves_the_entries_of_another_the_same() {
    let shared = Arc::new(Shared::new(Limits::default(), None));
    let mut control = Control::new(shared.clone(), Arc::new(BoundSockets::default()));
    let entry = |owner| shared.table.load().http(LISTEN, owner, "/").unwrap().clone();
    control.apply("a", vec![route("a", "old")]).unwrap();
    control.apply("b", vec![route("b", "one")]).unwrap();
    let (of_a, of_b) = (entry("a"), entry("b"));
    control.apply("a", vec![route("a", "new")]).unwrap();
    assert!(!Arc::ptr_eq(&entry("a"), &of_a));
    assert_eq!(entry("a").choices[0].live.id, "new");
    assert!(Arc::ptr_eq(&entry("b"), &of_b), "it was made anew");
    let rule = ReadinessRule { path: "/ready".into(), failing: true };
    control.set_readiness(LISTEN, Some(rule));
    assert!(Arc::ptr_eq(&entry("b"), &of_b), "it was made anew");
    control.apply("a", vec![]).unwrap();
    assert!(Arc::ptr_eq(&entry("b"), &of_b), "it was made anew");
    control.shut();
}
