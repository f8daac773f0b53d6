//! Stories of policies on imagined fleets, with what comes of them below: `timelines/*.txt`. `UPDATE_GOLDEN=1` rewrites the answers.
//! Not here: what must hold of every fleet (`properties.rs`), how policies are written (`story/policies.rs`).
//!
//! | line | what it does |
//! |---|---|
//! | `fleet hosts 30 zones 3 fails 3% boot 5s..30s seed 7 …` | imagines another fleet: the names of the settings, with `-` for `_` |
//! | `policy by zone bake 1m …` | another policy, without gates |
//! | `gate commit first approval 2`, `gate before every window 22:00 6h sat,sun`, `gate commit every analysis errors 3 30s` | one gate more |
//! | `run` | one run, told in full |
//! | `sum` | one run, its totals alone |
//! | `runs 20` | so many runs, from the fleet's seed on |

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly anywhere")]

mod render;
mod story;

use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/timelines")
}

/// Runs a story, and compares (or rewrites) its answers.
fn run(name: &str) {
    let path = folder().join(format!("{name}.txt"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.lines().take(2).all(|line| line.starts_with("# ")),
        "{name} begins with two lines that say what it shows"
    );
    let answered = story::answer(&text);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &answered).unwrap();
        return;
    }
    let first_difference = text.lines().zip(answered.lines()).position(|(is, should)| is != should);
    let line = first_difference.unwrap_or_else(|| text.lines().count().min(answered.lines().count())) + 1;
    assert!(
        text == answered,
        "{name}.txt differs from line {line} on; it comes to:\n{answered}\nUPDATE_GOLDEN=1 takes it over"
    );
}

macro_rules! stories {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        #[test]
        fn every_story_is_run() {
            let listed = [$(stringify!($name)),*];
            for entry in fs::read_dir(folder()).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap();
                assert!(listed.contains(&name), "{name} is not listed in timelines.rs");
            }
        }
    };
}

stories! {
    a_bad_release_touches_one_host
    a_bake_that_is_too_short_lets_a_sick_release_through
    a_canary_waits_for_an_approval
    a_good_release_goes_zone_by_zone
    a_registry_is_away_in_the_middle
    a_release_that_fails_here_and_there
    a_zone_falls_silent
    blue_green_switches_all_at_once
    nobody_answers
    on_a_first_deploy_nothing_can_be_lost
}
