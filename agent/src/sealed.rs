//! Records as files: a header with the format and the digest of the rest, then the record as JSON, a line each. What a torn write or a bad disk
//! leaves is told from a record. Not here: what is recorded, and where.

use evenkeel_model::Digest;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    digest: Digest,
}

/// Why bytes are no record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It is of another format; nothing else was looked at.
    Format(u32),
    /// It is not what was written.
    Damaged(&'static str),
}

/// The bytes of a record.
pub(crate) fn seal<T: Serialize>(format: u32, record: &T) -> Vec<u8> {
    let body = serde_json::to_vec(record).expect("plain data has a JSON form");
    let header = Header { format, digest: Digest::of(&body) };
    let mut bytes = serde_json::to_vec(&header).expect("plain data has a JSON form");
    bytes.push(b'\n');
    bytes.extend_from_slice(&body);
    bytes.push(b'\n');
    bytes
}

/// The record's JSON.
pub(crate) fn open(format: u32, bytes: &[u8]) -> Result<&[u8], Broken> {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let header: Option<Header> = lines.next().and_then(|line| serde_json::from_slice(line).ok());
    let header = header.ok_or(Broken::Damaged("it has no header"))?;
    if header.format != format {
        return Err(Broken::Format(header.format));
    }
    let body = lines.next().and_then(|rest| rest.strip_suffix(b"\n")).ok_or(Broken::Damaged("it is cut short"))?;
    if Digest::of(body) != header.digest {
        return Err(Broken::Damaged("its content does not match its digest"));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_opened_and_anything_else_is_not() {
        let bytes = seal(2, &"keel");
        assert_eq!(open(2, &bytes), Ok(&b"\"keel\""[..]));
        assert_eq!(open(1, &bytes), Err(Broken::Format(2)));
        for end in 0..bytes.len() {
            assert!(matches!(open(2, &bytes[..end]), Err(Broken::Damaged(_))), "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(open(2, &other).is_err(), "changed at {at}");
        }
    }
}
