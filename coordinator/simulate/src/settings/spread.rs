//! How long something takes, which differs from host to host. Whole numbers alone: a logarithm is not the same on every machine.
//! Not here: what takes so long (module `fate`).

use std::fmt;
use std::str::FromStr;

use evenkeel_model::Millis;
use serde::{Deserialize, Serialize};

use super::text::{InvalidText, stored_as_text};
use crate::random::Random;

/// How many parts the hosts are counted in.
const PARTS: u64 = 1_000_000;

/// How long something takes, from the fastest host to the slowest. Between two of the times that are written it is anything, each equally likely.
///
/// | written | who |
/// |---|---|
/// | `10s` | all of them |
/// | `5s..30s` | from the fastest to the slowest |
/// | `5s..12s..2m` | the same, and half of them within the middle one |
/// | `5s..12s..40s..5m` | the same, and 95 of 100 within the third |
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Spread(Vec<Millis>);

stored_as_text!(Spread);

impl Spread {
    /// The same everywhere.
    pub fn exactly(time: Millis) -> Self {
        Self(vec![time])
    }

    /// Anything between the two.
    pub fn between(one: Millis, other: Millis) -> Self {
        Self(vec![one.min(other), one.max(other)])
    }

    /// The time within which so many of a million hosts are done.
    pub fn quantile(&self, millionths: u64) -> Millis {
        let marks: &[u64] = match self.0.len() {
            0 | 1 => &[0],
            2 => &[0, PARTS],
            3 => &[0, 500_000, PARTS],
            _ => &[0, 500_000, 950_000, PARTS],
        };
        let at = millionths.min(PARTS);
        let points: Vec<(u64, Millis)> = marks.iter().copied().zip(self.0.iter().copied()).collect();
        let between = points.windows(2).find_map(|pair| match pair {
            [from, to] if at <= to.0 => Some(between(*from, *to, at)),
            _ => None,
        });
        between.or_else(|| self.0.last().copied()).unwrap_or_default()
    }

    /// The time that it takes here.
    pub(crate) fn draw(&self, random: &mut Random) -> Millis {
        self.quantile(random.below(PARTS))
    }
}

/// On the line between two points.
fn between(from: (u64, Millis), to: (u64, Millis), at: u64) -> Millis {
    let rise = u128::from(to.1.0.saturating_sub(from.1.0));
    let part = rise * u128::from(at - from.0) / u128::from(to.0 - from.0);
    from.1.plus(Millis(u64::try_from(part).unwrap_or(u64::MAX)))
}

impl FromStr for Spread {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let example = "a time such as `10s`, or 2 to 4 that rise: `5s..30s`, `5s..12s..2m` (with the median), `5s..12s..40s..5m` (and 95 of 100)";
        let times: Option<Vec<Millis>> = text.split("..").map(Millis::parse).collect();
        let times = times.filter(|times| times.len() <= 4 && times.is_sorted());
        times.map(Self).ok_or_else(|| InvalidText { what: "time that something takes", text: text.to_owned(), example })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(".."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(text: &str) -> Spread {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_kept_as_written() {
        for text in ["10s", "0s", "5s..30s", "5s..12s..2m", "5s..12s..40s..5m", "500ms..1s"] {
            assert_eq!(spread(text).to_string(), text);
        }
        for bad in ["", "..", "5", "5s..", "30s..5s", "5s...30s", "1s..2s..3s..4s..5s", "5s-30s"] {
            assert!(bad.parse::<Spread>().is_err(), "{bad}");
        }
        assert_eq!(Spread::between(Millis::seconds(30), Millis::seconds(5)), spread("5s..30s"));
        assert_eq!(Spread::exactly(Millis::seconds(10)), spread("10s"));
    }

    #[test]
    fn quantiles_lie_on_the_lines_between_what_is_written() {
        let seconds = |text: &str, at: &[u64]| -> Vec<u64> {
            at.iter().map(|percent| spread(text).quantile(percent * 10_000).0 / 1000).collect()
        };
        assert_eq!(seconds("10s", &[0, 50, 100, 500]), [10, 10, 10, 10]);
        assert_eq!(seconds("10s..30s", &[0, 25, 50, 75, 100, 101]), [10, 15, 20, 25, 30, 30]);
        assert_eq!(seconds("5s..10s..110s", &[0, 25, 50, 75, 100]), [5, 7, 10, 60, 110]);
        assert_eq!(seconds("5s..10s..100s..600s", &[0, 50, 95, 99, 100]), [5, 10, 100, 500, 600]);
        assert_eq!(Spread::between(Millis(0), Millis(u64::MAX)).quantile(PARTS), Millis(u64::MAX));
    }

    #[test]
    fn what_is_drawn_is_spread_as_written() {
        let mut random = Random::of(3, 0);
        let skewed = spread("5s..12s..40s..5m");
        let mut drawn: Vec<u64> = (0..10_000).map(|_| skewed.draw(&mut random).0 / 1000).collect();
        drawn.sort_unstable();
        assert!((5..=6).contains(&drawn[0]) && (290..=300).contains(&drawn[9_999]), "{drawn:?}");
        assert!((11..=12).contains(&drawn[5_000]) && (36..=65).contains(&drawn[9_500]));
    }
}
