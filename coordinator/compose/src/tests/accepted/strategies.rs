//! Strategies with their own settings, and waves in all their forms.

use evenkeel_model::{Count, Millis, Policy, Promote, Share, Strategy, Wave, Waves};

use super::accepted;
use crate::tests::with_rollout;

fn policy(keys: &str) -> Policy {
    accepted(&with_rollout(keys)).policy
}

fn percents(shares: Vec<Share>) -> Vec<u32> {
    shares.into_iter().map(Share::percent).collect()
}

#[test]
fn each_strategy_has_waves_of_its_own() {
    for strategy in [Strategy::Rolling, Strategy::Canary, Strategy::BlueGreen] {
        let expected = Policy { strategy, waves: strategy.default_waves(), ..Policy::default() };
        assert_eq!(policy(&format!("strategy: {}", strategy.as_str())), expected);
    }
    let written = policy("strategy: canary\nwaves: [5%, 100%]");
    assert_eq!(written.waves, Waves::List(vec![Count::Percent(5).into(), Count::Percent(100).into()]));
}

#[test]
fn a_canary_has_weights_and_may_be_promoted_by_hand() {
    let canary = policy("strategy: canary\nweights: [5, 25%, 100]\npromote: manual");
    assert_eq!((canary.strategy, canary.promote), (Strategy::Canary, Promote::Manual));
    assert_eq!(percents(canary.shares()), [5, 25, 100]);
    assert_eq!(percents(policy("strategy: canary\nweights: [50]").shares()), [50, 100]);
    assert_eq!(percents(policy("strategy: canary\nweights: [100%]").shares()), [100]);
    assert_eq!(policy("strategy: canary\npromote: auto").promote, Promote::Auto);
}

#[test]
fn blue_is_kept_for_as_long_as_is_said() {
    let blue_green = policy("strategy: blue-green\npromote: manual\nkeep_blue: 30m");
    assert_eq!((blue_green.keep_blue, blue_green.promote), (Millis::minutes(30), Promote::Manual));
    assert_eq!(percents(blue_green.shares()), [0, 100]);
    for (text, kept) in [("0s", 0), ("48h", 48 * 60)] {
        assert_eq!(policy(&format!("strategy: blue-green\nkeep_blue: {text}")).keep_blue, Millis::minutes(kept));
    }
}

#[test]
fn waves_are_counts_or_have_rules_of_their_own_or_grow() {
    let waves = |text: &str| policy(&format!("waves: {text}")).waves;
    let own = Wave {
        bake: Some(Millis::minutes(10)),
        max_unavailable: Some(Count::Hosts(1)),
        max_failures: Some(Count::Hosts(0)),
        ..Wave::from(Count::Hosts(1))
    };
    let written = "[{hosts: 1, bake: 10m, max_unavailable: 1, max_failures: 0}, 10%, {hosts: 100%}]";
    assert_eq!(waves(written), Waves::List(vec![own, Count::Percent(10).into(), Count::Percent(100).into()]));
    assert_eq!(waves("{first: 2, times: 3}"), Waves::Exponential { first: 2, times: 3 });
    assert_eq!(waves("\n    - hosts: 3\n      bake: 0s"), {
        Waves::List(vec![Wave { bake: Some(Millis(0)), ..Wave::from(Count::Hosts(3)) }])
    });
}

#[test]
fn stop_first_services_are_refused_only_where_both_run() {
    let stop_first = |keys: &str| {
        let web = "name: app\nservices:\n  web: {image: a, ports: [\"53:53/udp\"]}\n";
        accepted(&format!("{web}x-rollout: {{{keys}}}\n")).policy.strategy
    };
    assert_eq!(stop_first("strategy: canary"), Strategy::Canary);
    assert_eq!(stop_first("strategy: canary, weights: [100]"), Strategy::Canary);
    assert_eq!(stop_first("waves: {first: 1, times: 2}"), Strategy::Rolling);
}

#[test]
fn weights_without_a_port_that_is_forwarded_are_noted() {
    let note = "`x-rollout.weights` divides nothing, because the proxy forwards no port: old and new work side by side for each of them";
    let notes = |service: &str| {
        let rollout = "x-rollout: {strategy: canary, weights: [10]}";
        accepted(&format!("name: app\n{rollout}\nservices: {{web: {{image: a{service}}}, worker: {{image: a}}}}")).notes
    };
    assert_eq!(notes(""), [note]);
    assert!(notes(", ports: ['80:80']").is_empty());
}
