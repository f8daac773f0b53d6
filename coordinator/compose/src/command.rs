//! `command` and `entrypoint`: a list, or a string that is split into words. Not here: the splitting (module `words`).

use crate::reader::{At, Reader};
use crate::tree::Value;
use crate::words;

/// Program and arguments; empty where the file says so.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<String>> {
    if matches!(at.node.value, Value::List(_)) {
        return reader.texts(at);
    }
    let text = reader.text(at, "a command line, or a list of program and arguments")?;
    match words::split(&text) {
        Ok(words) => Some(words),
        Err(error) => {
            reader.problem(at, error.to_string());
            None
        }
    }
}

/// As [`read`], but not empty: an engine that is given an empty command takes the image's, whatever Compose says of it.
pub(crate) fn read_command(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<String>> {
    let command = read(reader, at)?;
    if command.is_empty() {
        reader.problem(at, "engines take an empty command for the image's own: remove it, or write a command");
        return None;
    }
    Some(command)
}
