//! What must be there when somebody wants to go back: releases from before a host joined, and images that tidying must not take. Needs root.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;

use anyhow::Result;
use evenkeel_integration_tests::hosts::{Published, eventually};
use evenkeel_integration_tests::installation::{Compose, Installation, SOON};

const PORT: u16 = 8080;

fn publish(installation: &Installation, version: &str) -> Result<Published> {
    installation.fleet().publish(version, &[("VERSION", version), ("MODE", "graceful")])
}

fn deployed(installation: &Installation, compose: &Compose) -> Result<()> {
    let ended = installation.deploy(compose)?;
    assert_eq!(ended.code, 0, "{ended}");
    Ok(())
}

fn until_served(installation: &Installation, host: usize, version: &str) {
    let host = installation.fleet().host(host);
    let serves = || host.http_get(PORT, "/").is_ok_and(|answer| answer.text() == version);
    eventually(&format!("{} serves {version}", host.name()), SOON, serves);
}

#[test]
fn trap_7_a_host_that_joined_after_a_release_goes_back_to_one_from_before() -> Result<()> {
    let installation = Installation::start(2)?;
    for version in ["v1", "v2"] {
        publish(&installation, version)?;
    }
    installation.kill_agent(1);
    let removed = installation.verb(["host", "remove", "h2", "--yes"])?;
    assert_eq!(removed.code, 0, "{removed}");
    for version in ["v1", "v2"] {
        deployed(&installation, &Compose::routed(version))?;
    }
    fs::remove_dir_all(installation.fleet().host(1).directory().join("agent"))?;
    installation.join(1)?;
    installation.start_agent(1)?;
    until_served(&installation, 1, "v2");
    let back = installation.verb(["rollback", "shop", "--to", "1"])?;
    assert_eq!(back.code, 0, "{back}");
    (0..2).for_each(|host| until_served(&installation, host, "v1"));
    Ok(())
}

#[test]
fn g9_trap_8_images_of_old_releases_go_but_no_rollback_target_and_nobody_elses() -> Result<()> {
    let installation = Installation::start(1)?;
    let engine = installation.fleet().host(0).engine();
    let strangers = publish(&installation, "strangers")?.pinned();
    engine.pull(&strangers)?;
    let mut images = Vec::new();
    for version in ["v1", "v2", "v3", "v4"] {
        images.push(publish(&installation, version)?.pinned());
        deployed(&installation, &Compose::routed(version).with("keep", "2"))?;
    }
    let has = |release: usize| engine.has_image(&images[release - 1]);
    eventually("the oldest have gone", SOON, || !has(1) && !has(2));
    assert!(has(3) && has(4) && engine.has_image(&strangers));
    // Back without a registry: all that it takes is here.
    installation.fleet().registry().stop();
    let back = installation.verb(["rollback", "shop", "--to", "3"])?;
    assert_eq!(back.code, 0, "{back}");
    until_served(&installation, 0, "v3");
    Ok(())
}
