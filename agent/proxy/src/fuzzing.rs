//! What reads bytes of clients here, with what must hold whatever they are: called by the fuzz targets (`fuzz/`) and, with input that is
//! made up, by the tests below. Each function panics where it does not hold. Not here: hyper's own parsers.

use ::http::{HeaderMap, HeaderName, HeaderValue};

use crate::choose;
use crate::http::{header_checks as headers, scan_bytes};
use crate::table::{Paths, bare_host};

/// The second look at the heads of a connection, fed at once and in two parts, split anywhere: what it finds is the same.
pub fn scan(bytes: &[u8]) {
    scan_bytes(bytes);
}

/// The headers of a message, one for each line, as they are changed on the way.
pub fn forwarded_headers(bytes: &[u8]) {
    let mut map = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(&line[colon + 1..]));
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
    headers::check(map);
}

/// A `Cookie` header and the name of a cookie, with a 0 between them.
pub fn cookie(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (name, header) = text.split_once('\0').unwrap_or(("keel", &text));
    if let Some(value) = choose::cookie(header, name) {
        assert!(header.contains(&format!("{name}={value}")), "a cookie that is not there was found");
        assert!(!value.contains(';'), "a value goes beyond its cookie");
    }
}

/// A host and a path, with a 0 between them, among routes.
pub fn route(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (host, path) = text.split_once('\0').unwrap_or((&text, "/"));
    let bare = bare_host(host);
    assert_eq!(bare.to_ascii_lowercase(), bare, "a bare host is in lower case");
    let mut paths = Paths::default();
    paths.insert(&[], "/", &0);
    paths.insert(&[], "/a/b", &1);
    paths.insert(&["shop.test".to_owned()], "/a", &2);
    match paths.find(host, path) {
        Some(2) => assert!(bare == "shop.test" && (path == "/a" || path.starts_with("/a/"))),
        Some(1) => assert!(path == "/a/b" || path.starts_with("/a/b/")),
        found => assert_eq!(found, Some(&0), "the route of all hosts and paths is for this one too"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// Bytes, and among them pieces that mean something.
    fn bytes(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
        let piece =
            prop_oneof![3 => select(pieces).prop_map(|piece| piece.as_bytes().to_vec()), 1 => vec(any::<u8>(), 0..8)];
        vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn heads_are_scanned_the_same_however_they_arrive(
            bytes in bytes(&["GET / HTTP/1.1", "\r\n", "\n", "\r", "\r\n\r\n", "Content-Length: 3", "Transfer-Encoding: chunked", "x: y", "abc", "0"])
        ) {
            scan(&bytes);
        }

        #[test]
        fn what_is_for_the_neighbour_ends_here_and_the_rest_goes_on(
            bytes in bytes(&["Connection", "TE", "Upgrade", "Keep-Alive", "X-Forwarded-For", "X-Hop", "Content-Length", "Transfer-Encoding", "Host", "Cookie",
                ":", ": ", ",", ", ", "\n", "close", "keep-alive", "x-hop", "te", "trailers", "websocket", "upgrade", "content-length", "host", "1.2.3.4"])
        ) {
            forwarded_headers(&bytes);
        }

        #[test]
        fn a_cookie_is_one_that_is_there(bytes in bytes(&["keel", "=", ";", "; ", " ", "\0", "abc", "a=1"])) {
            cookie(&bytes);
        }

        #[test]
        fn a_route_is_found_by_whole_parts_of_its_path(
            bytes in bytes(&["shop.test", "SHOP.test", ":80", ".", "[", "]", "::1", "\0", "/", "/a", "/b", "a", "?"])
        ) {
            route(&bytes);
        }
    }
}
