//! What holds of every policy on every imagined fleet: it ends, the planner keeps its invariants, the totals add up, and the same seed tells the same
//! story. Not here: stories that are meant to be read (`timelines.rs`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly anywhere")]

use evenkeel_model::analysis::Source;
use evenkeel_model::gate::{Approval, Check, GateWaves, Window};
use evenkeel_model::{
    Analysis, Count, Gate, GatePoint, Millis, OnFailure, Policy, Promote, Share, Strategy as Moved, Wave, Waves,
};
use evenkeel_simulate::{Answer, End, Settings, Timeline, What, simulate, simulate_runs};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

fn count() -> impl Strategy<Value = Count> {
    prop_oneof![(1..6u32).prop_map(Count::Hosts), (0..=100u8).prop_map(Count::Percent)]
}

fn waves() -> impl Strategy<Value = Waves> {
    let own = proptest::option::weighted(0.2, Just(Millis::seconds(90)));
    let wave = (count(), own).prop_map(|(hosts, bake)| Wave { bake, ..Wave::from(hosts) });
    prop_oneof![
        4 => proptest::collection::vec(wave, 0..4).prop_map(Waves::List),
        1 => (1..3u32, 2..4u32).prop_map(|(first, times)| Waves::Exponential { first, times }),
    ]
}

fn gate() -> impl Strategy<Value = Gate> {
    let at =
        prop_oneof![Just(GatePoint::Before), Just(GatePoint::Switch), Just(GatePoint::Commit), Just(GatePoint::After),];
    let waves =
        prop_oneof![Just(GateWaves::Every), Just(GateWaves::First), Just(GateWaves::Last), Just(GateWaves::Only(1))];
    let window = Window { days: [].into(), start: 10 * 60, length: Millis::minutes(30), zone: "UTC".to_owned() };
    let analysis = Analysis {
        name: "errors".to_owned(),
        source: Source::Http { url: "http://shop/".to_owned(), status: (200, 299), body: None },
        samples: 3,
        interval: Millis::seconds(20),
        max_bad: 0,
        max_inconclusive: 1,
    };
    let check = prop_oneof![
        (1..4u8).prop_map(|persons| Check::Approval(Approval { persons })),
        Just(Check::Window(window)),
        Just(Check::Analysis(analysis)),
    ];
    (at, waves, check).prop_map(|(at, waves, check)| Gate { at, waves, check })
}

fn moved() -> impl Strategy<Value = (Moved, Promote, Vec<Share>)> {
    let weights = [vec![], vec![5, 25]].map(|weights: Vec<u32>| {
        weights.into_iter().map(|percent| Share::try_from(percent).unwrap()).collect::<Vec<_>>()
    });
    let moved = prop_oneof![3 => Just(Moved::Rolling), 2 => Just(Moved::Canary), 2 => Just(Moved::BlueGreen)];
    let promote = prop_oneof![3 => Just(Promote::Auto), 1 => Just(Promote::Manual)];
    (moved, promote, proptest::sample::select(weights.to_vec()))
}

fn policy() -> impl Strategy<Value = Policy> {
    let plain = (
        waves(),
        proptest::option::of(count()),
        proptest::option::of(prop_oneof![(0..4u32).prop_map(Count::Hosts), (0..=50u8).prop_map(Count::Percent)]),
        prop_oneof![Just(0), Just(30), Just(600)],
        prop_oneof![Just(OnFailure::Pause), Just(OnFailure::RevertFailed), Just(OnFailure::Rollback)],
    );
    let gates = prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(gate(), 1..3)];
    let by = proptest::option::weighted(0.3, Just("zone".to_owned()));
    let floor = proptest::option::weighted(0.2, (0..70u8).prop_map(Count::Percent));
    (plain, moved(), gates, by, floor).prop_map(|(plain, moved, gates, by, min_healthy)| {
        let (waves, max_unavailable, max_failures, bake, on_failure) = plain;
        let (strategy, promote, weights) = moved;
        let bake = Millis::seconds(bake);
        Policy {
            strategy,
            waves,
            by,
            max_unavailable,
            min_healthy,
            max_failures,
            bake,
            on_failure,
            promote,
            weights,
            gates,
            ..Policy::default()
        }
    })
}

/// Text that a setting is written as.
fn text(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(texts)
}

fn settings() -> impl Strategy<Value = Settings> {
    let fleet = (any::<u64>(), 1..40usize, text(&["2", "3", "a:5,b:1"]), proptest::bool::weighted(0.2));
    let chance = || text(&["0%", "0%", "0%", "3%", "20%", "100%"]);
    let chances = (chance(), chance(), chance(), chance());
    let times = (
        text(&["5s", "1s..2m", "5s..12s..40s..5m"]),
        text(&["0s", "5s..30s", "3m..12m"]),
        text(&["1s", "0s..10m"]),
        text(&["1s..20s", "1m..1h"]),
    );
    let troubles = (
        proptest::option::weighted(0.3, text(&["10s+5m", "0s+30s", "1m+1h", "0s+0s"])),
        proptest::option::weighted(0.2, text(&["1m+10m", "0s+1h"])),
        proptest::option::weighted(0.3, text(&["host=host-1@0s+3m", "host=host-1@1m+3s"])),
    );
    let people = (text(&["0s", "10m", "never"]), text(&["good", "bad:2", "inconclusive:3"]));
    let grain = prop_oneof![4 => Just(1000), 1 => Just(250), 1 => Just(15_000)];
    (fleet, chances, times, troubles, people, grain).prop_map(|(fleet, chances, times, troubles, people, grain)| {
        let (seed, hosts, zones, first_deploy) = fleet;
        let width = hosts.to_string().len();
        let down = troubles.2.map(|text| text.replace("host-1@", &format!("host-{:0width$}@", 1)).parse().unwrap());
        Settings {
            seed,
            hosts,
            zones: zones.parse().unwrap(),
            first_deploy,
            silent: if chances.0 == "100%" { "3%" } else { chances.0 }.parse().unwrap(),
            fails: chances.1.parse().unwrap(),
            unhealthy: chances.2.parse().unwrap(),
            vanishes: chances.3.parse().unwrap(),
            pull: times.0.parse().unwrap(),
            boot: times.1.parse().unwrap(),
            unhealthy_after: times.2.parse().unwrap(),
            vanishes_for: times.3.parse().unwrap(),
            registry_away: troubles.0.map(|text| text.parse().unwrap()),
            frozen: troubles.1.map(|text| text.parse().unwrap()),
            down: down.into_iter().collect(),
            approval: people.0.parse().unwrap(),
            promotion: people.0.parse().unwrap(),
            readings: people.1.parse().unwrap(),
            grain: Millis(grain),
            ..Settings::default()
        }
    })
}

/// What a run comes to, if the policy fits the fleet at all. A defect fails the test.
fn run(policy: &Policy, settings: &Settings) -> Result<Option<Timeline>, TestCaseError> {
    use evenkeel_simulate::SimulateError::{Begin, Defect, Settings as Misfit};
    match simulate(policy, settings) {
        Ok(timeline) => Ok(Some(timeline)),
        Err(Begin(_) | Misfit { .. }) => Ok(None),
        Err(Defect { seed, at, defect }) => Err(TestCaseError::fail(format!("seed {seed}, at {at}: {defect}"))),
    }
}

fn check(timeline: &Timeline, policy: &Policy, settings: &Settings) -> Result<(), TestCaseError> {
    let totals = &timeline.totals;
    prop_assert!(timeline.entries.is_sorted_by_key(|entry| entry.at), "time does not go back");
    prop_assert_eq!(totals.touched, totals.moved + totals.back + totals.between);
    prop_assert!(totals.touched <= totals.hosts && totals.hosts == settings.hosts);
    prop_assert!(totals.most_exposed <= totals.touched && totals.failed <= totals.touched);
    prop_assert!(totals.took <= settings.limit && totals.waited_at_gates <= totals.took);
    let last = timeline.entries.last().map(|entry| &entry.what);
    let is_end = matches!(last, Some(What::Ended { end, .. }) if *end == timeline.end);
    prop_assert!(is_end, "{last:?}");
    match timeline.end {
        End::Succeeded => prop_assert_eq!((totals.moved, totals.failed), (totals.hosts, 0)),
        End::RolledBack => prop_assert_eq!(totals.moved, 0),
        End::Waiting => {
            let may_wait = settings.approval == Answer::Never || settings.promotion == Answer::Never;
            let rests = settings.readings != evenkeel_simulate::Readings::Good || policy.on_failure == OnFailure::Pause;
            prop_assert!(may_wait || rests, "{last:?}");
        }
        End::Halted => {}
        End::GoesOn => return Err(TestCaseError::fail(format!("it goes on: {last:?}"))),
    }
    Ok(())
}

/// Failing seeds are kept beside this file, and are run first from then on. `PROPTEST_CASES` sets the number of fleets.
fn config() -> ProptestConfig {
    let kept = FileFailurePersistence::Direct("tests/properties.proptest-regressions");
    ProptestConfig { failure_persistence: Some(Box::new(kept)), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_run_ends_within_the_planners_invariants(policy in policy(), settings in settings()) {
        if let Some(timeline) = run(&policy, &settings)? {
            check(&timeline, &policy, &settings)?;
        }
    }

    #[test]
    fn the_same_seed_tells_the_same_story(policy in policy(), settings in settings()) {
        let [one, other] = [run(&policy, &settings)?, run(&policy, &settings)?];
        prop_assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
        let stored: Settings = serde_json::from_str(&serde_json::to_string(&settings).unwrap()).unwrap();
        prop_assert_eq!(stored, settings);
    }
}

#[test]
fn a_good_release_comes_through_on_every_seed() {
    let settings = Settings { hosts: 40, ..Settings::default() };
    let summary = simulate_runs(&Policy::default(), &settings, 100).unwrap();
    assert!(summary.runs.iter().all(|run| run.end == End::Succeeded), "{summary:?}");
    let seeds: Vec<u64> = summary.runs.iter().map(|run| run.seed).collect();
    assert_eq!(seeds, (1..=100).collect::<Vec<_>>());
}

#[test]
fn ten_thousand_hosts_end() {
    let settings = Settings {
        hosts: 10_000,
        zones: "3".parse().unwrap(),
        fails: "0.01%".parse().unwrap(),
        vanishes: "0.1%".parse().unwrap(),
        ..Settings::default()
    };
    let policy = Policy { max_failures: Some(Count::Percent(1)), ..Policy::default() };
    let Timeline { end, entries, totals, .. } = simulate(&policy, &settings).unwrap();
    assert!(matches!(end, End::Halted) && totals.moved > 9_900 && totals.failed > 0, "{end:?} {totals:?}");
    assert!(entries.len() < 100, "it is still read by people: {}", entries.len());
}
