//! Variables for the Compose file: the environment, then `--env-file`, then `--set`, of which the later counts more. Not here:
//! replacing them in the file (crate `evenkeel-compose`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why the variables could not be gathered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VariablesError {
    /// The file can't be read.
    #[error("the file {0} cannot be read")]
    Read(PathBuf, #[source] std::io::Error),
    /// A line of the file is no variable. The line's text is not repeated: it may be a secret.
    #[error("{file}:{line}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

/// The environment with the files' variables over it, and these over both.
pub(crate) fn gather(
    environment: &BTreeMap<String, String>,
    files: &[PathBuf],
    set: &[(String, String)],
) -> Result<BTreeMap<String, String>, VariablesError> {
    let mut variables = environment.clone();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|source| VariablesError::Read(file.clone(), source))?;
        variables.extend(parse_file(&text, file)?);
    }
    variables.extend(set.iter().cloned());
    Ok(variables)
}

/// `KEY=VALUE`, for clap. The value may be empty and may hold further equals signs.
pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

fn parse_file(text: &str, file: &Path) -> Result<Vec<(String, String)>, VariablesError> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed = parse_line(line.strip_prefix("export ").unwrap_or(line));
        found.push(parsed.map_err(|problem| VariablesError::Line {
            file: file.display().to_string(),
            line: index + 1,
            problem,
        })?);
    }
    Ok(found)
}

fn parse_line(line: &str) -> Result<(String, String), &'static str> {
    let (key, value) = line.split_once('=').ok_or("expected KEY=VALUE")?;
    let (key, value) = (key.trim(), value.trim());
    let mut characters = key.chars();
    let begins_well = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if !begins_well || !characters.all(|other| other.is_ascii_alphanumeric() || other == '_') {
        return Err("a variable's name has letters, digits and `_`, and begins with no digit");
    }
    let value = match value.chars().next() {
        Some(quote @ ('\'' | '"')) => value[1..]
            .strip_suffix(quote)
            .ok_or("the quote at the value's beginning is not closed at the line's end")?,
        // As Compose has it: a comment begins with a space and `#`.
        _ => value.split_once(" #").map_or(value, |(before, _)| before.trim_end()),
    };
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_said_later_counts_more() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("app.env");
        std::fs::write(&file, "# of the app\nB=file\nexport C='file #1'\n\nD=file # comment\nE=\"\"\n").unwrap();
        let set = [("C".to_owned(), "set".to_owned()), ("F".to_owned(), "a=b".to_owned())];
        let gathered = gather(&map(&[("A", "environment"), ("B", "environment")]), &[file], &set).unwrap();
        let expected = [("A", "environment"), ("B", "file"), ("C", "set"), ("D", "file"), ("E", ""), ("F", "a=b")];
        assert_eq!(gathered, map(&expected));
    }

    #[test]
    fn a_bad_line_is_named_without_its_text() {
        for (text, problem) in [
            ("A=1\nhunter2\n", "expected KEY=VALUE"),
            ("A=1\n1B=hunter2\n", "begins with no digit"),
            ("A=1\nB='hunter2\n", "not closed"),
        ] {
            let error = parse_file(text, Path::new("app.env")).unwrap_err().to_string();
            assert!(error.starts_with("app.env:2: ") && error.contains(problem), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let missing = [PathBuf::from("/nonexistent/app.env")];
        assert!(matches!(gather(&BTreeMap::new(), &missing, &[]), Err(VariablesError::Read(..))));
    }
}
