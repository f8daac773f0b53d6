//! The policy, from `x-rollout` and from `update_config`, and the order of old and new.

use evenkeel_model::manifest::IfOrphaned;
use evenkeel_model::{Count, Millis, OnFailure, Order, Policy, Waves};

use super::{accepted, notes, web, with_service};
use crate::tests::with_rollout;

#[test]
fn all_policy_defaults_are_the_contracts() {
    for text in [with_service(""), with_rollout("{}"), with_rollout("bake:")] {
        let specification = accepted(&text.replace("x-rollout:\n  {}", "x-rollout: {}"));
        assert_eq!(specification.policy, Policy::default());
        assert_eq!((specification.if_orphaned, specification.keep), (IfOrphaned::Keep, 5));
    }
    // Compose's defaults (one at a time, pause, ratio 0) do not count where nothing is written.
    assert_eq!(accepted(&with_service("deploy: {update_config: {}}")).policy, Policy::default());
}

#[test]
fn every_setting_of_the_policy_is_read() {
    let specification = accepted(&with_rollout(
        "strategy: rolling\nwaves: [2, 25%, 5, 100%]\nby: zone\nfirst: [web-2, web-1]\nmax_unavailable: 20%\nmin_healthy: 75%\n\
         max_failures: 0\nbake: 0s\nhealth_deadline: 1m\npull_deadline: 2m\nprogress_deadline: 3m\non_failure: revert_failed\n\
         promote: auto\nif_orphaned: revert\nkeep: 2",
    ));
    let waves = [Count::Hosts(2), Count::Percent(25), Count::Hosts(5), Count::Percent(100)];
    let expected = Policy {
        waves: Waves::List(waves.map(Into::into).to_vec()),
        by: Some("zone".to_owned()),
        first: ["web-2", "web-1"].map(|host| host.parse().unwrap()).to_vec(),
        max_unavailable: Some(Count::Percent(20)),
        min_healthy: Some(Count::Percent(75)),
        max_failures: Some(Count::Hosts(0)),
        bake: Millis(0),
        health_deadline: Millis::minutes(1),
        pull_deadline: Millis::minutes(2),
        progress_deadline: Millis::minutes(3),
        on_failure: OnFailure::RevertFailed,
        ..Policy::default()
    };
    assert_eq!((specification.policy, specification.if_orphaned), (expected, IfOrphaned::Revert));
    assert_eq!(specification.keep, 2);
}

#[test]
fn only_written_keys_of_update_config_count() {
    let check = |written: &str, expected: Policy| {
        let text = with_service(&format!("deploy: {{update_config: {{{written}}}}}"));
        assert_eq!(accepted(&text).policy, expected, "{written}");
    };
    let default = Policy::default;
    check("parallelism: 3", Policy { max_unavailable: Some(Count::Hosts(3)), ..default() });
    check("parallelism: 0", Policy { max_unavailable: Some(Count::Percent(100)), ..default() });
    check("monitor: 1m", Policy { bake: Millis::minutes(1), ..default() });
    check("failure_action: pause", Policy { on_failure: OnFailure::Pause, ..default() });
    check("failure_action: rollback", default());
    check("max_failure_ratio: 0.25", Policy { max_failures: Some(Count::Percent(25)), ..default() });
    check("max_failure_ratio: 1", Policy { max_failures: Some(Count::Percent(100)), ..default() });
}

#[test]
fn services_may_agree_on_the_policy() {
    let text = "name: app
services:
  one: {image: a, deploy: {update_config: {monitor: 60s, parallelism: 2}}}
  two: {image: a, deploy: {update_config: {monitor: 1m}}}
";
    let policy = accepted(text).policy;
    assert_eq!((policy.bake, policy.max_unavailable), (Millis::minutes(1), Some(Count::Hosts(2))));
}

#[test]
fn the_order_follows_from_what_clashes() {
    assert_eq!(web("").spec.order, Order::StartFirst);
    for routed in ["\"8080:80\"", "{target: 80, published: 8080, app_protocol: http}"] {
        assert_eq!(web(&format!("ports: [{routed}]")).spec.order, Order::StartFirst, "{routed}");
        assert!(notes(&format!("ports: [{routed}]")).is_empty(), "{routed}");
    }
    for direct in ["\"8080:80/udp\"", "{target: 80, published: 8080, mode: host}"] {
        let ports = format!("ports: [\"443:443\", {direct}]");
        assert_eq!(web(&ports).spec.order, Order::StopFirst, "{direct}");
        assert_eq!(notes(&ports), ["web: stop-first, because port 8080 is published directly"], "{direct}");
    }
    let with_volume = |volume: &str| {
        accepted(&format!(
            "name: app\nvolumes: {{data: }}\nservices: {{db: {{image: a, volumes: ['data:/d{volume}'], deploy: {{mode: global}}}}}}"
        ))
        .notes
    };
    assert_eq!(with_volume(""), ["db: stop-first, because volume data may have only one writer"]);
    assert!(with_volume(":ro").is_empty());
}

#[test]
fn a_written_order_holds_and_the_services_own_goes_first() {
    assert_eq!(web("x-rollout: {order: stop-first}").spec.order, Order::StopFirst);
    assert_eq!(web("deploy: {update_config: {order: stop-first}}").spec.order, Order::StopFirst);
    assert_eq!(web("deploy: {update_config: {order: start-first}}").spec.order, Order::StartFirst);
    let text = "name: app
x-rollout: {order: stop-first}
services:
  one: {image: a}
  two: {image: a, x-rollout: {order: start-first}}
";
    let specification = accepted(text);
    let order = |name: &str| specification.services[&name.parse().unwrap()].spec.order;
    assert_eq!((order("one"), order("two")), (Order::StopFirst, Order::StartFirst));
    assert!(specification.notes.is_empty());
}
