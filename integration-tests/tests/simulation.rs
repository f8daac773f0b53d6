//! The simulation's seeds. `SEED=17 cargo nextest run -p evenkeel-integration-tests --test simulation` replays one and says more;
//! `EK_SEEDS=2000` runs so many. They are divided over the shards below, which the test runner runs side by side.

#![allow(clippy::print_stdout, reason = "a test speaks to whoever runs it")]

use evenkeel_integration_tests::sim;

/// How many seeds a usual run takes.
const SEEDS: u64 = 500;
/// Shards: more than the cores of a small machine, so that none is left with a long tail.
const SHARDS: u64 = 8;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

fn shard(shard: u64) {
    if let Some(seed) = number("SEED") {
        if shard == 0 {
            replay(seed);
        }
        return;
    }
    let seeds = number("EK_SEEDS").unwrap_or(SEEDS);
    let mut failed = Vec::new();
    let mut fetched_ahead = 0;
    let mut outcomes = std::collections::BTreeMap::<String, u64>::new();
    for seed in (0..seeds).filter(|seed| seed % SHARDS == shard) {
        match sim::run(seed) {
            Ok(summary) => {
                fetched_ahead += summary.fetched_ahead;
                for (_, kind, state) in summary.outcomes {
                    *outcomes.entry(format!("{kind:?} {state:?}")).or_default() += 1;
                }
            }
            Err(error) => {
                println!("seed {seed} failed:\n{error}\n");
                failed.push(seed);
            }
        }
    }
    println!("outcomes: {outcomes:#?}; fetched ahead: {fetched_ahead}");
    assert!(failed.is_empty(), "seeds {failed:?} failed");
    assert!(seeds < SEEDS || fetched_ahead > 0, "nothing was fetched ahead in so many runs");
    // Else the invariants, most of which forbid, would have had nothing to forbid.
    let seen = |good: bool, end: &str| outcomes.keys().any(|key| key.starts_with("Good") == good && key.contains(end));
    let all = seen(true, "Succeeded") && seen(false, "RolledBack");
    assert!(seeds < SEEDS || all, "no good release has succeeded, or no bad one was rolled back, in so many runs");
}

fn replay(seed: u64) {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .init();
    match sim::run(seed) {
        Ok(summary) => println!("seed {seed} holds: {summary:#?}"),
        Err(error) => panic!("seed {seed} failed:\n{error}"),
    }
}

macro_rules! shards {
    ($($name:ident = $number:literal;)*) => {
        $(#[test]
        fn $name() {
            shard($number);
        })*
    };
}

shards! {
    every_invariant_holds_shard_0 = 0;
    every_invariant_holds_shard_1 = 1;
    every_invariant_holds_shard_2 = 2;
    every_invariant_holds_shard_3 = 3;
    every_invariant_holds_shard_4 = 4;
    every_invariant_holds_shard_5 = 5;
    every_invariant_holds_shard_6 = 6;
    every_invariant_holds_shard_7 = 7;
}

#[test]
fn a_seed_repeats_itself() {
    let first = sim::run(3).map_err(|error| error.to_string());
    assert_eq!(first, sim::run(3).map_err(|error| error.to_string()));
}
