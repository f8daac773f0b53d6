//! Rollouts on three real hosts, with engines of their own and a real registry: good releases, bad releases, and what an operator is told.
//! Needs root.

#![allow(clippy::unwrap_used, reason = "tests")]

use anyhow::Result;
use evenkeel_integration_tests::hosts::eventually;
use evenkeel_integration_tests::installation::{Compose, Ended, Installation, SOON};
use serde_json::Value;

/// What a host answers.
fn version(installation: &Installation, host: usize) -> Option<String> {
    let answer = installation.fleet().host(host).http_get(8080, "/").ok()?;
    (answer.status == 200).then(|| answer.text())
}

fn all_serve(installation: &Installation, expected: &str) {
    eventually(&format!("every host serves {expected}"), SOON, || {
        (0..installation.fleet().hosts().len()).all(|host| version(installation, host).as_deref() == Some(expected))
    });
}

fn publish(installation: &Installation, version: &str, mode: &[(&str, &str)]) -> Result<String> {
    let environment: Vec<_> = [("VERSION", version)].into_iter().chain(mode.iter().copied()).collect();
    Ok(installation.fleet().publish(version, &environment)?.digest)
}

fn failed_hosts(rollout: &Value) -> Vec<&Value> {
    rollout["hosts"].as_array().unwrap().iter().filter(|host| !host["failure"].is_null()).collect()
}

/// A good release, then the bad one: the old one serves everywhere, and everybody is told why.
fn goes_back(mode: &[(&str, &str)], cause: &str, check: impl Fn(&Ended, &Value)) -> Result<()> {
    let installation = Installation::start(3)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", mode)?;
    let first = installation.deploy(&Compose::published("v1"))?;
    assert_eq!(first.code, 0, "{first}");
    for (on_failure, code) in [("rollback", 3), ("pause", 4)] {
        let compose = Compose::published("v2").with("on_failure", on_failure).with("bake", "8s");
        let ended = installation.deploy(&compose)?;
        assert_eq!(ended.code, code, "{ended}");
        all_serve(&installation, "v1");
        let shown = installation.rollout()?;
        let failed = failed_hosts(&shown);
        assert!(!failed.is_empty(), "{shown:#}");
        assert!(failed.iter().all(|host| host["failure"]["cause"] == cause), "{shown:#}");
        assert!((ended.out.clone() + &ended.err).contains(cause), "{ended}");
        check(&ended, failed[0]);
        if on_failure == "pause" {
            let aborted = installation.verb(["rollout", "abort"])?;
            assert_eq!(aborted.code, 0, "{aborted}");
        }
    }
    Ok(())
}

#[test]
fn g4_two_good_releases_succeed_on_every_host() -> Result<()> {
    let installation = Installation::start(3)?;
    for release in ["v1", "v2"] {
        publish(&installation, release, &[("MODE", "graceful")])?;
        let ended = installation.deploy(&Compose::published(release))?;
        assert_eq!(ended.code, 0, "{ended}");
        all_serve(&installation, release);
        let shown = installation.rollout()?;
        assert_eq!(shown["outcome"], "succeeded", "{shown:#}");
        assert!(shown["hosts"].as_array().unwrap().iter().all(|host| host["state"] == "committed"), "{shown:#}");
    }
    for host in installation.fleet().hosts() {
        let settings = "cd /proc/sys/net/ipv4/neigh/br-* && cat retrans_time_ms mcast_solicit unres_qlen_bytes";
        let settings = host.run("sh", &["-c", settings])?;
        assert_eq!(settings.split_whitespace().collect::<Vec<_>>(), ["20", "150", "4194304"], "the app's bridge");
    }
    for host in installation.fleet().hosts() {
        eventually("the old release's container is gone after the commit", SOON, || {
            host.engine().containers().is_ok_and(|all| all.len() == 1)
        });
    }
    let second = installation.verb(["rollback", "shop"])?;
    assert_eq!(second.code, 0, "{second}");
    all_serve(&installation, "v1");
    Ok(())
}

#[test]
fn g1_a_release_that_never_becomes_healthy_goes_back_with_its_evidence() -> Result<()> {
    goes_back(&[("MODE", "unready")], "health_timeout", |ended, host| {
        let evidence = &host["failure"]["evidence"];
        assert!(evidence["probe_answer"].as_str().unwrap().contains("503"), "{host:#}");
        assert!(evidence["probe_request"].as_str().unwrap().contains("/healthz"), "{host:#}");
        assert!((ended.out.clone() + &ended.err).contains("503"), "{ended}");
    })
}

#[test]
fn g1_trap_1_and_3_a_release_that_exits_goes_back_and_is_never_reported_as_success() -> Result<()> {
    goes_back(&[("MODE", "crash"), ("EXIT_CODE", "7")], "exited", |ended, host| {
        assert_eq!(host["failure"]["evidence"]["exit_code"], 7, "{host:#}");
        assert!(!host["failure"]["evidence"]["log"].as_array().unwrap().is_empty(), "{host:#}");
        assert!((ended.out.clone() + &ended.err).contains('7'), "{ended}");
    })
}

#[test]
fn g2_a_release_that_goes_sick_in_the_bake_goes_back() -> Result<()> {
    goes_back(&[("MODE", "sick"), ("AFTER", "3000")], "unhealthy", |_, host| {
        assert!(host["failure"]["evidence"]["probe_answer"].as_str().unwrap().contains("503"), "{host:#}");
    })
}

#[test]
fn g1_trap_2_an_image_gone_by_the_time_of_the_pull_leaves_the_old_release_untouched() -> Result<()> {
    let installation = Installation::start(3)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    let bad = publish(&installation, "v2", &[("MODE", "graceful")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    all_serve(&installation, "v1");
    let before: Vec<_> = installation.fleet().hosts().iter().map(|host| ids(host.engine())).collect();
    // The last moment between the release and the pull: the coordinator has resolved the tag while the agents were away.
    (0..3).for_each(|host| installation.kill_agent(host));
    let begun = installation.deploy_detached(&Compose::published("v2"))?;
    assert_eq!(begun.code, 0, "{begun}");
    installation.fleet().registry().delete_image("app", &bad)?;
    for host in 0..3 {
        installation.start_agent(host)?;
    }
    let ended = installation.watch()?;
    assert_eq!(ended.code, 3, "{ended}");
    let shown = installation.rollout()?;
    assert!(failed_hosts(&shown).iter().all(|host| host["failure"]["cause"] == "image_not_found"), "{shown:#}");
    assert!(!failed_hosts(&shown).is_empty(), "{shown:#}");
    assert!((ended.out.clone() + &ended.err).contains("image_not_found"), "{ended}");
    let after: Vec<_> = installation.fleet().hosts().iter().map(|host| ids(host.engine())).collect();
    assert_eq!(before, after, "no container was touched");
    Ok(())
}

fn ids(engine: &evenkeel_integration_tests::hosts::Engine) -> Vec<String> {
    let containers = engine.containers().unwrap();
    containers.iter().map(|one| format!("{} {}", one["Id"], one["State"])).collect()
}

#[test]
fn trap_4_a_release_that_never_starts_and_never_fails_meets_a_deadline() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", &[("MODE", "slow"), ("AFTER", "3600000")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    let ended = installation.deploy(&Compose::published("v2").with("health_deadline", "3s"))?;
    assert_eq!(ended.code, 3, "{ended}");
    all_serve(&installation, "v1");
    Ok(())
}

#[test]
fn trap_5_the_same_bad_release_fails_again_when_it_is_tried_again() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", &[("MODE", "crash"), ("AFTER", "1500")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    for _ in 0..2 {
        let ended = installation.deploy(&Compose::published("v2").with("bake", "5s"))?;
        assert_eq!(ended.code, 3, "{ended}");
        all_serve(&installation, "v1");
    }
    Ok(())
}

#[test]
fn trap_1_a_container_that_can_not_be_started_brings_the_old_one_back() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    let compose = Compose::published("v1").with_service("entrypoint: [\"/no-such-program\"]");
    let ended = installation.deploy(&compose)?;
    assert_eq!(ended.code, 3, "{ended}");
    assert!((ended.out.clone() + &ended.err).contains("unstartable"), "{ended}");
    all_serve(&installation, "v1");
    Ok(())
}

#[test]
fn trap_6_a_rollback_that_fails_stops_and_says_so() -> Result<()> {
    let installation = Installation::start(2)?;
    let old = publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", &[("MODE", "graceful")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    assert_eq!(installation.deploy(&Compose::published("v2"))?.code, 0);
    // The release to go back to can't be had any more: not from the registry, not on the hosts.
    installation.fleet().registry().delete_image("app", &old)?;
    let pinned = format!("{}/app@{old}", installation.fleet().registry().address());
    for host in installation.fleet().hosts() {
        // While the old container is there it is good enough to go back to, image or not.
        eventually("the old container and its image are gone", SOON, || {
            let _ = host.engine().remove_image(&pinned);
            !host.engine().has_image(&pinned) && host.engine().containers().is_ok_and(|all| all.len() == 1)
        });
    }
    let ended = installation.verb(["rollback", "shop"])?;
    assert_eq!(ended.code, 4, "{ended}");
    assert!((ended.out.clone() + &ended.err).contains("image_not_found"), "{ended}");
    let shown = installation.rollout()?;
    assert_eq!(shown["outcome"], "halted", "{shown:#}");
    // The first failure stopped it: nobody has gone back, and nobody serves nothing.
    for host in 0..2 {
        eventually("the host serves", SOON, || version(&installation, host).as_deref() == Some("v2"));
    }
    Ok(())
}

#[test]
fn what_can_not_be_deployed_is_refused_before_anything_starts() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    let refused = |compose: &Compose, word: &str| -> Result<()> {
        let ended = installation.deploy(compose)?;
        assert_eq!(ended.code, 1, "{ended}");
        assert!(ended.err.contains(word), "{ended}");
        Ok(())
    };
    refused(&Compose::published("never-pushed"), "never-pushed")?;
    refused(&Compose::published("v1").with_service("privilegd: true"), "privilegd")?;
    refused(&Compose::published("v1").with("bake", "soon"), "bake")?;
    let nowhere = "deploy: { placement: { constraints: [\"node.labels.role == database\"] } }";
    refused(&Compose::published("v1").with_service(nowhere), "role")?;
    let none = installation.verb(["rollouts", "--output", "json"])?.json()?;
    assert!(none["rollouts"].as_array().unwrap().is_empty(), "no rollout was begun: {none:#}");

    let begun = installation.deploy_detached(&Compose::published("v1").with("bake", "20s"))?;
    assert_eq!(begun.code, 0, "{begun}");
    let second = installation.deploy(&Compose::published("v1"))?;
    assert_eq!(second.code, 1, "a second rollout of the same app is refused: {second}");
    let aborted = installation.verb(["rollout", "abort"])?;
    assert_eq!(aborted.code, 0, "{aborted}");
    assert_eq!(installation.watch()?.code, 7);
    Ok(())
}
