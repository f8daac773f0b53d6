//! A command line split into words as a shell would. Not here: a shell. Nothing is expanded, and what only a shell could do is refused.

/// A text that can't be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WordsError {
    /// A quote without its end.
    #[error("the quote {0} is not closed: close it, or write a list")]
    Unclosed(char),
    /// A backslash at the very end.
    #[error("it ends with a backslash: remove it, or write a list")]
    Dangling,
    /// A pipe, a redirection or the like.
    #[error("no shell is run, so `{0}` has no meaning: quote it, or write [sh, -c, \"…\"]")]
    ShellOnly(char),
}

/// Splits at blanks; quotes and backslashes mean what they mean in a shell.
pub(crate) fn split(text: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' | '"' => quoted(letter, &mut letters, word.get_or_insert_default())?,
            '\\' => match letters.next() {
                None => return Err(WordsError::Dangling),
                Some('\n') => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            ';' | '&' | '|' | '<' | '>' => return Err(WordsError::ShellOnly(letter)),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Reads up to the closing quote. In double quotes a backslash escapes only what is special there.
fn quoted(quote: char, letters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), WordsError> {
    while let Some(letter) = letters.next() {
        match letter {
            _ if letter == quote => return Ok(()),
            '\\' if quote == '"' => match letters.next() {
                None => return Err(WordsError::Unclosed(quote)),
                Some('\n') => {}
                Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                Some(other) => word.extend(['\\', other]),
            },
            _ => word.push(letter),
        }
    }
    Err(WordsError::Unclosed(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_would() {
        let check = |text: &str, words: &[&str]| assert_eq!(split(text).unwrap(), words, "{text}");
        check("", &[]);
        check("  a  b\tc\n", &["a", "b", "c"]);
        check(r#"sh -c 'echo "$HOME" | wc'"#, &["sh", "-c", r#"echo "$HOME" | wc"#]);
        check(r#"a"b c"'d e'f"#, &["ab cd ef"]);
        check(r#""" ''"#, &["", ""]);
        check(r"a\ b \'c\'", &["a b", "'c'"]);
        check(r#""a\"b\\c\d""#, &[r#"a"b\c\d"#]);
        check(r"'a\'", &[r"a\"]);
        check("--flag=x # y", &["--flag=x", "#", "y"]);
    }

    #[test]
    fn what_needs_a_shell_is_refused() {
        for (text, error) in [
            ("echo 'x", WordsError::Unclosed('\'')),
            ("echo \"x", WordsError::Unclosed('"')),
            ("echo \"x\\", WordsError::Unclosed('"')),
            ("echo x\\", WordsError::Dangling),
            ("a | b", WordsError::ShellOnly('|')),
            ("a && b", WordsError::ShellOnly('&')),
            ("a > b", WordsError::ShellOnly('>')),
            ("a; b", WordsError::ShellOnly(';')),
        ] {
            assert_eq!(split(text), Err(error), "{text}");
        }
    }
}
