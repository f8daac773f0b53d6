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
//! | `policy strategy canary weights 5,25 promote manual by zone first h3 floor 75% waves 1+10m,100%` | the same; `1+10m` is a wave with its own bake |
//! | `gate commit first approval 2`, `gate before every window 22:00 6h sat,sun`, `gate commit every analysis errors 3 30s`, `gate commit every logs panic 0 3 30s` | of the next rollout |
//! | `deploy 2`, `rollback 1`, `plan 2` | a rollout begins; or is only shown |
//! | `report h1,h2 healthy`, `report all healthy`, `report h1 unhealthy` | hosts go as far as they can with their orders, and say so |
//! | `obstacle h1 registry_unreachable "…"`, `fail h1 exited "…"` | what stands in a host's way; why it goes back |
//! | `fetched h2`, `cannot-fetch h2 registry_unreachable "…"` | a host has what it was told to fetch ahead; has given it up |
//! | `silent h2`, `returns h2` | the network is cut; heals (the stored order is repeated, the host reports) |
//! | `lost h2`, `repeated h2` | orders to a host get lost, though it is heard; are repeated |
//! | `advance 60s`, `restart-coordinator`, `abort`, `abort rollback`, `show` | as they say |
//! | `pause bob`, `resume bob`, `promote bob`, `approve bob` | an operator's word (`ann` began the rollout) |
//! | `measured good`, `measured bad`, `measured nothing`, `measured lines 2 "h1 web: panic"` | what the readings come to that are asked for now |
//! | `freeze "…"`, `unfreeze`, `cordon h3`, `drain h3`, `uncordon h3` | as they say |
//! | `clock 22:00` | time passes until the clocks of UTC say so (stories begin at midnight) |
//! | `prefetch` | who fetches what ahead now, and how far each says that it is |
//!
//! Answers: `->` an order, `??` a measurement that is asked for, `==` the rollout's state when it changes, `..` what is waited for, `@` when it plans again.

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
    a_canary_gets_its_traffic_in_steps
    a_canary_is_approved_by_a_second_person
    a_canary_is_promoted_by_hand
    a_canary_that_turns_sick_at_a_quarter_goes_back
    a_commit_is_lost_and_repeated
    a_cordoned_host_gets_nothing_new
    a_drained_host_is_emptied_in_the_budget
    a_failure_in_the_second_wave_brings_committed_hosts_back
    a_failure_that_paused_is_resumed
    a_first_deploy_goes_wave_by_wave
    a_freeze_keeps_what_goes_on
    a_host_is_cut_off_and_returns
    a_host_joins_in_the_middle
    a_host_that_can_not_fetch_ahead_pulls_in_its_turn
    a_registry_is_away_for_a_while
    a_registry_that_is_away_keeps_the_next_hosts
    a_rollback_goes_to_an_older_release
    a_rollback_of_a_rollback_is_refused
    a_rollback_that_fails_stops
    a_tolerated_failure_ends_halted
    a_window_is_waited_for
    abort_leaves_what_is_committed
    abort_rollback_takes_all_back
    all_hosts_fall_silent
    an_analysis_that_is_bad_rolls_back
    an_analysis_of_logs_rolls_back_with_the_lines
    an_analysis_that_says_nothing_pauses
    an_operator_pauses_and_resumes
    blue_green_switches_everywhere_at_once
    blue_green_that_is_sick_on_one_host_is_never_switched
    five_hosts_are_moved
    images_are_fetched_ahead_of_the_wave
    on_failure_pause_leaves_it_to_a_person
    on_failure_revert_failed_leaves_what_is_committed
    one_zone_at_a_time
    the_coordinator_is_restarted_in_the_middle
    the_first_wave_is_pinned_and_bakes_longer
    the_floor_leaves_no_budget
    two_services_live_on_different_hosts
}
