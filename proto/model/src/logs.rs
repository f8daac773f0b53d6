//! What is asked about the logs of a release's containers, and what a host answers. Not here: reading logs (the agent), how many lines there may be
//! (module `analysis`).

use std::collections::BTreeSet;
use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::{AppKey, ReleaseNumber, ServiceName};

/// The longest pattern, in bytes: one that is longer is a list, and belongs in the program that writes the log.
pub const LONGEST_PATTERN: usize = 1000;

/// What a pattern may come to once it is prepared, in bytes: it is on every host that is asked.
const LARGEST_PATTERN: usize = 256 << 10;

/// What is looked for in a line of a log: a regular expression, by which any text is searched in time that grows with its length alone. Bytes are
/// compared, not characters: `\w`, `\d` and `(?i)` know ASCII, and a log need not be UTF-8.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogPattern(String);

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It is no regular expression.
    #[error("it is no regular expression: {0}")]
    Syntax(String),
    /// It is too long, or comes to too much.
    #[error("it is too large to be looked for on every host: write a shorter one, with smaller numbers of repetitions")]
    TooLarge,
    /// Each line has it.
    #[error("it fits an empty text, and so every line: write what a line that counts has in it")]
    Everything,
}

impl LogPattern {
    /// Checks a text.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if prepare(text)?.is_match(b"") {
            return Err(InvalidPattern::Everything);
        }
        Ok(Self(text.to_owned()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Prepared for looking.
    pub fn matcher(&self) -> LogMatcher {
        LogMatcher(prepare(&self.0).expect("it was checked when it was made"))
    }
}

fn prepare(text: &str) -> Result<Regex, InvalidPattern> {
    if text.len() > LONGEST_PATTERN {
        return Err(InvalidPattern::TooLarge);
    }
    let mut builder = RegexBuilder::new(text);
    builder.unicode(false).size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN).build().map_err(|error| {
        match error {
            regex::Error::CompiledTooBig(_) => InvalidPattern::TooLarge,
            // It is drawn over several lines; the last one says what is wrong.
            error => {
                let drawn = error.to_string();
                let last = drawn.lines().last().unwrap_or_default();
                InvalidPattern::Syntax(last.trim_start_matches("error: ").to_owned())
            }
        }
    })
}

impl fmt::Debug for LogPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for LogPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for LogPattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for LogPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        Self::parse(text)
    }
}

impl From<LogPattern> for String {
    fn from(pattern: LogPattern) -> Self {
        pattern.0
    }
}

/// A pattern that was prepared.
#[derive(Debug, Clone)]
pub struct LogMatcher(Regex);

impl LogMatcher {
    /// Whether the line has it.
    pub fn fits(&self, line: &[u8]) -> bool {
        self.0.is_match(line)
    }
}

/// What a host is asked: which lines of the containers that it has made for a release match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuestion {
    /// The app.
    pub key: AppKey,
    /// The release.
    pub release: ReleaseNumber,
    /// Of these services; empty: of all.
    pub services: BTreeSet<ServiceName>,
    /// What is looked for.
    pub pattern: LogPattern,
}

impl LogQuestion {
    /// Whether the service is asked about.
    pub fn is_about(&self, service: &ServiceName) -> bool {
        self.services.is_empty() || self.services.contains(service)
    }
}

/// What a host has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogCount {
    /// Lines that match.
    pub matched: u64,
    /// The containers whose logs were read.
    pub containers: u64,
    /// The first of these lines.
    pub examples: Vec<LogLine>,
    /// Why not all was read; none: all was. What was found is there in any case.
    pub cut: Option<String>,
}

/// A line, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Whose.
    pub service: ServiceName,
    /// What it says.
    pub text: String,
}

/// What a host answers: what it has found, or why it can't tell.
pub type LogAnswer = Result<LogCount, String>;

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, line: &str) -> bool {
        LogPattern::parse(pattern).unwrap().matcher().fits(line.as_bytes())
    }

    #[test]
    fn a_pattern_is_found_anywhere_in_a_line_unless_it_says_where() {
        assert!(fits("panic|ERROR", "thread 'main' panicked") && fits("panic|ERROR", "an ERROR"));
        assert!(!fits("panic|ERROR", "an error") && fits("(?i)error", "an ERROR"));
        assert!(fits("^ERROR", "ERROR: no disk") && !fits("^ERROR", "no ERROR"));
        assert!(fits(r"status=5\d\d$", "GET / status=503") && fits("größer", "viel größer"));
        assert!(LogPattern::parse("a.b").unwrap().matcher().fits(b"\xffa\xfeb"), "a log need not be UTF-8");
    }

    #[test]
    fn what_is_no_pattern_is_refused_in_one_line() {
        let refused = |text: &str| LogPattern::parse(text).unwrap_err().to_string();
        assert_eq!(refused("panic(ked"), "it is no regular expression: unclosed group");
        assert_eq!(refused("*"), "it is no regular expression: repetition operator missing expression");
        let backwards = refused(r"(a)\1");
        assert!(backwards.contains("backreferences are not supported"), "{backwards}");
        for everything in ["", "panic|", ".*", "x?"] {
            assert_eq!(LogPattern::parse(everything), Err(InvalidPattern::Everything), "{everything}");
        }
        let long = "x".repeat(LONGEST_PATTERN + 1);
        for large in [long.as_str(), "(x{500}){500}"] {
            assert_eq!(LogPattern::parse(large), Err(InvalidPattern::TooLarge), "{large}");
        }
    }

    #[test]
    fn a_pattern_is_checked_wherever_it_is_read() {
        let pattern = LogPattern::parse("panic|ERROR").unwrap();
        let written = serde_json::to_string(&pattern).unwrap();
        assert_eq!(written, "\"panic|ERROR\"");
        assert_eq!(serde_json::from_str::<LogPattern>(&written).unwrap(), pattern);
        assert!(serde_json::from_str::<LogPattern>("\"(\"").is_err());
    }

    #[test]
    fn a_question_is_about_all_services_unless_it_names_some() {
        let name = |text: &str| text.parse::<ServiceName>().unwrap();
        let question = |services: &[&str]| LogQuestion {
            key: AppKey { environment: crate::EnvironmentName::default(), app: "shop".parse().unwrap() },
            release: ReleaseNumber(2),
            services: services.iter().map(|service| name(service)).collect(),
            pattern: LogPattern::parse("panic").unwrap(),
        };
        assert!(question(&[]).is_about(&name("web")) && question(&["web"]).is_about(&name("web")));
        assert!(!question(&["web"]).is_about(&name("db")));
    }
}
