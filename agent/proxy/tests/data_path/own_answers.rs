//! Requests that are answered here.

use std::collections::BTreeMap;

use evenkeel_proxy::{Kind, ReadinessRule, Route};

use crate::app::App;
use crate::client::{Raw, fetch};
use crate::rig::Rig;

/// Sends bytes, and expects the answer to begin with a status and to have a code, and the connection to end or go on.
async fn check_refusal(request: &str, status: &str, code: &str, ends: bool) {
    let (rig, app) = (Rig::new(), App::named("served").await);
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send(&request.replace('|', "\r\n")).await;
    let head = raw.read_until("\r\n\r\n").await;
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
    assert!(code.is_empty() || head.contains(&format!("x-evenkeel-proxy: {code}\r\n")), "{request}: {head}");
    if ends {
        raw.rest().await;
    } else {
        raw.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        raw.read_until("served").await;
    }
    assert_eq!(rig.upstream("c1").unwrap().requests, u64::from(!ends));
}

#[tokio::test]
async fn requests_that_are_wrong_or_dangerous_reach_no_app() {
    check_refusal("GET / HTTP/1.1||", "400", "bad-request", false).await;
    check_refusal("GET / HTTP/1.1|Host: a|Host: b||", "400", "bad-request", false).await;
    // Whoever sends chunks that nobody reads begins anew: where they end is not known here.
    check_refusal("POST / HTTP/1.1|Transfer-Encoding: chunked||0||", "400", "bad-request", true).await;
    check_refusal("POST / HTTP/1.1|Content-Length: 3||abc", "400", "bad-request", false).await;
    check_refusal("CONNECT a:443 HTTP/1.1|Host: a||", "405", "connect-method", true).await;
    let both = "400";
    check_refusal(
        "POST / HTTP/1.1|Host: a|Content-Length: 3|Transfer-Encoding: chunked||0||",
        both,
        "both-lengths",
        true,
    )
    .await;
    check_refusal(
        "POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked|Content-Length: 3||0||",
        both,
        "both-lengths",
        true,
    )
    .await;
    check_refusal("POST / HTTP/1.1|Host: a|Content-Length: 3|Content-Length: 4||abc", "400", "", true).await;
    check_refusal("POST / HTTP/1.1|Host: a|Content-Length: +3||abc", "400", "", true).await;
    check_refusal("POST / HTTP/1.1|Host: a|Transfer-Encoding: gzip||abc", "400", "", true).await;
    check_refusal("POST / HTTP/1.0|Host: a|Transfer-Encoding: chunked||0||", "400", "", true).await;
    check_refusal("GET / HTTP/1.1|Host : a||", "400", "", true).await;
}

#[tokio::test]
async fn a_readiness_path_is_answered_here_exactly_and_on_its_port_alone() {
    let (rig, app) = (Rig::new(), App::named("served").await);
    let rule = |failing| Some(ReadinessRule { path: "/ready".into(), failing });
    rig.proxy.set_readiness(rig.listen, rule(false));
    rig.serve(&[("c1", app.address)]);
    for (failing, status, code) in [(false, 200, "ready"), (true, 503, "not-ready"), (false, 200, "ready")] {
        rig.proxy.set_readiness(rig.listen, rule(failing));
        let got = fetch(rig.listen, "/ready?x").await;
        assert_eq!((got.status.as_u16(), got.code()), (status, code));
        assert_eq!(fetch(rig.listen, "/ready/").await.body, "served");
    }
    rig.proxy.set_readiness(rig.listen, None);
    assert_eq!(fetch(rig.listen, "/ready").await.body, "served");
}

#[tokio::test]
async fn http_is_redirected_to_https_except_for_certificate_challenges() {
    let (rig, app) = (Rig::new(), App::named("served").await);
    let kind = Kind::Http { hosts: vec![], path: "/".into(), sticky: None, redirect_to_https: true, tls: false };
    rig.apply(Route { kind, ..rig.http(&[("c1", app.address)]) });
    rig.proxy.set_challenges(BTreeMap::from([("token".into(), "token.key".into())]));
    let moved = fetch(rig.listen, "/a?b=c").await;
    assert_eq!((moved.status.as_u16(), moved.header("location")), (308, "https://shop.test/a?b=c"));
    let challenge = fetch(rig.listen, "/.well-known/acme-challenge/token").await;
    assert_eq!((challenge.status.as_u16(), challenge.body.as_str()), (200, "token.key"));
    let unknown = fetch(rig.listen, "/.well-known/acme-challenge/other").await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (404, "unknown-challenge"));
    assert_eq!(rig.upstream("c1").unwrap().requests, 0);
    // An app on that port may have challenges of its own.
    rig.serve(&[("c1", app.address)]);
    let challenge = fetch(rig.listen, "/.well-known/acme-challenge/token").await;
    assert_eq!((challenge.status.as_u16(), challenge.body.as_str()), (200, "token.key"));
    assert_eq!(fetch(rig.listen, "/.well-known/acme-challenge/other").await.body, "served");
}
