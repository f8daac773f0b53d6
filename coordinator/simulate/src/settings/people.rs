//! What people say and what is measured in an imagined rollout. Not here: when it is asked for (the planner).

use std::fmt;
use std::str::FromStr;

use evenkeel_model::Millis;
use evenkeel_rollout::Verdict;
use serde::{Deserialize, Serialize};

use super::text::{InvalidText, stored_as_text};

/// How long it takes until somebody answers who is asked: `2h`, `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Answer {
    /// So long.
    After(Millis),
    /// Nobody answers.
    Never,
}

stored_as_text!(Answer);

impl FromStr for Answer {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let after = match text {
            "never" => Some(Self::Never),
            _ => Millis::parse(text).map(Self::After),
        };
        let example = "after how long, such as `10m`, or `never`";
        after.ok_or_else(|| InvalidText { what: "answer", text: text.to_owned(), example })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(time) => write!(f, "{time}"),
            Self::Never => f.write_str("never"),
        }
    }
}

/// What analysis gates measure: `good`, `bad:3`, `inconclusive:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Readings {
    /// All is good.
    Good,
    /// This reading of the rollout, counted from 1, and all after it are bad.
    Bad {
        /// Which.
        from: usize,
    },
    /// This reading of the rollout, counted from 1, and all after it say nothing.
    Inconclusive {
        /// Which.
        from: usize,
    },
}

stored_as_text!(Readings);

impl Readings {
    /// What reading number `number` comes to, counted from 1.
    pub fn verdict(self, number: usize) -> Verdict {
        match self {
            Self::Bad { from } if number >= from => Verdict::Bad,
            Self::Inconclusive { from } if number >= from => Verdict::Inconclusive,
            _ => Verdict::Good,
        }
    }
}

impl FromStr for Readings {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let (word, from) = text.split_once(':').unwrap_or((text, "1"));
        let from = from.parse::<usize>().ok().filter(|from| *from > 0);
        let readings = match (word, from) {
            ("good", Some(_)) if word == text => Some(Self::Good),
            ("bad", Some(from)) => Some(Self::Bad { from }),
            ("inconclusive", Some(from)) => Some(Self::Inconclusive { from }),
            _ => None,
        };
        let example = "`good`, or from which reading on it is not: `bad:3`, `inconclusive:1`";
        readings.ok_or_else(|| InvalidText { what: "course of readings", text: text.to_owned(), example })
    }
}

impl fmt::Display for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Bad { from } => write!(f, "bad:{from}"),
            Self::Inconclusive { from } => write!(f, "inconclusive:{from}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_after_a_while_or_never() {
        for text in ["2h", "0s", "never"] {
            assert_eq!(text.parse::<Answer>().unwrap().to_string(), text);
        }
        assert!("soon".parse::<Answer>().is_err());
    }

    #[test]
    fn readings_turn_bad_and_stay_so() {
        let verdicts = |text: &str| [1, 2, 3].map(|number| text.parse::<Readings>().unwrap().verdict(number).as_str());
        assert_eq!(verdicts("good"), ["good"; 3]);
        assert_eq!(verdicts("bad:2"), ["good", "bad", "bad"]);
        assert_eq!(verdicts("inconclusive"), ["inconclusive"; 3]);
        for text in ["good", "bad:3", "inconclusive:1"] {
            assert_eq!(text.parse::<Readings>().unwrap().to_string(), text);
        }
        for bad in ["", "good:2", "bad:0", "bad:", "worse"] {
            assert!(bad.parse::<Readings>().is_err(), "{bad}");
        }
    }
}
