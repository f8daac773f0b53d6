//! What `evenkeel plan` says of hosts and services.

use std::sync::Arc;

use evenkeel_model::{Port, Protocol, ReleaseNumber, RolloutId};

use super::*;
use crate::fixture::{Fixture, id, key, manifest};

fn preview_of(fixture: &Fixture, to: u64) -> Preview {
    let input = Input {
        key: &key(),
        now: fixture.now,
        hosts: &fixture.hosts,
        releases: &fixture.releases,
        current: fixture.current,
        current_policy: &fixture.policy,
        rollout: fixture.rollout.as_ref(),
    };
    preview(&input, &fixture.begin(to)).unwrap()
}

fn change_on_first_host(fixture: &Fixture, to: u64) -> BTreeMap<String, Change> {
    let preview = preview_of(fixture, to);
    preview.waves[0].hosts[0].services.iter().map(|(name, change)| (name.to_string(), change.clone())).collect()
}

#[test]
fn waves_budget_and_a_rollout_that_goes_on_are_shown() {
    let mut fixture = Fixture::running(4);
    fixture.deploy(2);
    let preview = preview_of(&fixture, 3);
    let hosts: Vec<Vec<&str>> =
        preview.waves.iter().map(|wave| wave.hosts.iter().map(|host| host.host.as_str()).collect()).collect();
    assert_eq!(hosts, [vec!["h1"], vec!["h2"], vec!["h3", "h4"]]);
    assert_eq!((preview.budget, preview.going), (1, Some(RolloutId(1))));
    assert_eq!(preview.waves[0].hosts[0].base, Some(ReleaseNumber(1)));
}

#[test]
fn services_are_new_replaced_unchanged_or_removed() {
    let mut fixture = Fixture::running(1);
    let mut next = (*manifest(2, &[("app", &[]), ("extra", &[])])).clone();
    assert_eq!(
        change_on_first_host(&fixture, 2),
        BTreeMap::from([("app".to_owned(), Change::Replace)]),
        "another image is another container"
    );
    next.services
        .insert("same".parse().unwrap(), fixture.releases[&ReleaseNumber(1)].services.values().next().unwrap().clone());
    next.services.remove(&"app".parse().unwrap());
    fixture.releases.insert(ReleaseNumber(2), Arc::new(next));
    let expected = [("app", Change::Remove), ("extra", Change::New), ("same", Change::New)];
    assert_eq!(change_on_first_host(&fixture, 2), expected.map(|(name, change)| (name.to_owned(), change)).into());
    assert_eq!(change_on_first_host(&fixture, 1), BTreeMap::from([("app".to_owned(), Change::Unchanged)]));
}

#[test]
fn a_published_port_is_swapped_by_stopping_first_and_the_reason_is_said() {
    let mut fixture = Fixture::running(1);
    let mut next = (*manifest(2, &[("app", &[])])).clone();
    let port = Port { address: None, published: 8080, target: 80, protocol: Protocol::Tcp };
    next.services.get_mut(&"app".parse().unwrap()).unwrap().spec.ports.push(port);
    fixture.releases.insert(ReleaseNumber(2), Arc::new(next));
    let reason = "port 8080 is published directly".to_owned();
    assert_eq!(change_on_first_host(&fixture, 2), BTreeMap::from([("app".to_owned(), Change::StopFirst { reason })]));
}

#[test]
fn on_a_fresh_fleet_all_is_new_and_silent_hosts_are_marked() {
    let mut fixture = Fixture::empty(2);
    fixture.silence("h1");
    let preview = preview_of(&fixture, 1);
    let last = &preview.waves[1].hosts[0];
    assert_eq!((&last.host, last.live, last.base), (&id("h1"), false, None));
    assert_eq!(last.services.values().collect::<Vec<_>>(), [&Change::New]);
}
