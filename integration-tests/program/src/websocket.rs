//! As much of RFC 6455 as a test needs: the handshake's key, and whole frames in and out of a buffer.
//!
//! Deliberately not here: reading and writing sockets, messages in several frames (refused), extensions.

mod sha1;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// RFC 6455, section 1.3: what a server appends to the client's key.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// In the place of a short length: it stands behind, in two or in eight bytes.
const MEDIUM: u8 = 0x7e;
const LONG: u8 = 0x7f;
/// More in one frame is refused: no test sends as much.
const LONGEST_PAYLOAD: u64 = 1024 * 1024;

/// What a frame is for, RFC 6455 section 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// Text.
    Text,
    /// Any bytes.
    Binary,
    /// The last frame in its direction.
    Close,
    /// To be answered by a pong with the same payload.
    Ping,
    /// The answer.
    Pong,
}

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is for.
    pub opcode: Opcode,
    /// What it carries, unmasked.
    pub payload: Vec<u8>,
}

/// Bytes that are no frame, or none that is understood here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoFrame(&'static str);

impl fmt::Display for NoFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NoFrame {}

impl Opcode {
    const ALL: [(u8, Self); 5] =
        [(1, Self::Text), (2, Self::Binary), (8, Self::Close), (9, Self::Ping), (10, Self::Pong)];

    fn number(self) -> u8 {
        Self::ALL.iter().find(|(_, opcode)| *opcode == self).map_or(0, |(number, _)| *number)
    }

    fn of(number: u8) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == number).map(|(_, opcode)| *opcode)
    }
}

/// `Sec-WebSocket-Accept` for this `Sec-WebSocket-Key`.
pub fn accept(key: &str) -> String {
    STANDARD.encode(sha1::digest(format!("{key}{GUID}").as_bytes()))
}

impl Frame {
    /// A frame with this payload.
    pub fn new(opcode: Opcode, payload: impl Into<Vec<u8>>) -> Self {
        Self { opcode, payload: payload.into() }
    }

    /// On the wire. A client masks, a server must not.
    pub fn encode(&self, mask: Option<[u8; 4]>) -> Vec<u8> {
        let flag = if mask.is_some() { 0x80 } else { 0 };
        let mut wire = vec![0x80 | self.opcode.number()];
        let length = self.payload.len();
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ ..=125), _) => wire.push(flag | short),
            (_, Ok(medium)) => {
                wire.push(flag | MEDIUM);
                wire.extend(medium.to_be_bytes());
            }
            _ => {
                wire.push(flag | LONG);
                wire.extend((length as u64).to_be_bytes());
            }
        }
        wire.extend(mask.iter().flatten());
        wire.extend(masked(&self.payload, mask.unwrap_or_default()));
        wire
    }

    /// The frame at the beginning of `buffer`, which it is taken out of; `None` when it has not wholly arrived.
    pub fn decode(buffer: &mut Vec<u8>) -> Result<Option<Self>, NoFrame> {
        let [first, second, ..] = buffer[..] else { return Ok(None) };
        if first & 0xf0 != 0x80 {
            return Err(NoFrame("a message in several frames, or one with an extension"));
        }
        let opcode = Opcode::of(first & 0x0f).ok_or(NoFrame("an unknown kind of frame"))?;
        let (length, length_bytes) = match second & 0x7f {
            MEDIUM => (buffer.get(2..4).map(number), 2),
            LONG => (buffer.get(2..10).map(number), 8),
            short => (Some(u64::from(short)), 0),
        };
        let Some(length) = length else { return Ok(None) };
        if length > LONGEST_PAYLOAD {
            return Err(NoFrame("a frame too long"));
        }
        let is_masked = second & 0x80 != 0;
        let head = 2 + length_bytes + if is_masked { 4 } else { 0 };
        let end = head + usize::try_from(length).map_err(|_| NoFrame("a frame too long"))?;
        let Some(payload) = buffer.get(head..end) else { return Ok(None) };
        let mask = if is_masked { buffer[head - 4..head].try_into().unwrap_or_default() } else { [0; 4] };
        let payload = masked(payload, mask).collect();
        buffer.drain(..end);
        Ok(Some(Self { opcode, payload }))
    }
}

/// The bytes as one number, the highest first.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Masks, or takes the mask off.
fn masked(payload: &[u8], mask: [u8; 4]) -> impl Iterator<Item = u8> + '_ {
    payload.iter().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_standard_is_accepted_as_the_standard_says() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        // RFC 6455, section 5.7: "Hello", unmasked and masked.
        let hello = Frame::new(Opcode::Text, "Hello");
        let plain = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(hello.encode(None), plain);
        assert_eq!(hello.encode(Some([0x37, 0xfa, 0x21, 0x3d])), masked);
        for wire in [&plain[..], &masked[..]] {
            assert_eq!(Frame::decode(&mut wire.to_vec()), Ok(Some(hello.clone())));
        }
    }

    #[test]
    fn a_frame_of_any_length_is_read_once_it_is_whole() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let frame = Frame::new(Opcode::Binary, vec![7; length]);
            let wire = frame.encode(Some([1, 2, 3, 4]));
            assert_eq!(Frame::decode(&mut wire[..wire.len() - 1].to_vec()), Ok(None), "{length}");
            let mut two = [wire.clone(), wire].concat();
            assert_eq!(Frame::decode(&mut two), Ok(Some(frame.clone())), "{length}");
            assert_eq!(Frame::decode(&mut two), Ok(Some(frame)), "{length}");
            assert!(two.is_empty());
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(Frame::decode(&mut vec![0x01, 0x00]).is_err(), "the first of several frames");
        assert!(Frame::decode(&mut vec![0x83, 0x00]).is_err(), "an unknown kind");
        assert!(Frame::decode(&mut vec![0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0]).is_err(), "far too long");
    }
}
