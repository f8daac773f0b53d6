//! Images that are fetched ahead of the wave, on real hosts with engines of their own and a real registry. Needs root.

#![allow(clippy::unwrap_used, reason = "tests")]

use anyhow::Result;
use evenkeel_integration_tests::hosts::eventually;
use evenkeel_integration_tests::installation::{Compose, Installation, SOON};

#[test]
fn a_host_has_its_image_before_its_turn_and_needs_no_registry_then() -> Result<()> {
    let installation = Installation::start(2)?;
    let fleet = installation.fleet();
    fleet.publish("v1", &[("VERSION", "v1"), ("MODE", "graceful")])?;
    let first = installation.deploy(&Compose::published("v1"))?;
    assert_eq!(first.code, 0, "{first}");

    let digest = fleet.publish("v2", &[("VERSION", "v2"), ("MODE", "graceful")])?.digest;
    // Long enough for the second host to fetch, and for us to look, while the first one bakes.
    let compose = Compose::published("v2").with("bake", "20s");
    let begun = installation.deploy_detached(&compose)?;
    assert_eq!(begun.code, 0, "{begun}");
    let pinned = format!("{}/app@{digest}", fleet.registry().address());
    eventually("the second host has the image", SOON, || fleet.host(1).engine().has_image(&pinned));
    eventually("it is said", SOON, || installation.rollout().is_ok_and(|shown| shown["prefetch"]["present"] == 1));
    let shown = installation.rollout()?;
    let second = shown["hosts"].as_array().unwrap().iter().find(|host| host["host"] == fleet.host(1).name()).unwrap();
    assert_eq!(
        (second["state"].as_str(), second["prefetch"].as_str()),
        (Some("waiting"), Some("present")),
        "{shown:#}"
    );
    let table = installation.verb(["rollout", "show"])?;
    assert!(table.out.contains("1 of 1 host"), "{table}");

    // From here on nobody can pull anything.
    fleet.registry().stop();
    let ended = installation.watch()?;
    assert_eq!(ended.code, 0, "{ended}");
    for host in 0..2 {
        let serves = || fleet.host(host).http_get(8080, "/").is_ok_and(|answer| answer.text() == "v2");
        eventually("every host serves the new release", SOON, serves);
    }
    Ok(())
}
