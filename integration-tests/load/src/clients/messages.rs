//! Messages on a connection that lasts: over a WebSocket, and over bare TCP. Each must come back as it was sent.

use evenkeel_test_program::websocket::{Frame, Opcode, accept};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Task;
use crate::connection::{answer, connect, has_ended};
use crate::failure::{Failure, Kind as Loss};
use crate::plan::Kind;

/// That of RFC 6455's example: this client is nobody's enemy.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// An answer's head is shorter.
const LONGEST_HEAD: usize = 16 * 1024;

pub(super) async fn work(task: Task) {
    let Task { target, client, number, mut schedule, recorder } = task;
    let mut open: Option<Conversation> = None;
    let mut count = 0_u64;
    while let Some(late) = schedule.due().await {
        recorder.late(late);
        count += 1;
        if open.as_ref().is_some_and(|open| open.buffer.is_empty() && has_ended(&open.stream)) {
            recorder.reconnected();
            open = None;
        }
        let sent = Instant::now();
        let message = format!("{number}/{count:012}");
        let end = async {
            let mut conversation = match open.take() {
                Some(conversation) => conversation,
                None if client.kind == Kind::Tcp => Conversation::bare(connect(target).await?),
                None => Conversation::upgrade(connect(target).await?, &target.to_string()).await?,
            };
            conversation.exchange(&message).await?;
            Ok(open.insert(conversation).label.clone())
        };
        let end = end.await;
        recorder.ended(sent, end);
    }
}

/// A connection on which messages are exchanged.
#[derive(Debug)]
struct Conversation {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The version at the other end; `tcp` where it does not say.
    label: String,
    is_websocket: bool,
}

impl Conversation {
    fn bare(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new(), label: "tcp".to_owned(), is_websocket: false }
    }

    async fn upgrade(stream: TcpStream, host: &str) -> Result<Self, Failure> {
        let mut conversation = Self { is_websocket: true, ..Self::bare(stream) };
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        conversation.write(head.as_bytes()).await?;
        let end = loop {
            if let Some(end) = conversation.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if conversation.buffer.len() > LONGEST_HEAD {
                return Err(Failure::new(Loss::WrongBody, "the head of the answer does not end"));
            }
            conversation.fill().await?;
        };
        let head: Vec<u8> = conversation.buffer.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let first = head.lines().next().unwrap_or_default();
        if !first.starts_with("HTTP/1.1 101 ") {
            return Err(Failure::new(Loss::BadStatus, first));
        }
        if header(&head, "sec-websocket-accept") != Some(&accept(KEY)) {
            return Err(Failure::new(Loss::WrongBody, "the upgrade was accepted with a wrong key"));
        }
        header(&head, "x-version").unwrap_or_default().clone_into(&mut conversation.label);
        Ok(conversation)
    }

    /// Sends a message, and waits for it to come back.
    async fn exchange(&mut self, message: &str) -> Result<(), Failure> {
        if self.is_websocket {
            self.write(&Frame::new(Opcode::Text, message).encode(Some(MASK))).await?;
            let frame = loop {
                if let Some(frame) = Frame::decode(&mut self.buffer).map_err(|error| Failure::before_answer(&error))? {
                    break frame;
                }
                self.fill().await?;
            };
            return match frame.opcode {
                Opcode::Text if frame.payload == message.as_bytes() => Ok(()),
                Opcode::Close => Err(Failure::new(Loss::Eof, "closed by the other side before the message came back")),
                _ => Err(Failure::new(Loss::WrongBody, format!("{frame:?} for {message}"))),
            };
        }
        self.write(message.as_bytes()).await?;
        while self.buffer.len() < message.len() {
            self.fill().await?;
        }
        let back: Vec<u8> = self.buffer.drain(..message.len()).collect();
        if back == message.as_bytes() {
            return Ok(());
        }
        Err(Failure::new(Loss::WrongBody, format!("{} for {message}", String::from_utf8_lossy(&back))))
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        answer("sending", self.stream.write_all(bytes)).await?.map_err(|error| Failure::before_answer(&error))
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        let read = answer("the answer", self.stream.read_buf(&mut self.buffer)).await?;
        match read.map_err(|error| Failure::before_answer(&error))? {
            0 => Err(Failure::new(Loss::Eof, "the connection ended")),
            _ => Ok(()),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}
