//! Hosts and people that come and go while a rollout goes on, on real hosts: one joins during a canary, one is drained, the one who deploys is cut off.
//! Needs root.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Stdio;

use anyhow::Result;
use evenkeel_integration_tests::hosts::eventually;
use evenkeel_integration_tests::installation::{Compose, Installation, SOON};

const PORT: u16 = 8080;

/// Two good releases in the registry.
fn start(zones: &[&str]) -> Result<Installation> {
    let installation = Installation::start_in_zones(zones)?;
    for version in ["v1", "v2"] {
        installation.fleet().publish(version, &[("VERSION", version), ("MODE", "graceful")])?;
    }
    Ok(installation)
}

#[track_caller]
fn serves(installation: &Installation, host: usize, version: &str) {
    let host = installation.fleet().host(host);
    eventually(&format!("{} serves {version}", host.name()), SOON, || {
        host.http_get(PORT, "/").is_ok_and(|answer| answer.status == 200 && answer.text() == version)
    });
}

#[track_caller]
fn succeeds(installation: &Installation, arguments: &[&str]) {
    let ended = installation.verb(arguments).unwrap();
    assert_eq!(ended.code, 0, "{arguments:?}: {ended}");
}

#[test]
fn trap_11_a_host_that_joins_during_a_canary_gets_the_committed_release() -> Result<()> {
    let installation = start(&["a", "b", "c"])?;
    installation.kill_agent(2);
    succeeds(&installation, &["host", "remove", "h3", "--yes"]);
    let first = installation.deploy(&Compose::routed("v1"))?;
    assert_eq!(first.code, 0, "{first}");
    let canary = Compose::routed("v2").with("strategy", "canary").with("gates", "[{ approval: { persons: 1 } }]");
    let waits = installation.deploy(&canary)?;
    assert_eq!(waits.code, 5, "{waits}");
    serves(&installation, 0, "v2");

    std::fs::remove_dir_all(installation.fleet().host(2).directory().join("agent"))?;
    installation.join(2)?;
    installation.start_agent(2)?;
    serves(&installation, 2, "v1");
    let shown = installation.rollout()?;
    assert_eq!(shown["waiting"][0]["kind"], "approval", "the canary has not moved: {shown:#}");

    succeeds(&installation, &["rollout", "approve", "shop"]);
    let ended = installation.watch()?;
    assert_eq!(ended.code, 0, "{ended}");
    (0..3).for_each(|host| serves(&installation, host, "v2"));
    Ok(())
}

#[test]
fn a_host_that_is_drained_is_emptied_and_gets_what_is_current_when_it_is_given_back() -> Result<()> {
    let installation = start(&["a", "b", "c"])?;
    let first = installation.deploy(&Compose::routed("v1"))?;
    assert_eq!(first.code, 0, "{first}");
    succeeds(&installation, &["host", "drain", "h2", "--why", "new memory"]);
    assert!(installation.fleet().host(1).engine().containers()?.is_empty(), "it is empty when drain says so");
    serves(&installation, 0, "v1");
    // It is down by our hand, and spends the budget.
    let second = installation.deploy(&Compose::routed("v2").with("max_unavailable", "2"))?;
    assert_eq!(second.code, 0, "{second}");
    for host in [0, 2] {
        serves(&installation, host, "v2");
    }
    assert!(installation.fleet().host(1).engine().containers()?.is_empty(), "a drained host gets nothing");
    succeeds(&installation, &["host", "uncordon", "h2"]);
    serves(&installation, 1, "v2");
    Ok(())
}

#[test]
fn trap_9_whoever_deploys_may_be_killed_and_leaves_no_lock_behind() -> Result<()> {
    let installation = start(&["a"])?;
    let file = installation.fleet().directory().join("compose.yaml");
    std::fs::write(&file, Compose::routed("v1").text(&installation.fleet().registry().address().to_string()))?;
    let mut client = installation.command(["deploy", "-f"])?;
    let mut client = client.arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    eventually("the rollout has begun", SOON, || installation.rollout().is_ok_and(|view| view["rollout"] == 1));
    client.kill()?;
    client.wait()?;
    // It goes on without them, and its end is the end of what keeps others out.
    let ended = installation.watch()?;
    assert_eq!(ended.code, 0, "{ended}");
    let next = installation.deploy(&Compose::routed("v2"))?;
    assert_eq!(next.code, 0, "{next}");
    serves(&installation, 0, "v2");
    Ok(())
}
