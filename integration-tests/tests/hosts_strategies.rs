//! The strategies on five real hosts in three zones, behind their proxies and under traffic: canary with an approval, blue-green there and back,
//! one zone at a time; and what stands in a rollout's way: a pause, a coordinator that dies, a registry that is away. Needs root.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use anyhow::Result;
use evenkeel_integration_tests::hosts::{Traffic, eventually};
use evenkeel_integration_tests::installation::{Compose, Installation, SOON};
use serde_json::Value;

const PORT: u16 = 8080;
const ZONES: [&str; 5] = ["a", "a", "b", "b", "c"];

/// Five hosts that run v1, a second release in the registry, and a client on each host.
struct Ground {
    clients: Vec<Traffic>,
    installation: Installation,
}

impl Ground {
    fn start() -> Result<Self> {
        let installation = Installation::start_in_zones(&ZONES)?;
        for version in ["v1", "v2"] {
            installation.fleet().publish(version, &[("VERSION", version), ("MODE", "rude")])?;
        }
        let all_at_once = Compose::routed("v1").with("waves", "[\"100%\"]").with("max_unavailable", "100%");
        let first = installation.deploy(&all_at_once)?;
        assert_eq!(first.code, 0, "{first}");
        let hosts = installation.fleet().hosts();
        let clients: Vec<_> = hosts.iter().map(|host| Traffic::start_kept_alive(host.at(PORT))).collect();
        let ground = Self { clients, installation };
        ground.all_serve("v1");
        Ok(ground)
    }

    #[track_caller]
    fn verb(&self, arguments: &[&str]) {
        let ended = self.installation.verb(arguments).unwrap();
        assert_eq!(ended.code, 0, "{arguments:?}: {ended}");
    }

    #[track_caller]
    fn begin(&self, compose: &Compose) {
        let begun = self.installation.deploy_detached(compose).unwrap();
        assert_eq!(begun.code, 0, "{begun}");
    }

    /// Waits for the newest rollout to end or to need somebody.
    #[track_caller]
    fn ends_with(&self, code: i32) {
        let ended = self.installation.watch().unwrap();
        assert_eq!(ended.code, code, "{ended}");
    }

    #[track_caller]
    fn all_serve(&self, version: &str) {
        let is_served = || self.clients.iter().all(|client| client.version().as_deref() == Some(version));
        eventually(&format!("every host serves {version}"), SOON, is_served);
    }

    /// The hosts whose last answer was this version's, counted from zero.
    fn serving(&self, version: &str) -> Vec<usize> {
        let versions = self.clients.iter().map(Traffic::version).enumerate();
        versions.filter(|(_, served)| served.as_deref() == Some(version)).map(|(host, _)| host).collect()
    }

    #[track_caller]
    fn waits_for(&self, kind: &str) {
        eventually(&format!("the rollout waits: {kind}"), SOON, || {
            self.installation.rollout().is_ok_and(|rollout| {
                rollout["waiting"].as_array().is_some_and(|all| all.iter().any(|waiting| waiting["kind"] == kind))
            })
        });
    }

    /// The hosts in this state, by name.
    fn in_state(&self, states: &[&str]) -> BTreeSet<String> {
        let rollout = self.installation.rollout().unwrap();
        let hosts = rollout["hosts"].as_array().unwrap().iter();
        let hosts = hosts.filter(|host| states.iter().any(|state| host["state"] == *state));
        hosts.map(|host| host["host"].as_str().unwrap().to_owned()).collect()
    }

    /// The containers of every host, as their names.
    fn containers(&self) -> Vec<BTreeSet<String>> {
        let all = |host: &evenkeel_integration_tests::hosts::Host| -> BTreeSet<String> {
            host.engine().containers().unwrap().iter().map(|one| one["Id"].as_str().unwrap().to_owned()).collect()
        };
        self.installation.fleet().hosts().iter().map(all).collect()
    }

    /// Ends the clients: none has lost a request, and each saw the versions in this order.
    #[track_caller]
    fn nothing_was_lost(self, versions: &[&str]) {
        for record in self.clients.into_iter().map(Traffic::stop) {
            assert!(record.lost.is_empty(), "{} of {} lost: {:?}", record.lost.len(), record.requests(), record.lost);
            assert_eq!(record.versions(), versions);
        }
    }
}

#[test]
fn a_canary_gets_a_share_and_waits_for_another_person_before_it_goes_on() -> Result<()> {
    let ground = Ground::start()?;
    let bob = ground.installation.add_operator("bob", "approver")?;
    let compose = Compose::routed("v2").with("strategy", "canary").with("weights", "[50, 100]");
    let ended = ground.installation.deploy(&compose.with("gates", "[{ approval: true }]"))?;
    assert_eq!(ended.code, 5, "it needs a person, and nothing has failed: {ended}");
    assert!(ended.err.contains("rollout approve") || ended.out.contains("rollout approve"), "{ended}");
    eventually("one host alone has it, with all of its requests", SOON, || ground.serving("v2") == [0]);

    let own = ground.installation.verb(["rollout", "approve", "shop", "--why", "it is mine"])?;
    assert_eq!(own.code, 1, "who began it does not approve it: {own}");
    let other = ground.installation.verb_as(&bob, ["rollout", "approve", "shop", "--why", "seen on h1"])?;
    assert_eq!(other.code, 0, "{other}");
    ground.ends_with(0);
    ground.all_serve("v2");
    let history = ground.installation.verb(["history", "shop"])?;
    assert!(history.out.contains("bob") && history.out.contains("seen on h1"), "{history}");

    for record in ground.clients.into_iter().map(Traffic::stop) {
        assert!(record.lost.is_empty(), "{} of {} lost: {:?}", record.lost.len(), record.requests(), record.lost);
        let versions = record.versions();
        assert_eq!((versions.first(), versions.last()), (Some(&"v1"), Some(&"v2")));
        assert!(versions.len() > 2, "its requests were divided between the two: {versions:?}");
    }
    Ok(())
}

#[test]
fn g3_blue_green_switches_everywhere_at_once_and_back_in_one_step_and_loses_nothing() -> Result<()> {
    let ground = Ground::start()?;
    let old = ground.containers();
    let compose = Compose::routed("v2").with("strategy", "blue-green").with("waves", "[\"100%\"]");
    let compose = compose.with("max_unavailable", "100%").with("promote", "manual").with("keep_blue", "30m");
    let ended = ground.installation.deploy(&compose)?;
    assert_eq!(ended.code, 5, "it needs a person, and nothing has failed: {ended}");
    assert_eq!(ground.in_state(&["healthy"]).len(), ZONES.len(), "the new release is proven on every host");
    assert_eq!(ground.serving("v1").len(), ZONES.len(), "and has no traffic");
    let both = ground.containers();
    assert!(both.iter().zip(&old).all(|(both, old)| both.len() == 2 && both.is_superset(old)), "{both:?}");

    ground.verb(&["rollout", "promote", "shop"]);
    ground.all_serve("v2");
    ground.ends_with(0);
    assert_eq!(ground.containers(), both, "the old containers stay for the way back");

    let back = ground.installation.verb(["rollback", "shop"])?;
    assert_eq!(back.code, 0, "{back}");
    ground.all_serve("v1");
    eventually("those that served first serve again, and nothing else is left", SOON, || ground.containers() == old);
    ground.nothing_was_lost(&["v1", "v2", "v1"]);
    Ok(())
}

#[test]
fn one_zone_at_a_time_never_touches_two() -> Result<()> {
    let ground = Ground::start()?;
    let compose = Compose::routed("v2").with("by", "zone").with("waves", "[\"100%\"]").with("max_unavailable", "2");
    ground.begin(&compose);
    let zones = [BTreeSet::from(["h1", "h2"]), BTreeSet::from(["h3", "h4"]), BTreeSet::from(["h5"])];
    let mut seen = Vec::new();
    eventually("the rollout is over", SOON, || {
        let touched = ground.in_state(&["ordered", "healthy", "committing"]);
        let touched_zones: Vec<_> =
            (0..3).filter(|zone| touched.iter().any(|host| zones[*zone].contains(host.as_str()))).collect();
        assert!(touched_zones.len() < 2, "{touched:?}");
        seen.extend(touched_zones);
        seen.dedup();
        ground.installation.rollout().is_ok_and(|rollout| rollout["state"] == "ended")
    });
    ground.ends_with(0);
    assert!(seen.is_sorted(), "each zone once, in their order: {seen:?}");
    let shown = ground.installation.rollout()?;
    let waves: Vec<_> = shown["hosts"].as_array().unwrap().iter().map(|host| host["wave"].as_u64().unwrap()).collect();
    assert_eq!(waves, [0, 0, 1, 1, 2]);
    ground.all_serve("v2");
    ground.nothing_was_lost(&["v1", "v2"]);
    Ok(())
}

#[test]
fn g6_what_is_paused_stays_paused_through_a_coordinator_that_dies_and_goes_on_when_it_is_resumed() -> Result<()> {
    let ground = Ground::start()?;
    ground.begin(&Compose::routed("v2").with("max_unavailable", "100%").with("bake", "5s"));
    eventually("the first host is in trial", SOON, || ground.in_state(&["healthy"]).len() == 1);
    ground.verb(&["rollout", "pause", "shop", "--why", "errors rise"]);
    ground.installation.kill_coordinator();
    ground.installation.start_coordinator()?;
    ground.installation.until_connected()?;
    ground.waits_for("paused");
    ground.ends_with(5);
    let table = ground.installation.verb(["rollout", "show"])?;
    assert!(table.out.contains("errors rise"), "{table}");
    assert_eq!(ground.in_state(&["healthy"]).len(), 1, "nothing was ordered or committed meanwhile");
    assert_eq!(ground.serving("v2"), [0]);
    ground.verb(&["rollout", "resume", "shop"]);
    ground.ends_with(0);
    ground.all_serve("v2");
    ground.nothing_was_lost(&["v1", "v2"]);
    Ok(())
}

#[test]
fn g8_a_registry_that_stops_in_mid_rollout_is_waited_for_with_its_reason() -> Result<()> {
    let ground = Ground::start()?;
    // The last zone's host is away at first, so that it can't fetch ahead.
    ground.installation.kill_agent(4);
    let compose = Compose::routed("v2").with("by", "zone").with("waves", "[\"100%\"]").with("max_unavailable", "3");
    ground.begin(&compose.with("progress_deadline", "5m"));
    eventually("two zones have it", SOON, || ground.in_state(&["committed"]).len() == 4);
    ground.installation.fleet().registry().stop();
    ground.installation.start_agent(4)?;
    eventually("the reason is shown", SOON, || {
        ground.installation.rollout().is_ok_and(|rollout| rollout.to_string().contains("registry_unreachable"))
    });
    let shown: Value = ground.installation.rollout()?;
    assert!(shown["failure"].is_null() && shown["outcome"] == "", "it waits, and has not failed: {shown:#}");
    assert_eq!(ground.serving("v1"), [4]);
    ground.installation.fleet().registry().start()?;
    ground.ends_with(0);
    ground.all_serve("v2");
    ground.nothing_was_lost(&["v1", "v2"]);
    Ok(())
}

#[test]
fn a_rollback_is_not_rolled_back() -> Result<()> {
    let ground = Ground::start()?;
    let compose = Compose::routed("v2").with("waves", "[\"100%\"]").with("max_unavailable", "100%");
    let ended = ground.installation.deploy(&compose)?;
    assert_eq!(ended.code, 0, "{ended}");
    ground.all_serve("v2");
    // A host that is away keeps the rollback from its end.
    ground.installation.kill_agent(4);
    ground.verb(&["rollback", "shop", "--detach"]);
    eventually("the others are back", SOON, || ground.serving("v1") == [0, 1, 2, 3]);
    let again = ground.installation.verb(["rollback", "shop"])?;
    assert_eq!(again.code, 1, "{again}");
    assert!(again.err.contains("a rollback is not rolled back"), "{again}");
    ground.installation.start_agent(4)?;
    ground.ends_with(0);
    ground.all_serve("v1");
    ground.nothing_was_lost(&["v1", "v2", "v1"]);
    Ok(())
}
