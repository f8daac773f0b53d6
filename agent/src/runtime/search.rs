//! Looking for lines in logs that come in pieces: bounded in what is read, in how much of a line is looked at, and in what is remembered. The same
//! for all engines. Not here: where the pieces come from.

use evenkeel_model::{LogCount, LogLine, LogMatcher, ServiceName};

/// So much is read of all the logs that one question is about, in bytes.
const MOST_READ: u64 = 64 << 20;
/// So much of each line is looked at, in bytes: more than engines keep in one piece.
const LINE: usize = 32 << 10;
/// So many of the lines that match are shown.
const EXAMPLES: usize = 3;
/// And so many characters of each.
const SHOWN: usize = 300;

/// Where a piece was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Out = 0,
    Err = 1,
}

/// A search through the logs of some containers, one after the other.
#[derive(Debug)]
pub(super) struct Search<'a> {
    matcher: &'a LogMatcher,
    found: LogCount,
    service: Option<&'a ServiceName>,
    /// The unfinished line of each stream of the container.
    open: [Vec<u8>; 2],
    /// So much may still be read, in bytes.
    left: u64,
    most: u64,
}

impl<'a> Search<'a> {
    /// Nothing was read yet.
    pub(super) fn new(matcher: &'a LogMatcher) -> Self {
        Self::within(matcher, MOST_READ)
    }

    fn within(matcher: &'a LogMatcher, most: u64) -> Self {
        Self { matcher, found: LogCount::default(), service: None, open: [Vec::new(), Vec::new()], left: most, most }
    }

    /// What comes from now on is of another container.
    pub(super) fn begin(&mut self, service: &'a ServiceName) {
        self.finish_lines();
        self.service = Some(service);
        self.found.containers += 1;
    }

    /// A piece of the container's log. False: no more is taken, of whatever container.
    pub(super) fn take(&mut self, stream: Stream, mut bytes: &[u8]) -> bool {
        let length = bytes.len() as u64;
        if length > self.left {
            let most = self.most >> 20;
            self.cut(format!("the logs are longer than {most} MiB, and only the first of them were read"));
            return false;
        }
        self.left -= length;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(stream, &bytes[..end]);
            self.close(stream);
            bytes = &bytes[end + 1..];
        }
        self.extend(stream, bytes);
        true
    }

    /// Not all can be read, for this reason. The first one is kept.
    pub(super) fn cut(&mut self, why: String) {
        self.found.cut.get_or_insert(why);
    }

    /// What was found.
    pub(super) fn finish(mut self) -> LogCount {
        self.finish_lines();
        self.found
    }

    fn finish_lines(&mut self) {
        for stream in [Stream::Out, Stream::Err] {
            if !self.open[stream as usize].is_empty() {
                self.close(stream);
            }
        }
    }

    fn extend(&mut self, stream: Stream, bytes: &[u8]) {
        let open = &mut self.open[stream as usize];
        let room = LINE.saturating_sub(open.len());
        open.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn close(&mut self, stream: Stream) {
        let open = &mut self.open[stream as usize];
        let line = open.strip_suffix(b"\r").unwrap_or(open);
        if self.matcher.fits(line) {
            self.found.matched += 1;
            if let Some(service) = self.service.filter(|_| self.found.examples.len() < EXAMPLES) {
                let text = String::from_utf8_lossy(line).chars().take(SHOWN).collect();
                self.found.examples.push(LogLine { service: service.clone(), text });
            }
        }
        open.clear();
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::LogPattern;

    use super::*;

    fn matcher(pattern: &str) -> LogMatcher {
        LogPattern::parse(pattern).unwrap().matcher()
    }

    fn texts(found: &LogCount) -> Vec<String> {
        found.examples.iter().map(|line| format!("{} {}", line.service, line.text)).collect()
    }

    #[test]
    fn lines_are_put_together_per_stream_and_container() {
        let (matcher, web, db) = (matcher("^panic at .*$"), "web".parse().unwrap(), "db".parse().unwrap());
        let mut search = Search::new(&matcher);
        search.begin(&web);
        assert!(search.take(Stream::Out, b"panic at one\r\npan"));
        assert!(search.take(Stream::Err, b"panic at two\nno panic at all\n"));
        assert!(search.take(Stream::Out, b"ic at three\npanic at "));
        // The line that was not finished is not continued by another container's.
        search.begin(&db);
        assert!(search.take(Stream::Out, b"the db\npanic at last"));
        let found = search.finish();
        assert_eq!((found.matched, found.containers, &found.cut), (5, 2, &None));
        assert_eq!(texts(&found), ["web panic at one", "web panic at two", "web panic at three"]);
    }

    #[test]
    fn long_lines_and_long_logs_are_bounded() {
        let (matcher, web) = (matcher("needle"), "web".parse().unwrap());
        let mut search = Search::within(&matcher, 1 << 20);
        search.begin(&web);
        assert!(search.take(Stream::Out, "x".repeat(LINE - 6).as_bytes()));
        assert!(search.take(Stream::Out, b"needle needle\n"));
        assert!(
            search.take(Stream::Out, format!("{}needle\n", "x".repeat(LINE)).as_bytes()),
            "behind what is looked at"
        );
        assert!(search.take(Stream::Out, format!("needle{}\n", "ä".repeat(LINE)).as_bytes()));
        assert!(!search.take(Stream::Out, &vec![b'\n'; 1 << 20]), "it is more than may be read");
        let found = search.finish();
        assert_eq!(found.matched, 2);
        assert_eq!(found.examples[1].text.chars().count(), SHOWN);
        assert_eq!(found.cut.unwrap(), "the logs are longer than 1 MiB, and only the first of them were read");
    }
}
