//! An error with its causes on one line, for logs. Not here: what is done about it.

use std::error::Error;

/// `what could not be done: why: why that`. A cause that only repeats what was said is left out.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}
