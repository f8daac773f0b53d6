//! A number of hosts, as operators write it: absolute or as a percentage. Not here: which limit uses which rounding.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number of hosts, or a percentage of the matching hosts at the start of the rollout. Written `3` or `"10%"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Count {
    /// So many hosts.
    Hosts(u32),
    /// So many of each hundred, 0 to 100.
    Percent(u8),
}

/// A text that is no count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number of hosts: write a whole number such as 3, or a percentage from 0% to 100%")]
pub struct InvalidCount(pub String);

impl Count {
    /// Of `total` hosts, rounded up: waves and floors.
    pub fn of_rounded_up(self, total: usize) -> usize {
        match self {
            Self::Hosts(hosts) => hosts as usize,
            Self::Percent(percent) => (total * usize::from(percent)).div_ceil(100),
        }
    }

    /// Of `total` hosts, rounded down: budgets and failures, which must not allow more than was written.
    pub fn of_rounded_down(self, total: usize) -> usize {
        match self {
            Self::Hosts(hosts) => hosts as usize,
            Self::Percent(percent) => total * usize::from(percent) / 100,
        }
    }
}

impl FromStr for Count {
    type Err = InvalidCount;

    fn from_str(text: &str) -> Result<Self, InvalidCount> {
        let invalid = || InvalidCount(text.to_owned());
        match text.strip_suffix('%') {
            Some(percent) => match percent.parse() {
                Ok(percent @ 0..=100) => Ok(Self::Percent(percent)),
                _ => Err(invalid()),
            },
            None => text.parse().map(Self::Hosts).map_err(|_| invalid()),
        }
    }
}

impl TryFrom<String> for Count {
    type Error = InvalidCount;

    fn try_from(text: String) -> Result<Self, InvalidCount> {
        text.parse()
    }
}

impl From<Count> for String {
    fn from(count: Count) -> Self {
        count.to_string()
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosts(hosts) => write!(f, "{hosts}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_round_as_asked() {
        let ten: Count = "10%".parse().unwrap();
        assert_eq!((ten.of_rounded_up(11), ten.of_rounded_down(11)), (2, 1));
        assert_eq!("3".parse::<Count>().unwrap().of_rounded_up(2), 3);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "%", "101%", "-1", "1.5", "ten"] {
            assert!(bad.parse::<Count>().is_err(), "{bad}");
        }
    }
}
