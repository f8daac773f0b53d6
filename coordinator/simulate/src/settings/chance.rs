//! How likely something is, as operators write it. Not here: what happens then (module `fate`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text::{InvalidText, stored_as_text};
use crate::random::Random;

/// How many parts a chance is counted in.
const PARTS: u32 = 1_000_000;
/// The digits after the point that this leaves to a percentage.
const DIGITS: usize = 4;

/// How likely something is on each host, for itself: `0%`, `3%`, `0.05%`, `100%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chance {
    millionths: u32,
}

stored_as_text!(Chance);

impl Chance {
    /// It does not happen.
    pub const NEVER: Self = Self { millionths: 0 };
    /// It happens everywhere.
    pub const ALWAYS: Self = Self { millionths: PARTS };

    /// Whether it happens here.
    pub(crate) fn draw(self, random: &mut Random) -> bool {
        random.below(u64::from(PARTS)) < u64::from(self.millionths)
    }
}

impl FromStr for Chance {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let example = "a percentage with at most four digits after the point, such as `3%` or `0.05%`";
        parse(text).ok_or_else(|| InvalidText { what: "chance", text: text.to_owned(), example })
    }
}

fn parse(text: &str) -> Option<Chance> {
    let percent = text.strip_suffix('%')?;
    let (whole, fraction) = percent.split_once('.').unwrap_or((percent, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) || fraction.len() > DIGITS {
        return None;
    }
    let whole = whole.parse::<u32>().ok()?.checked_mul(PARTS / 100)?;
    let fraction = format!("{fraction:0<DIGITS$}").parse::<u32>().ok()?;
    let millionths = whole.checked_add(fraction).filter(|millionths| *millionths <= PARTS)?;
    Some(Chance { millionths })
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.millionths / (PARTS / 100), self.millionths % (PARTS / 100));
        match format!("{fraction:0DIGITS$}").trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            fraction => write!(f, "{whole}.{fraction}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance(text: &str) -> Chance {
        text.parse().unwrap()
    }

    #[test]
    fn chances_are_kept_as_written() {
        for text in ["0%", "3%", "0.5%", "12.3456%", "0.0001%", "100%"] {
            assert_eq!(chance(text).to_string(), text);
        }
        for bad in ["", "%", "3", "0.03", "101%", "100.0001%", "-1%", "1.%", ".5%", "1.23456%", "5000000%", "1e1%"] {
            assert!(bad.parse::<Chance>().is_err(), "{bad}");
        }
        let said = "3".parse::<Chance>().unwrap_err().to_string();
        assert_eq!(
            said,
            "`3` is no chance: write a percentage with at most four digits after the point, such as `3%` or `0.05%`"
        );
    }

    #[test]
    fn it_happens_about_as_often_as_written() {
        let mut random = Random::of(1, 1);
        let mut times = |text| (0..100_000).filter(|_| chance(text).draw(&mut random)).count();
        assert_eq!((times("0%"), times("100%")), (0, 100_000));
        for (text, least, most) in [("50%", 49_500, 50_500), ("3%", 2_800, 3_200), ("0.1%", 60, 140)] {
            assert!((least..most).contains(&times(text)), "{text}");
        }
    }
}
