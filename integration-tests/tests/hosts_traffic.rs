//! Traffic on real hosts while releases are swapped and go back: nothing is lost behind the proxy, whatever the program does when it is told to
//! end. Load in quantity is the bench's. Needs root.

#![allow(clippy::unwrap_used, reason = "tests")]

use anyhow::Result;
use evenkeel_integration_tests::hosts::{Record, Traffic, eventually};
use evenkeel_integration_tests::installation::{Compose, Installation, SOON};

const PORT: u16 = 8080;

fn publish(installation: &Installation, version: &str, mode: &[(&str, &str)]) -> Result<()> {
    let environment: Vec<_> = [("VERSION", version)].into_iter().chain(mode.iter().copied()).collect();
    installation.fleet().publish(version, &environment).map(drop)
}

/// Clients on kept connections, on new ones, from outside and from the host itself.
struct Clients(Vec<Traffic>);

impl Clients {
    fn of(installation: &Installation) -> Self {
        let host = installation.fleet().host(0);
        let kept = (0..4).map(|_| Traffic::start_kept_alive(host.at(PORT)));
        let clients = Self(kept.chain([Traffic::start(host.at(PORT))]).collect());
        eventually("every client is answered", SOON, || clients.0.iter().all(|client| client.version().is_some()));
        clients
    }

    fn until_served(&self, version: &str) {
        let is_served = || self.0.iter().all(|client| client.version().as_deref() == Some(version));
        eventually(&format!("every client is served by {version}"), SOON, is_served);
    }

    fn stop(self) -> Vec<Record> {
        self.0.into_iter().map(Traffic::stop).collect()
    }
}

fn nothing_is_lost(records: &[Record], versions: &[&str]) {
    for record in records {
        assert!(record.lost.is_empty(), "{} of {} lost: {:?}", record.lost.len(), record.requests(), record.lost);
        assert_eq!(record.versions(), versions);
    }
}

/// Swaps there and back under traffic, with a program that ends in this way.
fn swaps(mode: &str, compose: impl Fn(&str) -> Compose) -> Result<()> {
    let installation = Installation::start(1)?;
    for release in ["v1", "v2", "v3"] {
        publish(&installation, release, &[("MODE", mode)])?;
    }
    let first = installation.deploy(&compose("v1"))?;
    assert_eq!(first.code, 0, "{first}");
    let clients = Clients::of(&installation);
    for release in ["v2", "v3"] {
        let ended = installation.deploy(&compose(release))?;
        assert_eq!(ended.code, 0, "{ended}");
        clients.until_served(release);
    }
    let back = installation.verb(["rollback", "shop", "--to", "1"])?;
    assert_eq!(back.code, 0, "{back}");
    clients.until_served("v1");
    nothing_is_lost(&clients.stop(), &["v1", "v2", "v3", "v1"]);
    let engine = installation.fleet().host(0).engine();
    eventually("one container is left", SOON, || engine.containers().is_ok_and(|all| all.len() == 1));
    Ok(())
}

#[test]
fn g3_swaps_lose_nothing_with_a_program_that_ends_gracefully() -> Result<()> {
    swaps("graceful", Compose::routed)
}

#[test]
fn g3_swaps_lose_nothing_with_a_program_that_dies_at_once() -> Result<()> {
    swaps("rude", Compose::routed)
}

#[test]
fn g3_a_service_that_can_not_run_twice_is_held_and_loses_nothing() -> Result<()> {
    swaps("rude", |tag| Compose::routed(tag).with_service("deploy: { update_config: { order: stop-first } }"))
}

#[test]
fn g3_a_release_that_goes_sick_in_the_bake_goes_back_in_one_switch() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "rude")])?;
    publish(&installation, "v2", &[("MODE", "sick"), ("AFTER", "3000")])?;
    let first = installation.deploy(&Compose::routed("v1"))?;
    assert_eq!(first.code, 0, "{first}");
    let began = || -> Result<Vec<String>> {
        let engine = installation.fleet().host(0).engine();
        let ids = engine.containers()?.into_iter().map(|container| container["Id"].as_str().unwrap().to_owned());
        ids.map(|id| Ok(format!("{id} {}", engine.inspect(&id)?["State"]["StartedAt"]))).collect()
    };
    let before = began()?;
    let clients = Clients::of(&installation);
    let bad = installation.deploy(&Compose::routed("v2").with("bake", "30s"))?;
    assert_eq!(bad.code, 3, "{bad}");
    clients.until_served("v1");
    for record in clients.stop() {
        // A sick program may say so in its answers; what it answers is the application's. Nothing is lost between the two.
        let broken: Vec<_> = record.lost.iter().filter(|lost| !lost.why.starts_with("answered 5")).collect();
        assert!(broken.is_empty(), "{broken:?}");
        assert_eq!(record.versions().last(), Some(&"v1"));
    }
    assert_eq!(began()?, before, "the old container was never stopped");
    Ok(())
}

#[test]
fn the_proxy_serves_without_the_agent_and_comes_back_with_its_routes() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    let first = installation.deploy(&Compose::routed("v1"))?;
    assert_eq!(first.code, 0, "{first}");
    installation.kill_agent(0);
    let host = installation.fleet().host(0);
    let serves = || host.http_get(PORT, "/").is_ok_and(|answer| answer.text() == "v1");
    assert!(serves(), "traffic does not depend on the agent");
    installation.kill_proxy(0);
    installation.start_proxy(0)?;
    eventually("the proxy serves again, by its own file", SOON, serves);
    installation.start_agent(0)?;
    installation.until_connected()?;
    assert!(serves());
    Ok(())
}

#[test]
fn a_port_that_somebody_else_has_is_told_before_anything_is_touched() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    let host = installation.fleet().host(0);
    let other = installation.fleet().publish("other", &[("VERSION", "other")])?.pinned();
    host.engine().pull(&other)?;
    host.engine().run_container("squatter", &other, &[(PORT, 8080)])?;
    let ended = installation.deploy(&Compose::routed("v1").with("health_deadline", "5s"))?;
    assert_eq!(ended.code, 3, "{ended}");
    assert!((ended.out.clone() + &ended.err).contains("port_taken"), "{ended}");
    let left = host.engine().containers()?;
    assert_eq!(left.len(), 1, "only the other one is there: {left:?}");
    Ok(())
}

#[test]
fn a_container_that_published_its_port_itself_is_adopted_by_the_proxy_and_given_back_on_a_revert() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1", &[("MODE", "graceful")])?;
    publish(&installation, "v2", &[("MODE", "graceful")])?;
    publish(&installation, "v3", &[("MODE", "unready")])?;
    let first = installation.deploy(&Compose::published("v1"))?;
    assert_eq!(first.code, 0, "{first}");
    let host = installation.fleet().host(0);
    let serves = |version: &str| host.http_get(PORT, "/").is_ok_and(|answer| answer.text() == version);
    let bad = installation.deploy(&Compose::routed("v3").with("health_deadline", "5s"))?;
    assert_eq!(bad.code, 3, "{bad}");
    eventually("the old one serves on its own port again", SOON, || serves("v1"));
    let good = installation.deploy(&Compose::routed("v2"))?;
    assert_eq!(good.code, 0, "{good}");
    eventually("the new one serves behind the proxy", SOON, || serves("v2"));
    Ok(())
}
