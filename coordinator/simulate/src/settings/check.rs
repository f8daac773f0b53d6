//! What makes no sense in settings, with the policy that they are for: all of it at once. Not here: texts that can't be read (a file each beside).

use std::collections::BTreeSet;

use evenkeel_model::{HostId, Policy};

use super::{Settings, Who};
use crate::fleet;

/// What makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A fleet of nobody.
    #[error("there are no hosts: imagine one at least")]
    NoHosts,
    /// Times can't be rounded to nothing.
    #[error("times are rounded up to 0s: take 1ms at least")]
    NoGrain,
    /// The policy goes by a label that no host has.
    #[error(
        "the policy goes by the label `{by}`, and no imagined host has it: say how many zones there are, and that their label is `{by}`"
    )]
    NoSuchLabel {
        /// The label.
        by: String,
    },
    /// The policy wants more hosts first than there are.
    #[error("the policy wants {first} hosts first, and only {hosts} are imagined")]
    TooManyFirst {
        /// How many it wants.
        first: usize,
        /// How many there are.
        hosts: usize,
    },
    /// A zone is not heard that is not there.
    #[error("zone `{zone}` is to be silent, and there is no such zone: {}", list(zones))]
    UnknownZone {
        /// The zone.
        zone: String,
        /// Those that are there.
        zones: Vec<String>,
    },
    /// A host is not heard that is not there.
    #[error("host {host} is to be silent, and there is no such host: they are {first} to {last}")]
    UnknownHost {
        /// The host.
        host: HostId,
        /// The first by name.
        first: HostId,
        /// The last.
        last: HostId,
    },
}

impl Settings {
    /// All that makes no sense; nothing: it can be tried.
    pub fn problems(&self, policy: &Policy) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.hosts == 0 {
            problems.push(Problem::NoHosts);
        }
        if self.grain.0 == 0 {
            problems.push(Problem::NoGrain);
        }
        if let Some(by) = policy.by.as_ref().filter(|by| **by != self.label || self.zones.list().is_empty()) {
            problems.push(Problem::NoSuchLabel { by: by.clone() });
        }
        let first = policy.first.iter().collect::<BTreeSet<_>>().len();
        if first > self.hosts && self.hosts > 0 {
            problems.push(Problem::TooManyFirst { first, hosts: self.hosts });
        }
        if problems.is_empty() {
            problems.extend(self.unknown(policy));
        }
        problems
    }

    /// Who is to be silent and is not there.
    fn unknown(&self, policy: &Policy) -> Vec<Problem> {
        let zones: Vec<String> = self.zones.list().iter().map(|zone| zone.name.clone()).collect();
        let names: BTreeSet<HostId> = fleet::names(self, policy).into_iter().collect();
        let (Some(first), Some(last)) = (names.first(), names.last()) else { return Vec::new() };
        let problem = |who: &Who| match who {
            Who::Zone(zone) if !zones.contains(zone) => {
                Some(Problem::UnknownZone { zone: zone.clone(), zones: zones.clone() })
            }
            Who::Host(host) if !names.contains(host) => {
                Some(Problem::UnknownHost { host: host.clone(), first: first.clone(), last: last.clone() })
            }
            _ => None,
        };
        self.down.iter().filter_map(|down| problem(&down.who)).collect()
    }
}

fn list(zones: &[String]) -> String {
    if zones.is_empty() { "there are none".to_owned() } else { format!("there are {}", zones.join(", ")) }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::Millis;

    use super::*;

    fn said(settings: &Settings, policy: &Policy) -> Vec<String> {
        settings.problems(policy).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_that_makes_no_sense_is_said_at_once() {
        let by_rack = Policy { by: Some("rack".to_owned()), ..Policy::default() };
        let settings = Settings { hosts: 0, grain: Millis(0), ..Settings::default() };
        let expected = [
            "there are no hosts: imagine one at least",
            "times are rounded up to 0s: take 1ms at least",
            "the policy goes by the label `rack`, and no imagined host has it: say how many zones there are, and that their label is `rack`",
        ];
        assert_eq!(said(&settings, &by_rack), expected);
        let racks = Settings { label: "rack".to_owned(), zones: "3".parse().unwrap(), ..Settings::default() };
        assert!(said(&racks, &by_rack).is_empty());
    }

    #[test]
    fn who_is_silent_or_first_must_be_there() {
        let down = |text: &str| vec![text.parse().unwrap()];
        let settings = Settings { hosts: 20, zones: "2".parse().unwrap(), ..Settings::default() };
        let silent = |text: &str| said(&Settings { down: down(text), ..settings.clone() }, &Policy::default());
        assert_eq!(silent("zone=z2@1m+1m"), [""; 0]);
        assert_eq!(silent("zone=z3@1m+1m"), ["zone `z3` is to be silent, and there is no such zone: there are z1, z2"]);
        assert_eq!(silent("host=host-20@1m+1m"), [""; 0]);
        assert_eq!(
            silent("host=web@1m+1m"),
            ["host web is to be silent, and there is no such host: they are host-01 to host-20"]
        );
        let first = ["a", "b", "b"].map(|host| host.parse().unwrap()).to_vec();
        let policy = Policy { first, ..Policy::default() };
        let one = Settings { hosts: 1, ..Settings::default() };
        assert_eq!(said(&one, &policy), ["the policy wants 2 hosts first, and only 1 are imagined"]);
        let named = Settings { down: down("host=b@1m+1m"), ..settings };
        assert_eq!(said(&named, &policy), [""; 0], "those that the policy names are imagined, too");
    }
}
