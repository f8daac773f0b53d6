//! Durations as the configuration writes them: `5s`, `1m30s`, `500ms`. Not here: which key wants how long.

use evenkeel_model::Millis;

/// Reads whole numbers with units (`h`, `m`, `s`, `ms`), one after the other.
pub(super) fn parse(text: &str) -> Option<Millis> {
    let (mut total, mut rest) = (Millis(0), text);
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|character: char| character.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let unit = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => return None,
        };
        total = total.plus(Millis(number.parse::<u64>().ok()?.checked_mul(unit)?));
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_whole_numbers_with_units() {
        for (text, millis) in [("5s", 5000), ("1m30s", 90_000), ("500ms", 500), ("2h", 7_200_000)] {
            assert_eq!(parse(text), Some(Millis(millis)), "{text}");
        }
        for bad in ["", "5", "s", "5 s", "1.5s", "-5s", "5S", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
