//! Answers, and how they are written. Not here: which path has which answer.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use crate::payload;

/// Written at a time of a large body.
const CHUNK_BYTES: usize = 64 * 1024;

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: &'static str,
    /// How long it is in coming.
    pub(crate) delay: Duration,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) enum Body {
    Text(String),
    /// This many times the letter x.
    Filler(u64),
    /// This many bytes of [`payload::fill`].
    Payload(u64),
    /// In chunks, without its length said before: so many pieces, and a pause before each.
    Pieces(u64, Duration),
}

/// What the server says of every answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Framing<'a> {
    pub(crate) version: &'a str,
    /// What the server has decided.
    pub(crate) keep_alive: bool,
    /// For HEAD.
    pub(crate) head_only: bool,
}

impl Response {
    /// 200 and a text.
    pub(crate) fn text(text: String) -> Self {
        Self::of(Body::Text(text))
    }

    /// 200 and this.
    pub(crate) fn of(body: Body) -> Self {
        Self { status: "200 OK", delay: Duration::ZERO, body }
    }

    /// Whether the program itself failed.
    pub(crate) fn is_error(&self) -> bool {
        self.status.starts_with('5')
    }
}

impl Body {
    /// Its length, where that is known before it is sent.
    fn length(&self) -> Option<u64> {
        match self {
            Self::Text(text) => Some(text.len() as u64),
            Self::Filler(bytes) | Self::Payload(bytes) => Some(*bytes),
            Self::Pieces(..) => None,
        }
    }
}

/// Writes an answer. Its delay is the caller's.
pub(crate) fn write_response(stream: &mut impl Write, response: &Response, framing: Framing<'_>) -> io::Result<()> {
    let length = match response.body.length() {
        Some(length) => format!("Content-Length: {length}"),
        None => "Transfer-Encoding: chunked".to_owned(),
    };
    let connection = if framing.keep_alive { "keep-alive" } else { "close" };
    let mut start = format!(
        "HTTP/1.1 {}\r\nContent-Type: text/plain\r\n{length}\r\nConnection: {connection}\r\nX-Version: {}\r\n\r\n",
        response.status, framing.version
    );
    match &response.body {
        _ if framing.head_only => stream.write_all(start.as_bytes()),
        Body::Text(text) => {
            // One write, so that a small answer is one packet.
            start.push_str(text);
            stream.write_all(start.as_bytes())
        }
        body => {
            stream.write_all(start.as_bytes())?;
            write_long(stream, body)
        }
    }
}

/// Agrees to go on with WebSocket frames.
pub(crate) fn write_switch(stream: &mut impl Write, accept: &str, version: &str) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nX-Version: {version}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())
}

fn write_long(stream: &mut impl Write, body: &Body) -> io::Result<()> {
    match body {
        Body::Text(_) => Ok(()),
        Body::Filler(bytes) => write_counted(stream, *bytes, |_, chunk| chunk.fill(b'x')),
        Body::Payload(bytes) => write_counted(stream, *bytes, payload::fill),
        Body::Pieces(pieces, pause) => {
            for number in 0..*pieces {
                thread::sleep(*pause);
                let piece = payload::piece(number);
                stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes())?;
            }
            stream.write_all(b"0\r\n\r\n")
        }
    }
}

fn write_counted(stream: &mut impl Write, bytes: u64, make: impl Fn(u64, &mut [u8])) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut place = 0;
    while place < bytes {
        let part = usize::try_from(bytes - place).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        make(place, &mut chunk[..part]);
        stream.write_all(&chunk[..part])?;
        place += part as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Received;

    fn written(body: Body) -> (String, Vec<u8>) {
        let mut wire = Vec::new();
        let framing = Framing { version: "v1", keep_alive: true, head_only: false };
        write_response(&mut wire, &Response::of(body), framing).unwrap();
        let end = wire.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        (String::from_utf8(wire[..end].to_vec()).unwrap(), wire[end + 4..].to_vec())
    }

    #[test]
    fn a_body_has_the_length_that_was_announced() {
        let (head, body) = written(Body::Filler(100_000));
        assert!(head.contains("Content-Length: 100000") && head.contains("X-Version: v1"), "{head}");
        assert_eq!(body, vec![b'x'; 100_000]);
        let (_, body) = written(Body::Payload(100_000));
        let mut received = Received::default();
        received.take(&body);
        assert_eq!(received, Received::of_filled(100_000));
    }

    #[test]
    fn pieces_come_as_chunks() {
        let (head, body) = written(Body::Pieces(2, Duration::ZERO));
        assert!(head.contains("Transfer-Encoding: chunked"), "{head}");
        assert_eq!(body, b"8\r\npiece 0\n\r\n8\r\npiece 1\n\r\n0\r\n\r\n");
    }
}
