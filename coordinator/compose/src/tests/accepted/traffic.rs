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

#[test]
fn a_delay_for_load_balancers_where_nothing_stops_answering_is_noted() {
    let note = "web: `lb_delay` has no effect, because old and new run side by side, so that nothing on the host stops answering";
    let ports = "ports: [\"80:80\"]\nx-rollout:";
    assert_eq!(notes(&format!("{ports} {{lb_delay: 5s}}")), [note]);
    assert!(notes(&format!("{ports} {{lb_delay: 0s}}")).is_empty());
    assert!(notes(&format!("{ports} {{lb_delay: 5s, order: stop-first}}")).is_empty());
}

#[test]
fn what_waits_for_one_that_is_stopped_first_waits_for_its_drain_too() {
    let settled = |rollout: &str| {
        let keys = format!("ports: [\"80:80\"]\nx-rollout: {{{rollout}}}");
        (web(&keys).spec.traffic.hold, notes(&keys))
    };
    assert_eq!(settled("order: stop-first, drain: 10s"), (Millis::seconds(30), vec![]));
    assert_eq!(settled("order: stop-first, drain: 2m, hold: 3m"), (Millis::minutes(3), vec![]));
    assert_eq!(settled("order: stop-first, hold: 0s"), (Millis(0), vec![]));
    assert_eq!(settled("drain: 2m"), (Millis::seconds(30), vec![]));
    let note = "web: what arrives while the old container drains may wait longer than `hold` (30s), and is then refused: \
                raise `hold`, or lower `drain` (30s)";
    assert_eq!(settled("order: stop-first"), (Millis::seconds(30), vec![]));
    assert_eq!(settled("order: stop-first, hold: 30s"), (Millis::seconds(30), vec![note.to_owned()]));
    assert_eq!(web("x-rollout: {order: stop-first}").spec.traffic.hold, Millis::seconds(30), "without a port");
}
