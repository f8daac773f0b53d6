//! What is changed in the headers on the way: hop-by-hop ones end here, and the app learns who asked. Pure.
//! Not here: framing (`Content-Length`, chunks), which is hyper's.

use ::http::HeaderMap;
use ::http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, Entry, HOST, HeaderName, HeaderValue, SET_COOKIE, TE, TRANSFER_ENCODING,
    UPGRADE,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Whether a comma-separated header has this word.
fn has_word(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let words = |value: &HeaderValue| {
        value.to_str().is_ok_and(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    headers.get_all(name).iter().any(words)
}

/// The protocol a request or an answer asks to change to. Not h2c: within it a client would be past our routes.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let wanted = headers.get(UPGRADE)?;
    (has_word(headers, &CONNECTION, "upgrade") && !has_word(headers, &UPGRADE, "h2c")).then(|| wanted.clone())
}

/// What is between two neighbours only, besides what `Connection` lists. `Connection` is the first, `Transfer-Encoding` the second, and
/// `TE`, which is treated on its own, the last.
static BETWEEN: [HeaderName; 7] =
    [CONNECTION, TRANSFER_ENCODING, KEEP_ALIVE, PROXY_CONNECTION, UPGRADE, HTTP2_SETTINGS, TE];

/// Takes away what is between two neighbours only (RFC 9110, 7.6.1), and a length beside a transfer coding, which outranks it: the body
/// may have another (RFC 9112, 6.3).
pub(super) fn strip(headers: &mut HeaderMap) {
    // One look at what there is: it is little, and asking for each of the names costs more than all else here.
    let mut found = [false; BETWEEN.len()];
    for name in headers.keys() {
        if let Some(at) = BETWEEN.iter().position(|between| between == name) {
            found[at] = true;
        }
    }
    if found[0] && !lists_nothing(headers) {
        for name in listed(headers) {
            headers.remove(name);
        }
    }
    if found[1] {
        headers.remove(CONTENT_LENGTH);
    }
    let trailers = found[6] && has_word(headers, &TE, "trailers");
    for (name, found) in BETWEEN.iter().zip(found) {
        if found {
            headers.remove(name);
        }
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Whether `Connection` is the usual one, which names nothing that is not taken away in any case.
fn lists_nothing(headers: &HeaderMap) -> bool {
    headers.get_all(CONNECTION).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(b"keep-alive"))
}

/// The headers that `Connection` names.
fn listed(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // `TE` must be listed and is treated on its own; a peer may not make us drop what the message cannot be without.
        .filter(|name| ![TE, HOST, CONTENT_LENGTH].contains(name))
        .collect()
}

/// Asks the neighbour to change the protocol.
pub(super) fn ask_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Says who asked, by which protocol, for which host. Whoever was before us and said so already is believed for the last two.
pub(super) fn forwarded(headers: &mut HeaderMap, address: &HeaderValue, tls: bool, host: Option<&HeaderValue>) {
    if let Entry::Vacant(absent) = headers.entry(FORWARDED_FOR) {
        absent.insert(address.clone());
    } else {
        let list = joined(headers, &FORWARDED_FOR, b", ", Some(address)).unwrap_or_else(|| address.clone());
        headers.insert(FORWARDED_FOR, list);
    }
    if let Entry::Vacant(absent) = headers.entry(FORWARDED_PROTO) {
        absent.insert(HeaderValue::from_static(if tls { "https" } else { "http" }));
    }
    if let (Some(host), Entry::Vacant(absent)) = (host, headers.entry(FORWARDED_HOST)) {
        absent.insert(host.clone());
    }
}

/// HTTP/2 sends each cookie for itself, HTTP/1.1 all in one line (RFC 9113, 8.2.3).
pub(super) fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_some()
        && let Some(line) = joined(headers, &COOKIE, b"; ", None)
    {
        headers.insert(COOKIE, line);
    }
}

/// Keeps the client on an upstream.
pub(super) fn set_cookie(headers: &mut HeaderMap, name: &str, tag: &str) {
    if let Ok(cookie) = HeaderValue::try_from(format!("{name}={tag}; Path=/; HttpOnly")) {
        headers.append(SET_COOKIE, cookie);
    }
}

/// The cookie of this name.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(|text| crate::choose::cookie(text, name))
}

fn joined(headers: &HeaderMap, name: &HeaderName, between: &[u8], last: Option<&HeaderValue>) -> Option<HeaderValue> {
    let values: Vec<&[u8]> = headers.get_all(name).iter().chain(last).map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&values.join(between)).ok()
}

#[cfg(test)]
mod tests;
