//! A small blocking HTTP/1.1 client, over TCP and unix sockets: for engines, the registry and the test program.
//!
//! Deliberately not here: TLS, redirects, retries. A test wants to see every failure.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// For connecting, and for each read and write, of [`get`]: far above what a healthy host on the same machine takes.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An answer with its whole body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body, transfer encoding undone.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header, its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text, without surrounding white space.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().to_owned()
    }

    /// The body as one JSON value. The error quotes it.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {}", self.text()))
    }

    fn asks_to_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// What to send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// Path and query, encoded already.
    pub(super) path: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

impl<'a> Request<'a> {
    pub(super) fn new(method: &'a str, path: &'a str) -> Self {
        Self { method, path, headers: &[], body: &[] }
    }
}

/// One connection, used for any number of requests in a row.
#[derive(Debug)]
pub(super) struct Connection<S> {
    reader: BufReader<S>,
    authority: String,
    closed: bool,
}

impl Connection<TcpStream> {
    pub(super) fn open(address: SocketAddr, timeout: Duration) -> Result<Self> {
        Self::open_within(address, timeout, timeout)
    }

    /// `connect` is for connecting, `answer` for each read and write.
    pub(super) fn open_within(address: SocketAddr, connect: Duration, answer: Duration) -> Result<Self> {
        let stream =
            TcpStream::connect_timeout(&address, connect).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(answer))?;
        stream.set_write_timeout(Some(answer))?;
        Ok(Self::over(stream, address.to_string()))
    }
}

impl<S: Read + Write> Connection<S> {
    /// Speaks over a stream that is connected already; `authority` is what the `Host` header says.
    pub(super) fn over(stream: S, authority: String) -> Self {
        Self { reader: BufReader::new(stream), authority, closed: false }
    }

    /// Whether the other side has said that this connection is at its end.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Sends a request and reads its answer. After an error the connection is of no further use.
    pub(super) fn send(&mut self, request: Request<'_>) -> Result<Answer> {
        let Request { method, path, headers, body } = request;
        // Head and body of a small request in one write: in two, the second would wait for the first's acknowledgement.
        let mut message = Vec::new();
        write!(message, "{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.authority)?;
        for (name, value) in headers {
            write!(message, "{name}: {value}\r\n")?;
        }
        if !body.is_empty() || method == "POST" || method == "PUT" {
            write!(message, "Content-Length: {}\r\n", body.len())?;
        }
        message.extend_from_slice(b"\r\n");
        message.extend_from_slice(body);
        self.reader.get_mut().write_all(&message).context("cannot send the request")?;
        let answer = read_answer(&mut self.reader, method == "HEAD")?;
        self.closed = answer.asks_to_close();
        Ok(answer)
    }
}

/// `GET path` on a connection of its own, from this process's own network: the root namespace. Any status is an answer.
pub fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    let request = Request { headers: &[("Connection", "close")], ..Request::new("GET", path) };
    Connection::open(address, TIMEOUT)?.send(request)
}

/// Encodes `text` for use as a value in a query.
pub(super) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn read_answer(reader: &mut impl BufRead, head_only: bool) -> Result<Answer> {
    loop {
        let mut answer = read_head(reader)?;
        if answer.status / 100 == 1 {
            continue;
        }
        if head_only || answer.status == 204 || answer.status == 304 {
            return Ok(answer);
        }
        let chunked = answer.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let length = answer.header("content-length").map(str::parse::<u64>).transpose()?;
        match length {
            _ if chunked => read_chunks(reader, &mut answer.body)?,
            Some(length) => {
                let count = reader.take(length).read_to_end(&mut answer.body).context("body cut short")?;
                ensure!(count as u64 == length, "body cut short after {count} of {length} bytes");
            }
            None => drop(reader.read_to_end(&mut answer.body).context("body cut short")?),
        }
        return Ok(answer);
    }
}

fn read_head(reader: &mut impl BufRead) -> Result<Answer> {
    let status_line = read_line(reader).context("no answer")?;
    let status = status_line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .with_context(|| format!("not an HTTP answer: {status_line:?}"))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader).context("head cut short")?;
        if line.is_empty() {
            return Ok(Answer { status, headers, body: Vec::new() });
        }
        let (name, value) = line.split_once(':').with_context(|| format!("not a header: {line:?}"))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let line = read_line(reader).context("chunk cut short")?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).with_context(|| format!("not a chunk size: {line:?}"))?;
        if size == 0 {
            // Trailers, up to an empty line.
            while !read_line(reader).context("trailer cut short")?.is_empty() {}
            return Ok(());
        }
        let count = reader.take(size).read_to_end(body)?;
        ensure!(count as u64 == size, "chunk cut short after {count} of {size} bytes");
        ensure!(read_line(reader)?.is_empty(), "chunk without its end");
    }
}

fn read_line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        bail!("the connection was closed");
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Answer> {
        read_answer(&mut text.as_bytes(), false)
    }

    #[test]
    fn bodies_of_all_three_kinds_are_read() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nv1\nrest",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nv1\r\n1;x\r\n\n\r\n0\r\n\r\nrest",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nv1\n",
        ] {
            let answer = read(text).unwrap();
            assert_eq!((answer.status, answer.body.as_slice()), (200, &b"v1\n"[..]), "{text}");
        }
    }

    #[test]
    fn an_answer_cut_short_is_an_error() {
        for text in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nv1", "hello\r\n\r\n"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_query_value_is_encoded() {
        assert_eq!(encode("ENV A=\"b c\""), "ENV%20A%3D%22b%20c%22");
    }
}
