//! What is taken away, added and joined in the headers of a request.

use super::*;

fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect::<Vec<_>>()
        .into_iter()
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
}

#[track_caller]
fn check_strip(before: &[(&'static str, &'static str)], after: &[(&'static str, &'static str)]) {
    let mut headers = map(before);
    strip(&mut headers);
    assert_eq!(headers, map(after));
}

#[test]
fn what_is_between_neighbours_is_taken_away_with_all_that_connection_names() {
    check_strip(&[("connection", "close")], &[]);
    check_strip(
        &[("connection", "Keep-Alive, X-Secret"), ("keep-alive", "timeout=5"), ("x-secret", "1"), ("x", "2")],
        &[("x", "2")],
    );
    check_strip(&[("connection", "a"), ("connection", "b"), ("a", "1"), ("b", "2")], &[]);
    check_strip(&[("proxy-connection", "x"), ("transfer-encoding", "chunked"), ("upgrade", "websocket")], &[]);
    check_strip(&[("connection", "te"), ("te", "gzip, trailers")], &[("te", "trailers")]);
    check_strip(&[("te", "gzip")], &[]);
    check_strip(&[("connection", "host, content-length"), ("host", "a")], &[("host", "a")]);
    check_strip(&[("content-length", "3"), ("transfer-encoding", "chunked"), ("x", "2")], &[("x", "2")]);
    check_strip(&[("upgrade", "h2c"), ("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA")], &[]);
}

#[test]
fn an_upgrade_is_asked_for_by_two_headers_and_h2c_is_none() {
    let asked = |connection, protocol| upgrade(&map(&[("connection", connection), ("upgrade", protocol)])).is_some();
    assert!(asked("Upgrade", "websocket"));
    assert!(asked("keep-alive, upgrade", "foo/1"));
    assert!(!asked("keep-alive", "websocket"));
    assert!(!asked("upgrade, http2-settings", "h2c"));
    assert!(!asked("upgrade", "websocket, H2C"));
    assert!(upgrade(&map(&[("connection", "upgrade")])).is_none());
}

#[track_caller]
fn check_forwarded(before: &[(&'static str, &'static str)], expected: [&str; 3]) {
    let mut headers = map(before);
    forwarded(&mut headers, &HeaderValue::from_static("10.0.0.1"), true, Some(&HeaderValue::from_static("shop")));
    let found = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST].map(|name| headers[name].to_str().unwrap().to_owned());
    assert_eq!(found, expected);
    assert_eq!(headers.get_all(FORWARDED_FOR).iter().count(), 1);
}

#[test]
fn the_app_learns_who_asked_by_which_protocol_for_which_host() {
    check_forwarded(&[], ["10.0.0.1", "https", "shop"]);
    check_forwarded(&[("x-forwarded-for", "1.2.3.4")], ["1.2.3.4, 10.0.0.1", "https", "shop"]);
    check_forwarded(
        &[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8")],
        ["1.2.3.4, 5.6.7.8, 10.0.0.1", "https", "shop"],
    );
    check_forwarded(&[("x-forwarded-proto", "http"), ("x-forwarded-host", "front")], ["10.0.0.1", "http", "front"]);
}

#[test]
fn cookies_of_http_2_become_one_line() {
    let mut headers = map(&[("cookie", "a=1"), ("cookie", "b=2")]);
    assert_eq!(cookie(&headers, "b"), Some("2"));
    join_cookies(&mut headers);
    assert_eq!(headers, map(&[("cookie", "a=1; b=2")]));
}
