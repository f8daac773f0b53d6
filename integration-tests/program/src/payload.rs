//! Bytes that can be told from any others: a body whose every byte follows from its place, and a checksum of what arrived.
//!
//! Both are made to find lost, repeated and swapped pieces, and to cost little at 100 MB. Deliberately not here: safety against
//! somebody who forges them.

use std::io;

/// FNV-1a, 64 bits: its first value, and what each step multiplies by.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
/// 2^64 divided by the golden ratio: neighbouring places get bytes far apart, and no short period.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// How many bytes have passed, and their checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Their number.
    pub bytes: u64,
    sum: u64,
}

impl Default for Received {
    fn default() -> Self {
        Self { bytes: 0, sum: FNV_BASIS }
    }
}

impl Received {
    /// Of the first `bytes` bytes of the body that [`fill`] makes.
    pub fn of_filled(bytes: u64) -> Self {
        let mut received = Self::default();
        let mut buffer = [0; 4096];
        while received.bytes < bytes {
            let left = usize::try_from(bytes - received.bytes).unwrap_or(usize::MAX).min(buffer.len());
            fill(received.bytes, &mut buffer[..left]);
            received.take(&buffer[..left]);
        }
        received
    }

    /// The next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.sum = bytes.iter().fold(self.sum, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(FNV_PRIME));
    }

    /// `LENGTH CHECKSUM`, the checksum in 16 hexadecimal digits: what an upload is answered with.
    pub fn text(self) -> String {
        format!("{} {:016x}", self.bytes, self.sum)
    }
}

impl io::Write for Received {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fills `buffer` with the bytes that stand at `place` and behind.
pub fn fill(place: u64, buffer: &mut [u8]) {
    for (place, byte) in (place..).zip(buffer) {
        *byte = place.wrapping_mul(STEP).to_be_bytes()[0];
    }
}

/// What `/stream` answers: so many pieces, each a line that says which it is.
pub fn piece(number: u64) -> String {
    format!("piece {number}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_fnv_1a() {
        let mut received = Received::default();
        received.take(b"foobar");
        assert_eq!(received.text(), "6 85944171f73967e8");
    }

    #[test]
    fn a_body_can_be_made_in_pieces() {
        let mut whole = [0; 10_000];
        fill(0, &mut whole);
        let mut part = [0; 100];
        fill(5_000, &mut part);
        assert_eq!(part, whole[5_000..5_100]);
        let mut received = Received::default();
        received.take(&whole);
        assert_eq!(received, Received::of_filled(10_000));
    }

    #[test]
    fn a_lost_or_repeated_piece_changes_the_checksum() {
        let mut whole = [0; 10_000];
        fill(0, &mut whole);
        let of = |parts: &[&[u8]]| {
            let mut received = Received::default();
            for part in parts {
                received.take(part);
            }
            received.sum
        };
        let right = of(&[&whole]);
        assert_ne!(right, of(&[&whole[..4_000], &whole[4_001..]]));
        assert_ne!(right, of(&[&whole[4_000..], &whole[..4_000]]));
        assert_ne!(right, of(&[&whole[..5_000], &whole[4_000..5_000], &whole[6_000..]]));
    }
}
