//! As much of HTTP/1.1 as a test needs: request heads in, heads and bodies out.
//!
//! Deliberately not here: chunked request bodies (refused), and what the paths mean.

mod response;

use std::io::{self, BufRead, Read};

pub(crate) use response::{Body, Framing, Response, write_response, write_switch};

use crate::payload::Received;

/// A request head longer than this is refused: nothing in a test is.
const HEAD_LIMIT_BYTES: u64 = 16 * 1024;

/// A request, its body already read.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// What the client wants; the server may still close.
    pub(crate) keep_alive: bool,
    /// The key of a client that wants to go on with WebSocket frames.
    pub(crate) websocket_key: Option<String>,
    /// What of its body is kept: how much it was.
    pub(crate) received: Received,
}

impl Request {
    /// The number behind `name=` in the query, 0 if it is absent or no number.
    pub(crate) fn number(&self, name: &str) -> u64 {
        number_in(&self.query, name)
    }
}

/// The number behind `name=` in a query, 0 if it is absent or no number.
pub(crate) fn number_in(query: &str, name: &str) -> u64 {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0)
}

/// Reads the next request, `None` when the client has closed between two requests.
pub(crate) fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut head = reader.take(HEAD_LIMIT_BYTES);
    let mut first = String::new();
    if head.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace();
    let (Some(method), Some(target), Some(protocol)) = (words.next(), words.next(), words.next()) else {
        return Err(bad("not a request line"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        keep_alive: protocol == "HTTP/1.1",
        websocket_key: None,
        received: Received::default(),
    };
    let body_bytes = read_headers(&mut head, &mut request)?;
    if io::copy(&mut reader.take(body_bytes), &mut request.received)? != body_bytes {
        return Err(bad("the body is cut short"));
    }
    Ok(Some(request))
}

/// Reads header lines up to the empty one; returns the length of the body.
fn read_headers(head: &mut impl BufRead, request: &mut Request) -> io::Result<u64> {
    let mut body_bytes = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Err(bad("request head cut short or too long"));
        }
        let text = line.trim_end();
        if text.is_empty() {
            return Ok(body_bytes);
        }
        let (name, value) = text.split_once(':').ok_or_else(|| bad("not a header line"))?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "connection" if value.eq_ignore_ascii_case("close") => request.keep_alive = false,
            "connection" if value.eq_ignore_ascii_case("keep-alive") => request.keep_alive = true,
            "content-length" => body_bytes = value.parse().map_err(|_| bad("content-length is no number"))?,
            "transfer-encoding" => return Err(bad("chunked requests are not understood")),
            "sec-websocket-key" => request.websocket_key = Some(value.to_owned()),
            _ => {}
        }
    }
}

fn bad(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Option<Request>> {
        read_request(&mut text.as_bytes())
    }

    #[test]
    fn a_request_is_read_with_its_query() {
        let request = read("GET /slow?a=1&ms=250 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/slow"));
        assert_eq!((request.number("ms"), request.number("n")), (250, 0));
        assert!(request.keep_alive);
    }

    #[test]
    fn closing_is_the_default_of_the_old_protocol_and_may_be_asked_for() {
        assert!(!read("GET / HTTP/1.0\r\n\r\n").unwrap().unwrap().keep_alive);
        assert!(read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").unwrap().unwrap().keep_alive);
        assert!(!read("GET / HTTP/1.1\r\nconnection: close\r\n\r\n").unwrap().unwrap().keep_alive);
    }

    #[test]
    fn a_body_is_read_over_so_that_the_next_request_is_found() {
        let mut two = &b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nfoobarGET /next HTTP/1.1\r\n\r\n"[..];
        let first = read_request(&mut two).unwrap().unwrap();
        assert_eq!((first.method.as_str(), first.received.text().as_str()), ("POST", "6 85944171f73967e8"));
        assert_eq!(read_request(&mut two).unwrap().unwrap().path, "/next");
        assert!(read_request(&mut two).unwrap().is_none());
    }

    #[test]
    fn a_head_or_body_cut_short_is_refused() {
        assert!(read("GET / HTTP/1.1\r\nHost: x").is_err());
        assert!(read(&format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(20_000))).is_err());
        assert!(read("POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nfoo").is_err());
    }
}
