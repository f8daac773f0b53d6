//! Durations as Compose writes them: `1m30s`, `500ms`, `1.5s`. Not here: which key wants how long.

use evenkeel_model::Millis;

/// A year: anything longer is a slip of the pen, and nothing that adds up durations need fear an overflow.
const LONGEST: u64 = 365 * 24 * 3_600_000;

/// A text that is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DurationError {
    /// A number alone.
    #[error("has no unit: write for example `30s`, `1m30s` or `500ms`")]
    NoUnit,
    /// Not whole milliseconds.
    #[error("is finer than a millisecond: write whole milliseconds, such as `500ms`")]
    TooFine,
    /// More than [`LONGEST`].
    #[error("is longer than a year: write less")]
    TooLong,
    /// Anything else.
    #[error("is not a duration: write for example `30s`, `1m30s` or `500ms`")]
    Malformed,
}

/// Reads numbers with units (`h`, `m`, `s`, `ms`), one after the other; `0` needs none.
pub(crate) fn parse(text: &str) -> Result<Millis, DurationError> {
    if text == "0" {
        return Ok(Millis(0));
    }
    let mut total: u64 = 0;
    let mut rest = text;
    loop {
        let number = leading(rest, |byte| byte.is_ascii_digit() || byte == b'.');
        rest = &rest[number.len()..];
        let unit = leading(rest, |byte| !byte.is_ascii_digit() && byte != b'.');
        rest = &rest[unit.len()..];
        let millis = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            "us" | "µs" | "ns" if !number.is_empty() => return Err(DurationError::TooFine),
            "" if !number.is_empty() => return Err(DurationError::NoUnit),
            _ => return Err(DurationError::Malformed),
        };
        total = total.checked_add(times(number, millis)?).ok_or(DurationError::TooLong)?;
        if total > LONGEST {
            return Err(DurationError::TooLong);
        }
        if rest.is_empty() {
            return Ok(Millis(total));
        }
    }
}

fn leading(text: &str, belongs: impl Fn(u8) -> bool) -> &str {
    let end = text.bytes().position(|byte| !belongs(byte)).unwrap_or(text.len());
    &text[..end]
}

/// A decimal number of units in milliseconds, exactly.
fn times(number: &str, unit: u64) -> Result<u64, DurationError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(DurationError::Malformed);
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = u32::try_from(fraction.len()).map_err(|_| DurationError::TooFine)?;
    // Nine digits of an hour are far below a millisecond already.
    if digits > 9 {
        return Err(DurationError::TooFine);
    }
    let parts = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| DurationError::Malformed)? } * unit;
    let scale = 10_u64.pow(digits);
    if !parts.is_multiple_of(scale) {
        return Err(DurationError::TooFine);
    }
    let whole: u64 = whole.parse().map_err(|_| DurationError::TooLong)?;
    whole.checked_mul(unit).and_then(|whole| whole.checked_add(parts / scale)).ok_or(DurationError::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("1.5s", 1500),
            ("1.50s", 1500),
            ("1h2m3s4ms", 3_723_004),
            ("0.25h", 900_000),
            ("8760h", LONGEST),
        ] {
            assert_eq!(parse(text), Ok(Millis(millis)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        for (text, error) in [
            ("", DurationError::Malformed),
            ("30", DurationError::NoUnit),
            ("1m30", DurationError::NoUnit),
            ("-1s", DurationError::Malformed),
            ("s", DurationError::Malformed),
            ("1.s", DurationError::Malformed),
            (".5s", DurationError::Malformed),
            ("1.2.3s", DurationError::Malformed),
            ("1 s", DurationError::Malformed),
            ("3 days", DurationError::Malformed),
            ("10us", DurationError::TooFine),
            ("0.5ms", DurationError::TooFine),
            ("0.0000000001h", DurationError::TooFine),
            ("9999h", DurationError::TooLong),
            ("99999999999999999999s", DurationError::TooLong),
            ("9999999999999999999h", DurationError::TooLong),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
