//! What is wrong with a Compose file, and where. Not here: finding it.

use std::fmt;

use serde::Serialize;

/// The longest piece of the user's text that a message repeats, in characters: enough to recognise it.
const LONGEST_SHOWN: usize = 60;

/// One thing that is wrong, with its place and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1, in characters.
    pub column: usize,
    /// The key it is about: `services.web.ports[0]`; empty: the file as a whole.
    pub path: String,
    /// What is wrong and what to do: a lower-case fragment.
    pub message: String,
    /// The file's name, as given.
    pub file: String,
}

/// All that is wrong with a file, in the order of its lines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts the problems by place and keeps each once: what an anchor says wrong, it says wherever it is used.
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self(problems)
    }

    /// The problems, in the order of their lines.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

/// A piece of the user's text as messages repeat it: quoted, on one line, not endless.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::from("`");
    for (index, character) in text.chars().enumerate() {
        if index == LONGEST_SHOWN {
            out.push('…');
            break;
        }
        if character.is_control() { out.extend(character.escape_default()) } else { out.push(character) }
    }
    out.push('`');
    out
}

/// The model's message on a name, with the user's text shortened.
pub(crate) fn invalid_name(what: &'static str, text: &str) -> String {
    let text = shown(text).trim_matches('`').to_owned();
    evenkeel_model::id::InvalidName { what, text }.to_string()
}
