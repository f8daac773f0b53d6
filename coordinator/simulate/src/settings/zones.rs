//! How an imagined fleet is divided. Not here: the label that says it (module `fleet`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text::{InvalidText, stored_as_text};

/// More of them would be no division any more.
const MOST: usize = 1000;

/// One zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// What the hosts' label says.
    pub name: String,
    /// How many hosts it has, beside the others'.
    pub weight: u32,
}

/// Zones, or none: `0`, `3` (equal ones, `z1` to `z3`), `east:50,west:30,north:20`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zones(Vec<Zone>);

stored_as_text!(Zones);

impl Zones {
    /// So many equal ones. Their names sort as they are counted.
    pub fn equal(count: usize) -> Self {
        let width = count.to_string().len();
        Self((1..=count).map(|number| Zone { name: format!("z{number:0width$}"), weight: 1 }).collect())
    }

    /// Them.
    pub fn list(&self) -> &[Zone] {
        &self.0
    }

    /// The zone of each of so many hosts: always the one that is farthest behind its weight, the first of several. None: there are no zones.
    pub(crate) fn of_hosts(&self, hosts: usize) -> Vec<Option<&str>> {
        let total: u128 = self.0.iter().map(|zone| u128::from(zone.weight)).sum();
        let mut taken = vec![0_u128; self.0.len()];
        (1..=hosts as u128)
            .map(|number| {
                let behind =
                    |zone: usize| (u128::from(self.0[zone].weight) * number).saturating_sub(taken[zone] * total);
                let next = (0..self.0.len()).rev().max_by_key(|zone| behind(*zone))?;
                taken[next] += 1;
                Some(self.0[next].name.as_str())
            })
            .collect()
    }
}

impl FromStr for Zones {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let zones = match text.parse::<usize>() {
            Ok(count) => (count <= MOST).then(|| Self::equal(count)),
            Err(_) => text.split(',').map(zone).collect::<Option<Vec<_>>>().filter(|zones| are_apart(zones)).map(Self),
        };
        let example = "how many, such as `3`, or each with its share: `east:50,west:30,north:20`";
        zones.ok_or_else(|| InvalidText { what: "division into zones", text: text.to_owned(), example })
    }
}

fn zone(text: &str) -> Option<Zone> {
    let (name, weight) = text.split_once(':').unwrap_or((text, "1"));
    let weight = weight.parse().ok().filter(|weight| *weight > 0)?;
    (!name.is_empty()).then(|| Zone { name: name.to_owned(), weight })
}

fn are_apart(zones: &[Zone]) -> bool {
    zones.iter().enumerate().all(|(place, zone)| zones[..place].iter().all(|before| before.name != zone.name))
}

impl fmt::Display for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zones: Vec<String> = self.0.iter().map(|zone| format!("{}:{}", zone.name, zone.weight)).collect();
        f.write_str(if zones.is_empty() { "0".to_owned() } else { zones.join(",") }.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str, hosts: usize) -> Vec<(String, usize)> {
        let zones: Zones = text.parse().unwrap();
        let of_hosts = zones.of_hosts(hosts);
        let count = |zone: &Zone| of_hosts.iter().filter(|of| **of == Some(zone.name.as_str())).count();
        zones.list().iter().map(|zone| (zone.name.clone(), count(zone))).collect()
    }

    fn named(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
        expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn hosts_are_divided_as_the_weights_say() {
        assert_eq!(counts("3", 10), named(&[("z1", 4), ("z2", 3), ("z3", 3)]));
        assert_eq!(counts("east:50,west:30,north:20", 10), named(&[("east", 5), ("west", 3), ("north", 2)]));
        assert_eq!(counts("a:99,b:1", 100), named(&[("a", 99), ("b", 1)]));
        assert_eq!(counts("a,b", 1), named(&[("a", 1), ("b", 0)]));
        assert_eq!("2".parse::<Zones>().unwrap().of_hosts(4), [Some("z1"), Some("z2"), Some("z1"), Some("z2")]);
        assert_eq!("0".parse::<Zones>().unwrap().of_hosts(2), [None, None]);
    }

    #[test]
    fn names_sort_as_they_are_counted() {
        let names: Vec<String> = Zones::equal(12).list().iter().map(|zone| zone.name.clone()).collect();
        assert!(names.is_sorted() && names[0] == "z01", "{names:?}");
    }

    #[test]
    fn zones_are_kept_as_written() {
        assert_eq!("a:50,b:50".parse::<Zones>().unwrap().to_string(), "a:50,b:50");
        assert_eq!(Zones::default().to_string(), "0");
        assert_eq!("2".parse::<Zones>().unwrap().to_string(), "z1:1,z2:1");
        for bad in ["", "a:0", "a,a", ":3", "a:b", "1001", "a,"] {
            assert!(bad.parse::<Zones>().is_err(), "{bad}");
        }
    }
}
