//! Gates: what must hold before a rollout goes on, as the policy says it. Not here: reading them (crate `evenkeel-compose`), passing them (crate
//! `evenkeel-rollout`), what is measured (module `analysis`).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Analysis, Millis};

/// Where in a wave a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatePoint {
    /// Before the first host of the wave is ordered.
    Before,
    /// Before the new release gets more of what is new: blue-green's switch, a canary's next weight.
    Switch,
    /// After the bake, before the wave is committed: until then a host goes back by itself.
    Commit,
    /// After the commit, before the next wave begins, or the rollout ends.
    After,
}

impl GatePoint {
    /// The word used in Compose files, JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Switch => "switch",
            Self::Commit => "commit",
            Self::After => "after",
        }
    }
}

impl GatePoint {
    /// For a sentence that goes on with a wave.
    fn of(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Switch => "before the switch of",
            Self::Commit => "before the commit of",
            Self::After => "after",
        }
    }
}

impl fmt::Display for GatePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Of which waves a gate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateWaves {
    /// Of each.
    Every,
    /// Of the first.
    First,
    /// Of the last.
    Last,
    /// Of this one, counted from 0.
    Only(usize),
}

impl GateWaves {
    /// Whether it is of wave number `wave` of `waves`, counted from 0.
    pub fn has(self, wave: usize, waves: usize) -> bool {
        match self {
            Self::Every => true,
            Self::First => wave == 0,
            Self::Last => wave + 1 == waves,
            Self::Only(only) => wave == only,
        }
    }
}

/// One gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Where it stands.
    pub at: GatePoint,
    /// In which waves.
    pub waves: GateWaves,
    /// What must hold.
    pub check: Check,
}

impl fmt::Display for Gate {
    /// `approval by 1 who did not begin it before the commit of the first wave`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waves = match self.waves {
            GateWaves::Every => "every wave".to_owned(),
            GateWaves::First => "the first wave".to_owned(),
            GateWaves::Last => "the last wave".to_owned(),
            GateWaves::Only(wave) => format!("wave {}", wave + 1),
        };
        write!(f, "{} {} {waves}", self.check, self.at.of())
    }
}

/// What must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Check {
    /// People say so.
    Approval(Approval),
    /// It is the right time.
    Window(Window),
    /// What is measured is good.
    Analysis(Analysis),
}

impl Check {
    /// The word used in Compose files, JSON and tables.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Approval(_) => "approval",
            Self::Window(_) => "window",
            Self::Analysis(_) => "analysis",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approval(Approval { persons: 1 }) => f.write_str("approval by anybody"),
            Self::Approval(approval) => write!(f, "approval by {} who did not begin it", approval.needed()),
            Self::Window(window) => write!(f, "window {window}"),
            Self::Analysis(analysis) => {
                write!(f, "analysis {}, {} readings every {},", analysis.name, analysis.samples, analysis.interval)
            }
        }
    }
}

/// People's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// How many persons stand behind the rollout in the end. From 2 on the one who began it is one of them, and can't approve; with 1 anybody's
    /// word is enough, also theirs.
    pub persons: u8,
}

impl Approval {
    /// How many have to approve.
    pub fn needed(self) -> usize {
        usize::from(self.persons).saturating_sub(1).max(1)
    }

    /// Whether the one who began the rollout may.
    pub fn starter_may(self) -> bool {
        self.persons < 2
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are the days of the week")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    /// From Monday on.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// The word used in Compose files, JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}

/// A time of the week in which it may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The days on which it opens; empty: on all.
    pub days: BTreeSet<Weekday>,
    /// When it opens, in minutes after midnight, by that zone's clocks.
    pub start: u16,
    /// How long it stays open; it may reach into the next day.
    pub length: Millis,
    /// The time zone, as the IANA database names it.
    pub zone: String,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<&str> = self.days.iter().map(|day| day.as_str()).collect();
        let days = if days.is_empty() { "every day".to_owned() } else { days.join(", ") };
        write!(f, "{days} {:02}:{:02} for {} ({})", self.start / 60, self.start % 60, self.length, self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_persons_are_the_starter_and_another() {
        let approval = |persons| Approval { persons };
        assert_eq!([1, 2, 3].map(|persons| approval(persons).needed()), [1, 1, 2]);
        assert!(approval(1).starter_may() && !approval(2).starter_may());
    }

    #[test]
    fn gates_stand_in_the_waves_they_name() {
        let in_three = |waves: GateWaves| [0, 1, 2].map(|wave| waves.has(wave, 3));
        assert_eq!(in_three(GateWaves::Every), [true; 3]);
        assert_eq!(in_three(GateWaves::First), [true, false, false]);
        assert_eq!(in_three(GateWaves::Last), [false, false, true]);
        assert_eq!(in_three(GateWaves::Only(1)), [false, true, false]);
    }

    #[test]
    fn a_window_says_when_it_is_open() {
        let window = Window {
            days: BTreeSet::from([Weekday::Thu, Weekday::Mon]),
            start: 9 * 60 + 5,
            length: Millis::minutes(90),
            zone: "Europe/Berlin".to_owned(),
        };
        assert_eq!(window.to_string(), "mon, thu 09:05 for 1h30m (Europe/Berlin)");
    }
}
