//! `x-rollout.health.http`: the request by which a container is asked, and the answers that are good. Not here: sending it (the agent).

use std::collections::BTreeMap;

use evenkeel_model::HttpProbe;

use crate::problem::shown;
use crate::reader::{At, Fields, Reader};
use crate::{host_name, keys, probe};

/// The methods by which a health path may want to be asked.
const METHODS: [(&str, &str); 5] =
    [("GET", "GET"), ("HEAD", "HEAD"), ("OPTIONS", "OPTIONS"), ("POST", "POST"), ("PUT", "PUT")];

/// Headers that say how a message is framed or what becomes of its connection: the agent's business.
const RESERVED: [&str; 7] =
    ["connection", "content-length", "expect", "keep-alive", "te", "transfer-encoding", "upgrade"];

/// What a message says was expected of a status.
pub(crate) const STATUS: &str = "a status such as `200`, or a range such as `200-299`";

/// The probe, if it could be read.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<HttpProbe> {
    let fields = reader.map(at, &keys::HTTP)?;
    let path = fields.get("path").map_or(Some("/".to_owned()), |at| {
        let is_path = |text: &str| text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
        reader.parsed(&at, "a path such as `/healthz`", |text| is_path(text).then(|| text.to_owned()))
    });
    let port = probe::read_port(reader, at, &fields);
    let method = fields.get("method").map_or(Some("GET"), |at| reader.one_of(&at, &METHODS, &[]));
    let headers = read_headers(reader, &fields);
    let status = fields.get("status").map_or(Some((200, 399)), |at| reader.parsed(&at, STATUS, parse_status));
    let body = fields.get("body").map(|at| (reader.nonempty(&at, "text that a good answer contains"), at));
    let body = match body {
        Some((_, at)) if method == Some("HEAD") => {
            reader.problem(&at, "an answer to HEAD has no body: remove it, or write another method");
            None
        }
        Some((body, _)) => body.map(Some),
        None => Some(None),
    };
    let (status_from, status_to) = status?;
    Some(HttpProbe {
        port: port?,
        path: path?,
        method: method?.to_owned(),
        headers,
        status_from,
        status_to,
        body: body?,
    })
}

/// `headers`, and `host` as one of them.
fn read_headers(reader: &mut Reader<'_>, fields: &Fields<'_>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    let written = fields.get("headers").and_then(|at| reader.names(&at));
    for (name, at) in written.iter().flat_map(Fields::all) {
        let value = reader.parsed(&at, "a header's value, in ASCII", |text| is_value(text).then(|| text.to_owned()));
        let lower = name.to_ascii_lowercase();
        if !is_name(name) {
            reader.problem(&at, format!("{} is no header's name: write for example `Accept`", shown(name)));
        } else if RESERVED.contains(&lower.as_str()) {
            reader.problem(&at, format!("the agent sets `{name}` by itself: remove it"));
        } else if headers.insert(lower, value.unwrap_or_default()).is_some() {
            reader.problem(&at, format!("`{name}` is written twice, in capitals or not: keep one"));
        }
    }
    if let Some(at) = fields.get("host") {
        let host = reader.parsed(&at, "a host name such as `shop.example`", host_name::parse_with_port);
        if headers.insert("host".to_owned(), host.unwrap_or_default()).is_some() {
            reader.problem(&at, "it is also written under `headers`: keep one of them");
        }
    }
    headers
}

/// A token, as RFC 9110 has it.
fn is_name(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token)
}

fn is_value(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'))
}

/// `200`, or `200-299`: both are good.
pub(crate) fn parse_status(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| {
        let is_status = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|status| is_status && (200..=599).contains(status))
    };
    let (from, to) = (number(from)?, number(to)?);
    (from <= to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_or_a_range() {
        for (text, status) in
            [("200", (200, 200)), ("200-299", (200, 299)), ("401-401", (401, 401)), ("200-599", (200, 599))]
        {
            assert_eq!(parse_status(text), Some(status), "{text}");
        }
        // Those below 200 are no final answers.
        for text in
            ["", "ok", "20", "2000", "199", "600", "299-200", "200-", "-200", "200-299-399", "2xx", "+20", "200 - 299"]
        {
            assert_eq!(parse_status(text), None, "{text}");
        }
    }
}
