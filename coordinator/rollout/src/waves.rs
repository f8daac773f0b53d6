//! Which host is in which wave. Not here: which hosts a rollout covers (module `begin`), how many a wave has moved (crate `evenkeel-model`).

use std::collections::BTreeMap;

use evenkeel_model::{HostId, Policy};

use crate::{Contact, HostView};

/// A fleet divided into waves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Division {
    /// Each host's wave, counted from 0.
    pub(crate) hosts: BTreeMap<HostId, usize>,
    /// For each wave which of the policy's waves it is.
    pub(crate) rules: Vec<Option<usize>>,
}

/// Where a wave ends, in the order in which hosts are moved.
struct End {
    position: usize,
    rule: Option<usize>,
}

/// Divides the covered hosts: those that the policy wants first are the first wave; then one value of the label `by` after the other, in the order
/// of the values, and in each the live ones before those that nobody hears (a wave that nobody hears proves nothing), by their ids.
pub(crate) fn divide(policy: &Policy, covered: &[&HostView]) -> Division {
    let (first, rest): (Vec<&HostView>, Vec<&HostView>) =
        covered.iter().copied().partition(|view| policy.first.contains(&view.host));
    let mut groups: Vec<Vec<&HostView>> = vec![first];
    groups.extend(by_value(policy, rest));
    let ends = ends(policy, &groups, covered.len());
    let ordered = groups.into_iter().flat_map(live_first);
    let wave_of = |position: usize| ends.iter().take_while(|end| end.position <= position).count();
    let hosts = ordered.enumerate().map(|(position, view)| (view.host.clone(), wave_of(position))).collect();
    Division { hosts, rules: ends.into_iter().map(|end| end.rule).collect() }
}

fn by_value<'v>(policy: &Policy, views: Vec<&'v HostView>) -> Vec<Vec<&'v HostView>> {
    let Some(label) = &policy.by else { return vec![views] };
    let mut groups: BTreeMap<(bool, Option<&String>), Vec<&HostView>> = BTreeMap::new();
    for view in views {
        let value = view.labels.get(label);
        groups.entry((value.is_none(), value)).or_default().push(view);
    }
    groups.into_values().collect()
}

/// The written waves' ends, and those of the groups, which no wave spans.
fn ends(policy: &Policy, groups: &[Vec<&HostView>], total: usize) -> Vec<End> {
    let first = groups.first().map_or(0, Vec::len);
    let written: Vec<End> =
        policy.waves.ends(total).into_iter().map(|end| End { position: end.hosts, rule: end.written }).collect();
    let rule_of = |position: usize| written.iter().find(|end| end.position >= position).and_then(|end| end.rule);
    let mut cuts: Vec<usize> = written.iter().map(|end| end.position).filter(|position| *position > first).collect();
    let mut position = 0;
    for group in groups {
        position += group.len();
        cuts.push(position);
    }
    cuts.sort_unstable();
    cuts.dedup();
    let cuts = cuts.into_iter().filter(|position| *position > 0);
    cuts.enumerate()
        .map(|(wave, position)| {
            // Whoever is wanted first is the first wave, however many they are.
            let rule =
                if wave == 0 && first > 0 { written.first().and_then(|end| end.rule) } else { rule_of(position) };
            End { position, rule }
        })
        .collect()
}

fn live_first(group: Vec<&HostView>) -> impl Iterator<Item = &HostView> {
    let (mut live, silent): (Vec<&HostView>, Vec<&HostView>) =
        group.into_iter().partition(|view| view.contact == Contact::Live && !view.conflict);
    live.extend(silent);
    live.into_iter()
}

#[cfg(test)]
mod tests {
    use evenkeel_model::{Count, Wave, Waves};

    use super::*;
    use crate::fixture::{Fixture, id};

    fn list(waves: &[&str]) -> Waves {
        Waves::List(waves.iter().map(|count| Wave::from(count.parse::<Count>().unwrap())).collect())
    }

    /// Each wave's hosts.
    fn divided(fixture: &Fixture, policy: &Policy) -> Vec<String> {
        let views: Vec<&HostView> = fixture.hosts.iter().collect();
        let division = divide(policy, &views);
        let hosts_of = |wave| {
            let hosts = division.hosts.iter().filter(|(_, of)| **of == wave);
            hosts.map(|(host, _)| host.as_str()).collect::<Vec<_>>().join(" ")
        };
        (0..division.rules.len()).map(hosts_of).collect()
    }

    fn rules(fixture: &Fixture, policy: &Policy) -> Vec<Option<usize>> {
        divide(policy, &fixture.hosts.iter().collect::<Vec<_>>()).rules
    }

    /// Six hosts in three zones, and one in none.
    fn zoned() -> Fixture {
        let mut fixture = Fixture::running(7);
        for (host, zone) in [("h1", "c"), ("h2", "a"), ("h3", "b"), ("h4", "a"), ("h5", "b"), ("h6", "c")] {
            fixture.label(host, "zone", zone);
        }
        fixture
    }

    #[test]
    fn no_wave_spans_two_zones_and_hosts_without_one_come_last() {
        let policy = Policy { waves: list(&["1", "50%"]), by: Some("zone".to_owned()), ..Policy::default() };
        assert_eq!(divided(&zoned(), &policy), ["h2", "h4", "h3 h5", "h1 h6", "h7"]);
        assert_eq!(rules(&zoned(), &policy), [Some(0), Some(1), Some(1), None, None]);
        let all = Policy { waves: list(&["100%"]), ..policy };
        assert_eq!(divided(&zoned(), &all), ["h2 h4", "h3 h5", "h1 h6", "h7"]);
    }

    #[test]
    fn hosts_that_are_wanted_first_are_the_first_wave() {
        let policy = Policy { waves: list(&["1", "50%"]), first: vec![id("h6"), id("h3")], ..Policy::default() };
        assert_eq!(divided(&zoned(), &policy), ["h3 h6", "h1 h2", "h4 h5 h7"]);
        assert_eq!(rules(&zoned(), &policy), [Some(0), Some(1), None]);
        let zones = Policy { by: Some("zone".to_owned()), ..policy };
        assert_eq!(divided(&zoned(), &zones), ["h3 h6", "h2 h4", "h5", "h1", "h7"]);
    }

    #[test]
    fn a_silent_host_is_the_last_of_its_zone() {
        let mut fixture = zoned();
        fixture.silence("h2");
        let policy = Policy { waves: list(&["1", "100%"]), by: Some("zone".to_owned()), ..Policy::default() };
        assert_eq!(divided(&fixture, &policy)[..2], ["h4", "h2"]);
    }

    #[test]
    fn every_host_has_a_wave_and_every_wave_a_host() {
        for hosts in 1..30 {
            let mut fixture = Fixture::running(hosts);
            for number in 1..=hosts {
                fixture.label(&format!("h{number}"), "zone", &format!("z{}", number % 4));
            }
            for waves in
                [list(&["1", "10%", "50%", "100%"]), list(&["100%"]), Waves::Exponential { first: 1, times: 3 }]
            {
                for by in [None, Some("zone".to_owned())] {
                    let first = vec![id("h1")];
                    let policy = Policy { waves: waves.clone(), by, first, ..Policy::default() };
                    let waves = divided(&fixture, &policy);
                    assert!(waves.iter().all(|wave| !wave.is_empty()), "{hosts}: {waves:?}");
                    assert_eq!(waves.iter().map(|wave| wave.split(' ').count()).sum::<usize>(), hosts);
                }
            }
        }
    }
}
