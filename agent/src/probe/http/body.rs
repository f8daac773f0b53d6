//! As much of an answer's body as a probe needs: the words that must be in it, or its beginning for the evidence.
//! Not here: the status, which is judged before.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Instant;

/// So much of the body is searched, in bytes: a page says early whether it is well.
const MOST_SEARCHED: usize = 64 << 10;
/// So much of the body is kept as evidence, in bytes: enough for an error's first words, too little to fill a report.
const KEPT: usize = 200;

/// What came of a body.
pub(super) struct Body {
    bytes: Vec<u8>,
    end: End,
}

/// Why no more of it was read.
enum End {
    /// What was looked for is in it.
    Found,
    /// Nothing comes after it.
    Whole,
    /// It broke off.
    Broken,
    /// It is long enough.
    Full,
    /// The time was over.
    Late,
}

impl Body {
    /// Reads until `wanted` has come, or can't be expected any more. It ends by `until`.
    pub(super) async fn until_found(body: Incoming, wanted: &str, until: Instant) -> Self {
        let wanted = wanted.as_bytes();
        Self::read(body, MOST_SEARCHED, until, |bytes, new| {
            // It may have begun in what came before.
            let from = bytes.len().saturating_sub(new + wanted.len());
            wanted.is_empty() || bytes[from..].windows(wanted.len()).any(|window| window == wanted)
        })
        .await
    }

    /// Reads the first bytes. It ends by `until`: a body that does not come hides nothing that came.
    pub(super) async fn beginning(body: Incoming, until: Instant) -> Self {
        Self::read(body, KEPT, until, |_, _| false).await
    }

    async fn read(mut body: Incoming, most: usize, until: Instant, found: impl Fn(&[u8], usize) -> bool) -> Self {
        let mut bytes = Vec::new();
        let end = loop {
            if found(&bytes, 0) {
                break End::Found;
            }
            if bytes.len() >= most {
                break End::Full;
            }
            let frame = match tokio::time::timeout_at(until, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_))) => break End::Broken,
                Ok(None) => break End::Whole,
                Err(_) => break End::Late,
            };
            if let Some(data) = frame.data_ref() {
                let new = data.len().min(most - bytes.len());
                bytes.extend_from_slice(&data[..new]);
                if found(&bytes, new) {
                    break End::Found;
                }
            }
        };
        Self { bytes, end }
    }

    /// Whether `wanted` is in it, and what there is to say of that.
    pub(super) fn verdict(&self, wanted: &str) -> (bool, String) {
        let why = match self.end {
            End::Found => return (true, format!("and the body contains `{wanted}`")),
            End::Whole => "the body does not contain",
            End::Broken => "the body broke off before",
            End::Full => "the first 64 KiB of the body do not contain",
            End::Late => "the body did not come in time to show",
        };
        let excerpt = self.excerpt();
        let colon = if excerpt.is_empty() { "" } else { ": " };
        (false, format!("but {why} `{wanted}`{colon}{excerpt}"))
    }

    /// Its first bytes, in one line.
    pub(super) fn excerpt(&self) -> String {
        let first = &self.bytes[..self.bytes.len().min(KEPT)];
        String::from_utf8_lossy(first).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
