//! Fleet stories in a small language, with what the planner answers below each command: `scripts/*.txt`. They are documentation, too.
//! `UPDATE_GOLDEN=1` rewrites the answers. Not here: random stories (`properties.rs`).
//!
//! | command | what happens |
//! |---|---|
//! | `hosts 5 [role=web]` | hosts join: `h1` to `h5` (numbers go on from the last) |
//! | `join h6 [role=web]`, `remove h3`, `label h3 role=db` | a host joins, leaves, gets a label |
//! | `release 2 web@role=web worker` | a release's services and what they ask of a host; without it: one service for all |
//! | `running 1` | all hosts have committed this release, the current one |
//! | `policy waves 1,100% budget 1 failures 0 bake 30s deadline 15m on_failure pause` | of the next rollout; any part may be absent |
//! | `deploy 2`, `rollback 1`, `plan 2` | a rollout begins; or is only shown |
//! | `report h1,h2 healthy`, `report all healthy`, `report h1 unhealthy` | hosts go as far as they can with their orders, and say so |
//! | `obstacle h1 registry_unreachable "…"`, `fail h1 exited "…"` | what stands in a host's way; why it goes back |
//! | `fetched h2`, `cannot-fetch h2 registry_unreachable "…"` | a host has what it was told to fetch ahead; has given it up |
//! | `silent h2`, `returns h2` | the network is cut; heals (the stored order is repeated, the host reports) |
//! | `lost h2`, `repeated h2` | orders to a host get lost, though it is heard; are repeated |
//! | `advance 60s`, `restart-coordinator`, `abort`, `abort rollback`, `show` | as they say |
//! | `prefetch` | who fetches what ahead now, and how far each says that it is |
//!
//! Answers: `->` an order, `==` the rollout's state when it changes, `..` what is waited for, `@` when it plans again.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly anywhere")]

mod script;
#[allow(dead_code, reason = "the properties use the rest")]
mod world;

use std::fs;
use std::path::Path;

/// Runs a script, and compares (or rewrites) its answers.
fn run(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(format!("{name}.txt"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.lines().take(2).all(|line| line.starts_with("# ")),
        "{name} begins with two lines that say what it shows"
    );
    let answered = script::answer(&text);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &answered).unwrap();
    }
    let first_difference = text.lines().zip(answered.lines()).position(|(is, should)| is != should);
    let line = first_difference.unwrap_or_else(|| text.lines().count().min(answered.lines().count())) + 1;
    assert!(
        std::env::var_os("UPDATE_GOLDEN").is_some() || text == answered,
        "{name}.txt differs from line {line} on; the planner answers:\n{answered}\nUPDATE_GOLDEN=1 takes it over"
    );
}

macro_rules! scripts {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        #[test]
        fn every_script_is_run() {
            let listed = [$(stringify!($name)),*];
            for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts")).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap();
                assert!(listed.contains(&name), "{name} is not listed in scripts.rs");
            }
        }
    };
}

scripts! {
    a_bad_release_in_the_first_wave_is_rolled_back
    a_commit_is_lost_and_repeated
    a_failure_in_the_second_wave_brings_committed_hosts_back
    a_first_deploy_goes_wave_by_wave
    a_host_is_cut_off_and_returns
    a_host_joins_in_the_middle
    a_host_that_can_not_fetch_ahead_pulls_in_its_turn
    a_registry_is_away_for_a_while
    a_rollback_goes_to_an_older_release
    a_rollback_that_fails_stops
    a_tolerated_failure_ends_halted
    abort_leaves_what_is_committed
    abort_rollback_takes_all_back
    all_hosts_fall_silent
    five_hosts_are_moved
    images_are_fetched_ahead_of_the_wave
    on_failure_pause_leaves_it_to_a_person
    on_failure_revert_failed_leaves_what_is_committed
    the_coordinator_is_restarted_in_the_middle
    two_services_live_on_different_hosts
}
