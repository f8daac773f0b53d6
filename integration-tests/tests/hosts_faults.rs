//! Faults on real hosts: the coordinator, the agent, the engine, the machine and the line, each hurt in the middle of a swap.
//! Whatever is hurt, the right container serves afterwards, nothing is run twice, nothing is left over. Needs root.

#![allow(clippy::unwrap_used, reason = "tests")]

use anyhow::Result;
use evenkeel_integration_tests::hosts::{Host, eventually};
use evenkeel_integration_tests::installation::{Compose, Installation, SOON, places};

fn serves(host: &Host, expected: &str) -> bool {
    host.http_get(8080, "/").is_ok_and(|answer| answer.status == 200 && answer.text() == expected)
}

fn publish(installation: &Installation, version: &str, mode: &[(&str, &str)]) -> Result<()> {
    let environment: Vec<_> = [("VERSION", version)].into_iter().chain(mode.iter().copied()).collect();
    installation.fleet().publish(version, &environment)?;
    Ok(())
}

/// Exactly one container of ours is left, and it serves this version.
fn converged(installation: &Installation, host: usize, expected: &str) {
    let host = installation.fleet().host(host);
    eventually(&format!("{} serves {expected} and has nothing left over", host.name()), SOON, || {
        serves(host, expected) && host.engine().containers().is_ok_and(|all| all.len() == 1)
    });
}

fn state_of(installation: &Installation, host: &str, state: &str) -> bool {
    installation.rollout().is_ok_and(|rollout| {
        let hosts = rollout["hosts"].as_array().cloned().unwrap_or_default();
        hosts.iter().any(|one| one["host"] == host && one["state"] == state)
    })
}

#[test]
fn g2_a_host_reverts_alone_when_the_coordinator_is_killed_after_the_order() -> Result<()> {
    let installation = Installation::start(3)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", &[("MODE", "unready")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    let begun = installation.deploy_detached(&Compose::published("v2").with("health_deadline", "6s"))?;
    assert_eq!(begun.code, 0, "{begun}");
    eventually("the bad release is on its way", SOON, || {
        installation.fleet().hosts().iter().any(|host| !serves(host, "v1"))
    });
    installation.kill_coordinator();
    for host in installation.fleet().hosts() {
        eventually("the host is back by itself", SOON, || serves(host, "v1"));
    }
    installation.start_coordinator()?;
    let ended = installation.watch()?;
    assert_eq!(ended.code, 3, "a reverted rollout is never a success: {ended}");
    let shown = installation.rollout()?;
    assert_eq!(shown["outcome"], "rolled_back", "{shown:#}");
    (0..3).for_each(|host| converged(&installation, host, "v1"));
    Ok(())
}

/// All that the agent does in a swap that succeeds, and after its commit.
const ACTIONS_OF_A_SWAP: [&str; 8] = ["save", "pull", "create", "set-restart", "stop", "start", "probe", "remove"];
/// All that it does on the way back.
const ACTIONS_OF_A_REVERT: [&str; 4] = ["collect", "stop", "start", "remove"];

#[test]
fn g2_g6_an_agent_killed_at_any_step_of_a_swap_ends_in_the_same_state() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v0", &[("MODE", "graceful")])?;
    assert_eq!(installation.deploy(&Compose::published("v0").with("bake", "1s"))?.code, 0);
    for (number, place) in places(&ACTIONS_OF_A_SWAP).iter().enumerate() {
        let version = format!("v{}", number + 1);
        publish(&installation, &version, &[("MODE", "graceful")])?;
        let code =
            installation.deploy_while_the_agent_dies(0, place, &Compose::published(&version).with("bake", "1s"))?;
        assert_eq!(code, 0, "killed {place}: {}", installation.agent_log(0));
        converged(&installation, 0, &version);
    }
    Ok(())
}

#[test]
fn g2_g6_an_agent_killed_at_any_step_of_a_revert_ends_in_the_same_state() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    assert_eq!(installation.deploy(&Compose::published("v1").with("bake", "1s"))?.code, 0);
    let places = places(&ACTIONS_OF_A_REVERT).into_iter().chain(["after:save".to_owned()]);
    for (number, place) in places.enumerate() {
        let version = format!("bad{number}");
        publish(&installation, &version, &[("MODE", "crash"), ("AFTER", "1000")])?;
        let code =
            installation.deploy_while_the_agent_dies(0, &place, &Compose::published(&version).with("bake", "5s"))?;
        assert_eq!(code, 3, "killed {place}: {}", installation.agent_log(0));
        converged(&installation, 0, "v1");
    }
    Ok(())
}

#[test]
fn g2_an_engine_restart_in_the_trial_is_no_failure_of_the_release() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", &[("MODE", "graceful")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    let begun = installation.deploy_detached(&Compose::published("v2").with("bake", "15s"))?;
    assert_eq!(begun.code, 0, "{begun}");
    eventually("the release is in trial", SOON, || state_of(&installation, "h1", "healthy"));
    installation.fleet().host(0).engine().restart()?;
    assert_eq!(installation.watch()?.code, 0, "{}", installation.agent_log(0));
    converged(&installation, 0, "v2");
    Ok(())
}

#[test]
fn g2_a_reboot_in_the_trial_is_no_failure_of_the_release() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", &[("MODE", "graceful")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    let begun = installation.deploy_detached(&Compose::published("v2").with("bake", "10s"))?;
    assert_eq!(begun.code, 0, "{begun}");
    eventually("the release is in trial", SOON, || state_of(&installation, "h1", "healthy"));
    installation.kill_agent(0);
    installation.fleet().host(0).reboot()?;
    installation.start_agent(0)?;
    assert_eq!(installation.watch()?.code, 0, "{}", installation.agent_log(0));
    converged(&installation, 0, "v2");
    Ok(())
}

#[test]
fn g2_a_bad_release_on_a_host_that_reboots_goes_back_without_a_coordinator() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", &[("MODE", "unready")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    let begun = installation.deploy_detached(&Compose::published("v2").with("health_deadline", "30s"))?;
    assert_eq!(begun.code, 0, "{begun}");
    eventually("the bad release runs", SOON, || {
        installation.fleet().host(0).http_get(8080, "/").is_ok_and(|answer| answer.text() == "v2")
    });
    installation.kill_coordinator();
    installation.kill_agent(0);
    installation.fleet().host(0).reboot()?;
    installation.start_agent(0)?;
    converged(&installation, 0, "v1");
    installation.start_coordinator()?;
    assert_eq!(installation.watch()?.code, 3);
    Ok(())
}

#[test]
fn g5_a_host_cut_off_in_mid_rollout_spends_the_budget_and_gets_the_current_release_when_it_returns() -> Result<()> {
    let installation = Installation::start(3)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", &[("MODE", "graceful")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    let compose = Compose::published("v2").with("waves", "[\"100%\"]").with("max_unavailable", "1");
    let compose = compose.with("bake", "3s").with("progress_deadline", "15s");
    installation.fleet().cut(0)?;
    let hosts = || installation.verb(["hosts", "--output", "json"]).and_then(|ended| ended.json());
    eventually("h1 is silent", SOON, || {
        hosts().is_ok_and(|answer| answer["hosts"].as_array().unwrap().iter().any(|host| host["contact"] == "silent"))
    });
    let ended = installation.deploy(&compose)?;
    // Nobody can know what the silent host runs: the rollout can't claim that all were taken back.
    assert_eq!(ended.code, 4, "{ended}");
    let shown = installation.rollout()?;
    assert!(shown.to_string().contains("silent"), "{shown:#}");
    assert_ne!(shown["outcome"], "succeeded", "{shown:#}");
    for host in 1..3 {
        converged(&installation, host, "v1");
    }
    installation.fleet().heal(0)?;
    installation.until_connected()?;
    converged(&installation, 0, "v1");
    Ok(())
}

#[test]
fn g6_trap_10_a_coordinator_killed_again_and_again_goes_on_where_it_was() -> Result<()> {
    let installation = Installation::start(3)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", &[("MODE", "graceful")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    let begun = installation.deploy_detached(&Compose::published("v2"))?;
    assert_eq!(begun.code, 0, "{begun}");
    for state in ["ordered", "healthy", "committed"] {
        eventually(&format!("a host is {state}, or further"), SOON, || {
            let further = ["ordered", "healthy", "committing", "committed"];
            let from = further.iter().position(|other| *other == state).unwrap();
            further[from..]
                .iter()
                .any(|other| ["h1", "h2", "h3"].iter().any(|host| state_of(&installation, host, other)))
        });
        installation.kill_coordinator();
        installation.start_coordinator()?;
    }
    assert_eq!(installation.watch()?.code, 0);
    (0..3).for_each(|host| converged(&installation, host, "v2"));
    Ok(())
}

#[test]
fn g8_a_registry_that_is_down_is_not_a_bad_release() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", &[("MODE", "graceful")])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    installation.kill_agent(0);
    let begun = installation.deploy_detached(&Compose::published("v2"))?;
    assert_eq!(begun.code, 0, "{begun}");
    installation.fleet().registry().stop();
    installation.start_agent(0)?;
    eventually("the obstacle is shown", SOON, || {
        installation.rollout().is_ok_and(|rollout| rollout.to_string().contains("registry_unreachable"))
    });
    assert!(serves(installation.fleet().host(0), "v1"), "the old release serves on meanwhile");
    installation.fleet().registry().start()?;
    assert_eq!(installation.watch()?.code, 0);
    converged(&installation, 0, "v2");
    Ok(())
}

#[test]
fn g6_a_first_release_that_fails_leaves_nothing() -> Result<()> {
    let installation = Installation::start(2)?;
    publish(&installation, "v1", &[("MODE", "crash")])?;
    let ended = installation.deploy(&Compose::published("v1"))?;
    assert_eq!(ended.code, 3, "{ended}");
    for host in installation.fleet().hosts() {
        eventually("no container is left", SOON, || host.engine().containers().is_ok_and(|all| all.is_empty()));
    }
    Ok(())
}

#[test]
fn a_host_that_joins_later_gets_the_current_release() -> Result<()> {
    let installation = Installation::start(2)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    installation.kill_agent(1);
    let removed = installation.verb(["host", "remove", "h2", "--yes"])?;
    assert_eq!(removed.code, 0, "{removed}");
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    std::fs::remove_dir_all(installation.fleet().host(1).directory().join("agent"))?;
    installation.join(1)?;
    installation.start_agent(1)?;
    converged(&installation, 1, "v1");
    Ok(())
}

#[test]
fn g7_tokens_are_good_once_and_containers_of_others_are_never_touched() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    let image = installation.fleet().publish("other", &[("VERSION", "other"), ("MODE", "graceful")])?;
    let host = installation.fleet().host(0);
    host.engine().pull(&image.pinned())?;
    host.engine().run_container("somebody-elses", &image.pinned(), &[(9090, 8080)])?;
    assert_eq!(installation.deploy(&Compose::published("v1"))?.code, 0);
    assert_eq!(host.engine().container_state("somebody-elses")?, "running");

    let token = installation.token(&["--host", "h9"])?;
    installation.kill_agent(0);
    std::fs::remove_dir_all(host.directory().join("agent"))?;
    let bound = installation.join_with(0, &token)?;
    assert_ne!(bound.code, 0, "the token is for another host: {bound}");
    assert!(bound.err.contains("h9"), "{bound}");
    let foreign = format!("ek1.{}.{}", "0".repeat(64), token.rsplit('.').next().unwrap());
    let foreign = installation.join_with(0, &foreign)?;
    assert_ne!(foreign.code, 0, "a token of another authority: {foreign}");
    Ok(())
}
