//! Durations and moments as plain numbers: the pure crates get the time as an argument. Not here: any clock.

use std::fmt::{self, Write as _};
use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A duration in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// As configurations write durations: whole numbers with units (`d`, `h`, `m`, `s`, `ms`), one after the other. None: it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut total, mut rest) = (Self(0), text);
        while !rest.is_empty() {
            let digits = rest.find(|character: char| !character.is_ascii_digit())?;
            let (number, after) = rest.split_at(digits);
            let letters = after.find(|character: char| character.is_ascii_digit()).unwrap_or(after.len());
            let (unit, next) = after.split_at(letters);
            let unit = match unit {
                "d" => 24 * 3_600_000,
                "h" => 3_600_000,
                "m" => 60_000,
                "s" => 1000,
                "ms" => 1,
                _ => return None,
            };
            total = total.plus(Self(number.parse::<u64>().ok()?.checked_mul(unit)?));
            rest = next;
        }
        (!text.is_empty()).then_some(total)
    }

    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    /// So many minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self::seconds(minutes * 60)
    }

    /// The sum, at most the largest value.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// As the standard library's type.
    pub const fn to_std(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Millis {
    /// As Compose writes durations, without parts that are zero: `1m30s`, `500ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds, millis) =
            (self.0 / 3_600_000, self.0 / 60_000 % 60, self.0 / 1000 % 60, self.0 % 1000);
        let mut text = String::new();
        for (value, unit) in [(hours, "h"), (minutes, "m"), (seconds, "s"), (millis, "ms")] {
            if value > 0 {
                write!(text, "{value}{unit}").expect("writing to a string does not fail");
            }
        }
        f.pad(if text.is_empty() { "0s" } else { &text })
    }
}

macro_rules! moment {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub u64);

        impl $type {
            /// How long ago `earlier` was; zero if it lies ahead.
            pub fn since(self, earlier: Self) -> Millis {
                Millis(self.0.saturating_sub(earlier.0))
            }
        }

        impl Add<Millis> for $type {
            type Output = Self;

            fn add(self, duration: Millis) -> Self {
                Self(self.0.saturating_add(duration.0))
            }
        }
    };
}

moment!(
    /// Milliseconds since 1970 by the wall clock: what the coordinator stores, so that it outlives the process.
    UnixMillis
);
moment!(
    /// Milliseconds on a clock that never jumps, from a beginning of its own: what an agent measures deadlines by.
    Monotonic
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_compose_writes_them() {
        for (millis, text) in [(0, "0s"), (500, "500ms"), (90_000, "1m30s"), (3_600_000, "1h"), (1_001, "1s1ms")] {
            assert_eq!(Millis(millis).to_string(), text);
        }
    }

    #[test]
    fn a_moment_ahead_is_no_time_ago() {
        assert_eq!(UnixMillis(5).since(UnixMillis(9)), Millis(0));
    }

    #[test]
    fn durations_have_whole_numbers_with_units() {
        for (text, millis) in
            [("5s", 5000), ("1m30s", 90_000), ("500ms", 500), ("72h", 259_200_000), ("2d", 172_800_000)]
        {
            assert_eq!(Millis::parse(text), Some(Millis(millis)), "{text}");
        }
        for bad in ["", "5", "s", "5 s", "1.5s", "-5s", "5S", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(Millis::parse(bad), None, "{bad}");
        }
    }
}
