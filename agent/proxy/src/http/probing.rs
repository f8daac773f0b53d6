//! What must hold of heads and headers whatever bytes they are made of; see [`crate::fuzzing`]. Not here: where the bytes come from.

use super::scan::{Follows, HeadScan};

/// Fed at once, in two parts, and byte by byte; and it never holds more than a head may have.
pub(crate) fn scan_bytes(bytes: &[u8]) {
    let follow = |number: u8| match number % 3 {
        0 => Follows::Chunks,
        1 => Follows::Length(0),
        _ => Follows::Length(u64::from(number)),
    };
    let follows = follow(bytes.first().copied().unwrap_or(0));
    let look = |parts: &[&[u8]]| {
        let mut scan = HeadScan::default();
        for part in parts {
            scan.feed(part);
        }
        assert!(scan.held() <= super::scan::MOST, "it holds more than a head may have");
        let begun = scan.begun();
        let both = scan.complete(follows);
        assert!(!both || (follows == Follows::Chunks && names_length(bytes)), "a length that is not there was found");
        (begun, both, scan.begun())
    };
    let at_once = look(&[bytes]);
    let split = bytes.len() / 2;
    assert_eq!(look(&[&bytes[..split], &bytes[split..]]), at_once, "in two parts");
    assert_eq!(look(&bytes.chunks(1).collect::<Vec<_>>()), at_once, "byte by byte");
}

fn names_length(bytes: &[u8]) -> bool {
    bytes.to_ascii_lowercase().windows(15).any(|window| window == b"content-length:")
}

/// The headers' own checks.
pub(crate) mod headers {
    use ::http::HeaderMap;
    use ::http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE};

    use super::super::headers;

    /// What is between neighbours ends here, what the message cannot be without stays, and the client's address is the last of its list.
    pub(crate) fn check(mut map: HeaderMap) {
        let (before, address) = (map.clone(), HeaderValue::from_static("10.0.0.1"));
        let upgrade = headers::upgrade(&map);
        assert!(upgrade.is_none() || map.contains_key(UPGRADE), "an upgrade that nobody asks for");
        headers::strip(&mut map);
        for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings"] {
            assert!(!map.contains_key(name), "{name} goes on");
        }
        let te: Vec<_> = map.get_all(TE).iter().collect();
        assert!(te.is_empty() || te == ["trailers"], "TE goes on as {te:?}");
        let all = |map: &HeaderMap, name| map.get_all(name).iter().cloned().collect::<Vec<_>>();
        assert_eq!(all(&map, HOST), all(&before, HOST), "what the message cannot be without");
        let length = if before.contains_key(TRANSFER_ENCODING) { vec![] } else { all(&before, CONTENT_LENGTH) };
        assert_eq!(all(&map, CONTENT_LENGTH), length, "the length, unless a coding outranks it");
        if !before.contains_key(CONNECTION) && !before.contains_key(TRANSFER_ENCODING) {
            let gone = before.keys().filter(|name| !map.contains_key(*name) && **name != TE);
            let between = ["keep-alive", "proxy-connection", "upgrade", "http2-settings"];
            gone.for_each(|name| assert!(between.contains(&name.as_str()), "{name} is lost"));
        }
        headers::forwarded(&mut map, &address, false, None);
        let list = all(&map, "x-forwarded-for".parse().expect("it is a name"));
        assert!(list.len() == 1 && list[0].as_bytes().ends_with(b"10.0.0.1"), "{list:?}");
        headers::join_cookies(&mut map);
        assert!(all(&map, COOKIE).len() <= 1, "cookies in several lines");
        let once = map.clone();
        headers::strip(&mut map);
        assert_eq!(map, once, "doing it twice changes nothing");
    }
}
