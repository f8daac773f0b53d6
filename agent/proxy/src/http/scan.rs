//! A second look at the raw heads of HTTP/1.1 requests, for what hyper does not tell: that a head has begun and is not complete, and that
//! it had both `Content-Length` and `Transfer-Encoding` (hyper keeps the latter and drops the former in silence).
//! hyper alone decides what a request is; where the two lose each other's track, this finds nothing. Not here: timers, answers.

/// Longer heads are hyper's to refuse.
pub(super) const MOST: usize = 64 * 1024;

/// Follows the bytes of one connection.
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    /// From the beginning of the next head.
    head: Vec<u8>,
    /// What is left of a body of known length.
    skip: u64,
    /// Within a body of unknown length.
    opaque: bool,
}

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// So many bytes, often 0.
    Length(u64),
    /// Chunks.
    Chunks,
}

impl HeadScan {
    /// Bytes were read.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        if self.opaque {
            return;
        }
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        bytes = &bytes[skipped..];
        self.skip -= skipped as u64;
        if self.head.is_empty() {
            // Empty lines before a request are allowed, and no head has begun with them.
            let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            bytes = &bytes[blank..];
        }
        self.head.extend_from_slice(&bytes[..bytes.len().min(MOST - self.head.len().min(MOST))]);
    }

    /// Whether a head has begun.
    pub(super) fn begun(&self) -> bool {
        !self.head.is_empty()
    }

    /// How much it holds.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn held(&self) -> usize {
        self.head.len()
    }

    /// hyper found a whole head. Says whether both lengths were in it.
    pub(super) fn complete(&mut self, follows: Follows) -> bool {
        let Some(end) = end_of_head(&self.head) else {
            self.head.clear();
            return false;
        };
        let both = follows == Follows::Chunks && has_length(&self.head[..end]);
        let rest = self.head.split_off(end);
        self.head.clear();
        match follows {
            Follows::Chunks => self.opaque = true,
            Follows::Length(length) => {
                self.skip = length;
                if !rest.is_empty() {
                    self.feed(&rest);
                }
            }
        }
        both
    }

    /// A body of chunks has ended.
    pub(super) fn body_ended(&mut self) {
        self.opaque = false;
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(line) = bytes[from..].iter().position(|byte| *byte == b'\n') {
        from += line + 1;
        match &bytes[from..] {
            [b'\n', ..] => return Some(from + 1),
            [b'\r', b'\n', ..] => return Some(from + 2),
            _ => {}
        }
    }
    None
}

fn has_length(head: &[u8]) -> bool {
    const NAME: &[u8] = b"content-length:";
    head.split(|byte| *byte == b'\n')
        .any(|line| line.len() >= NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &[u8] = b"POST / HTTP/1.1\r\ncontent-LENGTH: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
    const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nX-Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn scan(bytes: &[u8]) -> HeadScan {
        let mut scan = HeadScan::default();
        for byte in bytes {
            scan.feed(&[*byte]);
        }
        scan
    }

    #[test]
    fn a_head_with_both_lengths_is_told_from_one_with_chunks_alone() {
        assert!(scan(BOTH).complete(Follows::Chunks));
        assert!(!scan(CHUNKED).complete(Follows::Chunks));
        assert!(scan(b"POST / HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 3\n\n").complete(Follows::Chunks));
    }

    #[test]
    fn the_lengths_of_an_earlier_request_are_not_those_of_the_next() {
        let earlier = b"POST / HTTP/1.1\r\nContent-Length: 19\r\n\r\nContent-Length: 3\r\n";
        for next in [BOTH, CHUNKED] {
            let mut at_once = HeadScan::default();
            at_once.feed(&[earlier, next].concat());
            let mut bit_by_bit = scan(b"");
            bit_by_bit.feed(earlier);
            assert!(!bit_by_bit.complete(Follows::Length(19)));
            assert!(!at_once.complete(Follows::Length(19)));
            bit_by_bit.feed(next);
            assert_eq!(at_once.complete(Follows::Chunks), next == BOTH);
            assert_eq!(bit_by_bit.complete(Follows::Chunks), next == BOTH);
        }
    }

    #[test]
    fn a_head_has_begun_with_its_first_byte_and_not_within_a_body() {
        let mut scan = scan(b"\r\nG");
        assert!(scan.begun());
        scan.feed(b"ET / HTTP/1.1\r\n\r\n\r\n");
        assert!(!scan.complete(Follows::Length(0)));
        assert!(!scan.begun());
        scan.feed(CHUNKED);
        assert!(!scan.complete(Follows::Chunks));
        scan.feed(b"5\r\nhello\r\n");
        assert!(!scan.begun());
        scan.body_ended();
        scan.feed(b"G");
        assert!(scan.begun());
    }
}
