//! What `evenkeel plan` says of hosts and services.

use std::sync::Arc;

use evenkeel_model::{HttpRoute, Port, Protocol, ReleaseNumber, RolloutId, Via};

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
        frozen: fixture.frozen.as_ref(),
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
    assert_eq!(preview.prefetch, 1, "the next wave's host fetches ahead");
    assert_eq!(preview.waves[0].hosts[0].base, Some(ReleaseNumber(1)));
}

#[test]
fn services_are_new_replaced_unchanged_or_removed() {
    let mut fixture = Fixture::running(1);
    let mut next = (*manifest(2, &[("app", &[]), ("extra", &[])])).clone();
    assert_eq!(
        change_on_first_host(&fixture, 2),
        BTreeMap::from([("app".to_owned(), Change::Replace { ports: Vec::new(), keep_old: KeepOld::Stopped })]),
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

/// What happens to the one service when its release changes by `old` and the next one by `next`.
fn change_between(old: impl Fn(&mut Service), next: impl Fn(&mut Service)) -> Change {
    let mut fixture = Fixture::running(1);
    let mut put = |number: u64, change: &dyn Fn(&mut Service)| {
        let mut manifest = (*manifest(number, &[("app", &[])])).clone();
        manifest.services.values_mut().for_each(change);
        fixture.releases.insert(ReleaseNumber(number), Arc::new(manifest));
    };
    put(1, &old);
    put(2, &next);
    change_on_first_host(&fixture, 2).remove("app").unwrap()
}

fn port(via: Via) -> Port {
    Port { address: None, published: 8080, target: 80, protocol: Protocol::Tcp, via }
}

fn with_port(via: Via) -> impl Fn(&mut Service) {
    move |service| service.spec.ports.push(port(via.clone()))
}

#[test]
fn a_published_port_is_swapped_by_stopping_first_and_the_reason_is_said() {
    let change = change_between(with_port(Via::Engine), with_port(Via::Engine));
    let reason = "port 8080 is published directly".to_owned();
    assert_eq!(change, Change::StopFirst { reason, held: Vec::new(), hold: Millis::seconds(30) });
}

#[test]
fn a_routed_port_is_switched_and_the_old_one_runs_on() {
    let replaced = |keep_old| Change::Replace { ports: vec![8080], keep_old };
    assert_eq!(change_between(with_port(Via::Tcp), with_port(Via::Tcp)), replaced(KeepOld::Running));
    let stopped = |service: &mut Service| {
        service.spec.ports.push(port(Via::Tcp));
        service.spec.keep_old = Some(KeepOld::Stopped);
    };
    assert_eq!(change_between(with_port(Via::Tcp), stopped), replaced(KeepOld::Stopped));
    let unrouted = Change::Replace { ports: Vec::new(), keep_old: KeepOld::Stopped };
    assert_eq!(change_between(|_| {}, |_| {}), unrouted);
}

#[test]
fn what_comes_to_a_routed_port_is_held_while_the_service_is_stopped() {
    let stop_first = |service: &mut Service| {
        service.spec.ports.push(port(Via::Http(HttpRoute::default())));
        service.spec.order = ServiceOrder::StopFirst;
        service.spec.traffic.hold = Millis::seconds(7);
    };
    let (reason, held) = ("the release says so".to_owned(), vec![8080]);
    assert_eq!(change_between(stop_first, stop_first), Change::StopFirst { reason, held, hold: Millis::seconds(7) });
}

#[test]
fn a_port_that_the_old_one_publishes_directly_is_free_only_when_that_has_stopped() {
    let reason = "port 8080 is published directly by the old one".to_owned();
    let expected = Change::StopFirst { reason, held: Vec::new(), hold: Millis::seconds(30) };
    assert_eq!(change_between(with_port(Via::Engine), with_port(Via::Tcp)), expected);
    let on = |address: &'static str, via: Via| {
        move |service: &mut Service| {
            service.spec.ports.push(Port { address: Some(address.to_owned()), ..port(via.clone()) });
        }
    };
    assert_eq!(change_between(on("127.0.0.1", Via::Engine), on("127.0.0.1", Via::Tcp)), expected);
    let replaced = Change::Replace { ports: vec![8080], keep_old: KeepOld::Running };
    assert_eq!(change_between(on("127.0.0.1", Via::Engine), on("127.0.0.2", Via::Tcp)), replaced);
}

#[test]
fn other_routes_leave_the_container_and_are_said() {
    let same_image = |via: Via| {
        move |service: &mut Service| {
            with_port(via.clone())(service);
            service.image = manifest(1, &[("app", &[])]).services.values().next().unwrap().image.clone();
        }
    };
    let http = || Via::Http(HttpRoute::default());
    assert_eq!(change_between(same_image(Via::Tcp), same_image(http())), Change::Rerouted { ports: vec![8080] });
    assert_eq!(change_between(same_image(http()), same_image(http())), Change::Unchanged);
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
