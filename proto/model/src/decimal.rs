//! Decimal numbers of policies, and what lies between two of them. Not here: what they are bounds of.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Between what a number must be, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bounds {
    /// At least this.
    pub min: Option<Decimal>,
    /// At most this.
    pub max: Option<Decimal>,
}

impl Bounds {
    /// Whether a number is between them. What is no number is not.
    pub fn hold(self, value: f64) -> bool {
        let above = self.min.is_none_or(|min| value >= min.as_f64());
        let below = self.max.is_none_or(|max| value <= max.as_f64());
        !value.is_nan() && above && below
    }
}

/// A decimal number as operators write it, kept in its digits so that it is stored and shown as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal {
    /// In millionths.
    millionths: i64,
}

/// A text that is no decimal number for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number: write one such as 0.05, with at most six digits after the point")]
pub struct InvalidDecimal(pub String);

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self { millionths: 0 };
    const ONE: i64 = 1_000_000;

    /// The nearest binary number.
    #[expect(clippy::cast_precision_loss, reason = "it is compared with what was measured, which is binary anyway")]
    pub fn as_f64(self) -> f64 {
        self.millionths as f64 / Self::ONE as f64
    }
}

impl std::str::FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let invalid = || InvalidDecimal(text.to_owned());
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || !are_digits(whole)
            || !are_digits(fraction)
            || fraction.len() > 6
            || digits.ends_with('.')
        {
            return Err(invalid());
        }
        let whole: i64 = whole.parse().map_err(|_| invalid())?;
        let fraction: i64 = format!("{fraction:0<6}").parse().map_err(|_| invalid())?;
        let millionths =
            whole.checked_mul(Self::ONE).and_then(|whole| whole.checked_add(fraction)).ok_or_else(invalid)?;
        Ok(Self { millionths: if negative { -millionths } else { millionths } })
    }
}

impl TryFrom<String> for Decimal {
    type Error = InvalidDecimal;

    fn try_from(text: String) -> Result<Self, InvalidDecimal> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> Self {
        decimal.to_string()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.millionths < 0 { "-" } else { "" };
        let absolute = self.millionths.unsigned_abs();
        let (whole, fraction) = (absolute / 1_000_000, absolute % 1_000_000);
        let fraction = format!("{fraction:06}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            fraction => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_kept_as_written() {
        for text in ["0", "0.05", "-1.5", "100", "0.000001"] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
        assert_eq!("-0.0".parse(), Ok(Decimal::ZERO));
        assert_eq!("1.50".parse::<Decimal>().unwrap().to_string(), "1.5");
        for bad in ["", ".", "1.", ".5", "1e3", "NaN", "0.0000001", "--1", "+1", "99999999999999999999"] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
    }

    #[test]
    fn bounds_hold_their_ends_and_no_nonsense() {
        let bounds = Bounds { min: Some("0".parse().unwrap()), max: Some("0.05".parse().unwrap()) };
        assert!(bounds.hold(0.0) && bounds.hold(0.05));
        assert!(!bounds.hold(0.0501) && !bounds.hold(-0.1) && !bounds.hold(f64::NAN) && !bounds.hold(f64::INFINITY));
        assert!(Bounds::default().hold(1e9));
    }
}
