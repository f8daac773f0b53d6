//! How many hosts are moved by the end of each wave, and what holds for that wave alone.
//! Not here: which hosts these are (crate `evenkeel-rollout`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Count, Millis};

/// One wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "WrittenWave", into = "WrittenWave")]
pub struct Wave {
    /// How many hosts have been moved when it ends, those of the waves before included.
    pub hosts: Count,
    /// Instead of the policy's.
    pub bake: Option<Millis>,
    /// Instead of the policy's.
    pub max_unavailable: Option<Count>,
    /// Instead of the policy's.
    pub max_failures: Option<Count>,
}

impl From<Count> for Wave {
    fn from(hosts: Count) -> Self {
        Self { hosts, bake: None, max_unavailable: None, max_failures: None }
    }
}

impl fmt::Display for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.hosts)?;
        let own = [
            self.bake.map(|bake| format!("bake {bake}")),
            self.max_unavailable.map(|count| format!("max_unavailable {count}")),
            self.max_failures.map(|count| format!("max_failures {count}")),
        ];
        let own: Vec<String> = own.into_iter().flatten().collect();
        if own.is_empty() { Ok(()) } else { write!(f, " ({})", own.join(", ")) }
    }
}

/// A wave as it is stored: a count alone wherever that says it all, as before waves had rules of their own.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenWave {
    Hosts(Count),
    Own {
        hosts: Count,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bake: Option<Millis>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_unavailable: Option<Count>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_failures: Option<Count>,
    },
}

impl From<WrittenWave> for Wave {
    fn from(written: WrittenWave) -> Self {
        match written {
            WrittenWave::Hosts(hosts) => Self::from(hosts),
            WrittenWave::Own { hosts, bake, max_unavailable, max_failures } => {
                Self { hosts, bake, max_unavailable, max_failures }
            }
        }
    }
}

impl From<Wave> for WrittenWave {
    fn from(wave: Wave) -> Self {
        if wave == Wave::from(wave.hosts) {
            return Self::Hosts(wave.hosts);
        }
        let Wave { hosts, bake, max_unavailable, max_failures } = wave;
        Self::Own { hosts, bake, max_unavailable, max_failures }
    }
}

/// All waves of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Waves {
    /// Each as written.
    List(Vec<Wave>),
    /// The first has so many hosts, and each further one `times` as many as the one before.
    Exponential {
        /// How many hosts the first wave has; at least 1.
        first: u32,
        /// How many times as many each further wave has; at least 2.
        times: u32,
    },
}

impl Waves {
    /// The waves as written; none of exponential ones, which have no rules of their own.
    pub fn list(&self) -> &[Wave] {
        match self {
            Self::List(waves) => waves,
            Self::Exponential { .. } => &[],
        }
    }

    /// What was written for wave number `wave`, counted from 0.
    pub fn get(&self, wave: usize) -> Option<&Wave> {
        self.list().get(wave)
    }

    /// For each wave of a fleet of `total` hosts how many have been moved when it ends (rising, the last one `total`), and which of the written
    /// waves it is: those that come to the same number are merged into the first of them. What is left over is of no written wave.
    pub fn ends(&self, total: usize) -> Vec<WaveEnd> {
        match self {
            Self::List(waves) => {
                let written =
                    waves.iter().enumerate().map(|(index, wave)| (wave.hosts.of_rounded_up(total), Some(index)));
                rising(written.chain([(total, None)]), total)
            }
            Self::Exponential { first, times } => {
                let (mut size, mut end) = ((*first).max(1) as usize, 0_usize);
                let sizes = std::iter::from_fn(|| {
                    end = end.saturating_add(size);
                    size = size.saturating_mul((*times).max(2) as usize);
                    Some((end, None))
                });
                // Each wave is at least twice the one before, so that so many reach any total.
                rising(sizes.take(usize::BITS as usize).chain([(total, None)]), total)
            }
        }
    }
}

impl fmt::Display for Waves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(waves) => f.write_str(&waves.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
            Self::Exponential { first, times } => write!(f, "{first}, then {times} times as many in each"),
        }
    }
}

/// Where a wave ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaveEnd {
    /// How many hosts have been moved by then.
    pub hosts: usize,
    /// Its place among the written waves; none: it is written nowhere.
    pub written: Option<usize>,
}

fn rising(ends: impl Iterator<Item = (usize, Option<usize>)>, total: usize) -> Vec<WaveEnd> {
    let mut rising: Vec<WaveEnd> = Vec::new();
    for (hosts, written) in ends {
        let hosts = hosts.min(total);
        if hosts > rising.last().map_or(0, |last| last.hosts) {
            rising.push(WaveEnd { hosts, written });
        }
    }
    rising
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(waves: &Waves, total: usize) -> Vec<usize> {
        waves.ends(total).into_iter().map(|end| end.hosts).collect()
    }

    #[test]
    fn waves_round_up_and_equal_ones_merge() {
        let list = crate::Strategy::Rolling.default_waves();
        assert_eq!(ends(&list, 3), [1, 2, 3]);
        assert_eq!(ends(&list, 100), [1, 10, 50, 100]);
        assert_eq!(ends(&list, 1), [1]);
        assert!(ends(&list, 0).is_empty());
        let half = Waves::List(vec![Count::Percent(50).into()]);
        assert_eq!(ends(&half, 5), [3, 5]);
        let written: Vec<_> = list.ends(3).into_iter().map(|end| end.written).collect();
        assert_eq!(written, [Some(0), Some(2), Some(3)], "10% of three is the first wave again");
        assert_eq!(half.ends(5)[1].written, None);
    }

    #[test]
    fn exponential_waves_grow_until_all_are_moved() {
        let by_five = Waves::Exponential { first: 1, times: 5 };
        assert_eq!(ends(&by_five, 100), [1, 6, 31, 100]);
        assert_eq!(ends(&by_five, 1), [1]);
        assert_eq!(ends(&Waves::Exponential { first: 0, times: 0 }, 5), [1, 3, 5], "nonsense still ends");
    }

    #[test]
    fn a_wave_without_rules_of_its_own_is_stored_as_its_count() {
        let wave = Wave { bake: Some(Millis::minutes(1)), ..Wave::from(Count::Hosts(2)) };
        let waves = Waves::List(vec![Count::Percent(10).into(), wave]);
        let text = serde_json::to_string(&waves).unwrap();
        assert_eq!(text, r#"["10%",{"hosts":"2","bake":60000}]"#);
        assert_eq!(serde_json::from_str::<Waves>(&text).unwrap(), waves);
        assert_eq!(waves.to_string(), "10%, 2 (bake 1m)");
        let exponential = Waves::Exponential { first: 1, times: 5 };
        let text = serde_json::to_string(&exponential).unwrap();
        assert_eq!(serde_json::from_str::<Waves>(&text).unwrap(), exponential);
    }
}
