//! Variables in values, as Compose has them: `$VAR`, `${VAR:-default}` and their kin. Not here: where variables come from.
//! One difference: an unset variable without a default is an error, where Compose warns and goes on with an empty string.

use std::collections::BTreeMap;

/// Defaults within defaults; more is no file that a person wrote.
const DEEPEST: usize = 16;

/// Why a text can't be interpolated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InterpolationError {
    /// Neither a value nor a default.
    #[error(
        "variable `{0}` is not set, and Compose would silently use an empty string: set it, or write a default, `${{{0}:-…}}`"
    )]
    Unset(String),
    /// `${VAR:?message}` without a value.
    #[error("variable `{name}` is required: {message}")]
    Required {
        /// The variable.
        name: String,
        /// What the file says about it.
        message: String,
    },
    /// `${` without its `}`.
    #[error("`${{` is not closed: add `}}`, or write `$${{` for the characters themselves")]
    Unclosed,
    /// A dollar sign that begins nothing.
    #[error("`$` must be followed by a variable's name or {{NAME}}: write `$$` for a dollar sign")]
    NoName,
    /// Something after the name that Compose does not know.
    #[error(
        "`${{{0}}}` is no way to use a variable: write `${{NAME}}`, or `:-`, `-`, `:?`, `?`, `:+`, `+` after the name"
    )]
    Malformed(String),
    /// More than [`DEEPEST`].
    #[error("defaults are nested more than {DEEPEST} deep: simplify them")]
    TooDeep,
}

/// The text with its variables replaced. Values are taken as they are: a `$` in one means nothing.
pub(crate) fn interpolate(text: &str, variables: &BTreeMap<String, String>) -> Result<String, InterpolationError> {
    expand(text, variables, 0)
}

fn expand(text: &str, variables: &BTreeMap<String, String>, depth: usize) -> Result<String, InterpolationError> {
    if depth > DEEPEST {
        return Err(InterpolationError::TooDeep);
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some(tail) = after.strip_prefix('{') {
            let end = closing_brace(tail).ok_or(InterpolationError::Unclosed)?;
            out.push_str(&substitute(&tail[..end], variables, depth)?);
            rest = &tail[end + 1..];
        } else {
            let (name, tail) = split_name(after);
            if name.is_empty() {
                return Err(InterpolationError::NoName);
            }
            out.push_str(variables.get(name).ok_or_else(|| InterpolationError::Unset(name.to_owned()))?);
            rest = tail;
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// What `${inside}` stands for.
fn substitute(inside: &str, variables: &BTreeMap<String, String>, depth: usize) -> Result<String, InterpolationError> {
    let (name, rest) = split_name(inside);
    let malformed = || InterpolationError::Malformed(inside.chars().take(40).collect());
    if name.is_empty() {
        return Err(malformed());
    }
    let set = variables.get(name);
    if rest.is_empty() {
        return set.cloned().ok_or_else(|| InterpolationError::Unset(name.to_owned()));
    }
    // With the colon an empty value counts as none.
    let (operation, value) = match rest.strip_prefix(':') {
        Some(operation) => (operation, set.filter(|value| !value.is_empty())),
        None => (rest, set),
    };
    let mut letters = operation.chars();
    let operator = letters.next();
    let word = letters.as_str();
    match (operator, value) {
        (Some('-' | '?'), Some(value)) => Ok(value.clone()),
        (Some('-'), None) | (Some('+'), Some(_)) => expand(word, variables, depth + 1),
        (Some('+'), None) => Ok(String::new()),
        (Some('?'), None) => {
            let message = expand(word, variables, depth + 1)?;
            let message = if message.is_empty() { "set it".to_owned() } else { message };
            Err(InterpolationError::Required { name: name.to_owned(), message })
        }
        _ => Err(malformed()),
    }
}

/// The name that a text begins with (empty: none), and what follows.
fn split_name(text: &str) -> (&str, &str) {
    let belongs =
        |(index, byte): (usize, u8)| byte == b'_' || byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit());
    let end = text.bytes().enumerate().position(|byte| !belongs(byte)).unwrap_or(text.len());
    text.split_at(end)
}

/// Where the brace closes that was opened just before `text`.
fn closing_brace(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut open, mut index) = (1, 0);
    while index < bytes.len() {
        match (bytes[index], bytes.get(index + 1)) {
            (b'$', Some(b'$')) => index += 1,
            (b'$', Some(b'{')) => {
                open += 1;
                index += 1;
            }
            (b'}', _) if open == 1 => return Some(index),
            (b'}', _) => open -= 1,
            _ => {}
        }
        index += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> BTreeMap<String, String> {
        [("SET", "value"), ("EMPTY", ""), ("MONEY", "a$SET")].map(|(name, value)| (name.into(), value.into())).into()
    }

    #[test]
    fn variables_are_replaced_as_compose_does() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$SET-${SET}", "value-value"),
            ("$SET.x", "value.x"),
            ("$$SET $${SET} $$", "$SET ${SET} $"),
            ("${EMPTY}", ""),
            ("${UNSET:-d}${UNSET-d}", "dd"),
            ("${EMPTY:-d}${EMPTY-d}", "d"),
            ("${SET:-d}${SET-d}", "valuevalue"),
            ("${SET:?no}${SET?no}${EMPTY?no}", "valuevalue"),
            ("${SET:+alt}${SET+alt}", "altalt"),
            ("${EMPTY:+alt}|${EMPTY+alt}", "|alt"),
            ("${UNSET:+alt}${UNSET+alt}", ""),
            ("${UNSET:-${SET}}", "value"),
            ("${UNSET:-a${UNSET:-b${SET}c}d}e", "abvaluecde"),
            ("${UNSET:-$${}}", "${}"),
            ("${SET:-${UNSET}}", "value"),
            ("${MONEY}", "a$SET"),
            ("é${SET}é", "évalueé"),
            ("${UNSET:-}", ""),
        ] {
            assert_eq!(interpolate(text, &variables()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_has_no_value_or_no_meaning_is_refused() {
        let unset = || InterpolationError::Unset("UNSET".into());
        let required =
            |message: &str| InterpolationError::Required { name: "UNSET".into(), message: message.to_owned() };
        let malformed = |inside: &str| InterpolationError::Malformed(inside.into());
        for (text, error) in [
            ("$UNSET", unset()),
            ("${UNSET}", unset()),
            ("${NONE:-$UNSET}", unset()),
            ("${UNSET:?pass $SET}", required("pass value")),
            ("${UNSET?}", required("set it")),
            ("${SET", InterpolationError::Unclosed),
            ("${UNSET:-${SET}", InterpolationError::Unclosed),
            ("100$", InterpolationError::NoName),
            ("$1", InterpolationError::NoName),
            ("${}", malformed("")),
            ("${1A}", malformed("1A")),
            ("${SET:}", malformed("SET:")),
            ("${SET!x}", malformed("SET!x")),
            ("${SETé}", malformed("SETé")),
        ] {
            assert_eq!(interpolate(text, &variables()), Err(error), "{text}");
        }
        let deep = "${UNSET:-".repeat(40) + &"}".repeat(40);
        assert_eq!(interpolate(&deep, &variables()), Err(InterpolationError::TooDeep));
    }
}
