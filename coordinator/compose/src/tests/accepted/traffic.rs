//! How what is under way at a service is treated when its container is replaced.

use evenkeel_model::{KeepOld, Millis, Traffic};

use super::{accepted, notes, web};

#[test]
fn every_setting_of_the_traffic_is_read() {
    let spec = web("ports: [\"80:80\"]\nx-rollout: {drain: 1m, hold: 0s, lb_delay: 500ms, keep_old: stopped}").spec;
    let expected = Traffic { drain: Millis::minutes(1), hold: Millis(0), lb_delay: Millis(500) };
    assert_eq!((spec.traffic, spec.keep_old), (expected, Some(KeepOld::Stopped)));
    let spec = web("ports: [\"80:80\"]").spec;
    let default = Traffic { drain: Millis::seconds(30), hold: Millis::seconds(30), lb_delay: Millis(0) };
    assert_eq!((spec.traffic, spec.keep_old), (default, None));
    assert_eq!(web("x-rollout: {keep_old: running}").spec.keep_old, Some(KeepOld::Running));
}

#[test]
fn a_services_own_setting_goes_before_that_for_all() {
    let text = "name: app
x-rollout: {drain: 1s, hold: 2s, lb_delay: 3s, keep_old: stopped}
services:
  plain: {image: a, ports: ['80:80']}
  own: {image: a, ports: ['81:80'], x-rollout: {hold: 20s, keep_old: running}}
  worker: {image: a}
";
    let specification = accepted(text);
    let of = |name: &str| {
        let spec = &specification.services[&name.parse().unwrap()].spec;
        (spec.traffic, spec.keep_old)
    };
    let traffic = |hold| Traffic { drain: Millis::seconds(1), hold, lb_delay: Millis::seconds(3) };
    assert_eq!(of("plain"), (traffic(Millis::seconds(2)), Some(KeepOld::Stopped)));
    assert_eq!(of("own"), (traffic(Millis::seconds(20)), Some(KeepOld::Running)));
    // What is written for all is not meant for each.
    assert!(specification.notes.is_empty());
}

#[test]
fn a_setting_without_a_port_that_it_is_for_is_noted() {
    let note = |key: &str| format!("web: `{key}` has no effect, because the proxy forwards none of its ports");
    assert_eq!(notes("x-rollout: {drain: 1s, lb_delay: 1s, keep_old: stopped}"), [note("drain"), note("lb_delay")]);
    let direct = notes("x-rollout: {hold: 1s}\nports: [\"53:53/udp\"]");
    assert!(direct.contains(&note("hold")), "{direct:?}");
}
