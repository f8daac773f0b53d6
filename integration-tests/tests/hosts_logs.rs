//! Analysis gates that look into the logs of real containers: a release that writes what it must not goes back by itself, with the lines as its evidence,
//! and one that writes what it must goes on. Needs root.

#![allow(clippy::unwrap_used, reason = "tests")]

use anyhow::Result;
use evenkeel_integration_tests::hosts::eventually;
use evenkeel_integration_tests::installation::{Compose, Installation, SOON};

/// The port of the program on each host.
const PORT: u16 = 8080;

/// Three hosts that run v1.
fn ground() -> Result<Installation> {
    let installation = Installation::start_in_zones(&["a", "a", "b"])?;
    installation.fleet().publish("v1", &[("VERSION", "v1"), ("MODE", "graceful")])?;
    let first = installation.deploy(&Compose::published("v1"))?;
    assert_eq!(first.code, 0, "{first}");
    Ok(installation)
}

/// A canary whose log is read twice before its commit.
fn canary(tag: &str, logs: &str) -> Compose {
    let gate = format!("{{ analysis: {{ name: faults, logs: {{ {logs} }}, samples: 2, interval: 1s }} }}");
    Compose::published(tag).with("strategy", "canary").with("gates", &format!("[{gate}]"))
}

#[track_caller]
fn all_serve(installation: &Installation, version: &str) {
    for host in installation.fleet().hosts() {
        let serves = || host.http_get(PORT, "/").is_ok_and(|answer| answer.text() == version);
        eventually(&format!("{} serves {version}", host.name()), SOON, serves);
    }
}

#[test]
fn a_canary_that_writes_what_it_must_not_goes_back_with_the_lines() -> Result<()> {
    let installation = ground()?;
    // Its health checks are good, and its log says how it is: `program v2 listening on 8080 mode stubborn`.
    installation.fleet().publish("v2", &[("VERSION", "v2"), ("MODE", "stubborn")])?;
    let ended = installation.deploy(&canary("v2", "pattern: 'mode (rude|stubborn)$$', services: [web]"))?;
    assert_eq!(ended.code, 3, "{ended}");
    all_serve(&installation, "v1");

    let shown = installation.rollout()?;
    assert_eq!(shown["outcome"], "rolled_back", "{shown:#}");
    let table = installation.verb(["rollout", "show"])?;
    assert!(table.out.contains("1 line matches in 1 container, and it may be 0 at most"), "{table}");
    assert!(table.out.contains("web: program v2 listening on 8080 mode stubborn"), "{table}");
    Ok(())
}

#[test]
fn a_release_that_writes_what_it_must_is_rolled_out() -> Result<()> {
    let installation = ground()?;
    installation.fleet().publish("v2", &[("VERSION", "v2"), ("MODE", "graceful")])?;
    // Of the release that was there before nothing is counted: it says the same of v1.
    let ended = installation.deploy(&canary("v2", "pattern: 'program v[0-9] listening', min: 1, max: 3"))?;
    assert_eq!(ended.code, 0, "{ended}");
    all_serve(&installation, "v2");
    Ok(())
}
