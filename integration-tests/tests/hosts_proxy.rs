//! What traffic must outlive on a real host besides a swap's plain requests: long transfers and connections that stay, the death of the agent
//! at each step, and the replacement and death of the proxy itself. Needs root.

#![allow(clippy::unwrap_used, reason = "tests")]

use anyhow::Result;
use evenkeel_integration_tests::bench::{Load, Report};
use evenkeel_integration_tests::hosts::{Record, Traffic, eventually};
use evenkeel_integration_tests::installation::{Compose, Installation, Published, SOON, places};

const PORT: u16 = 8080;
/// A quarter of a second and ten of them: some are always under way.
const REQUESTS: [&str; 3] = ["ka:connections=8,rate=100,slow=0.1,ms=250", "new:rate=50", "slow:connections=2,rate=0.5"];
/// Longer than anything here takes: what lives on is ended by its client.
const LONG_DRAIN: (&str, &str) = ("drain", "5m");

fn publish(installation: &Installation, version: &str) -> Result<()> {
    installation.fleet().publish(version, &[("VERSION", version), ("MODE", "rude")]).map(drop)
}

fn deployed(installation: &Installation, compose: &Compose) -> Result<()> {
    let ended = installation.deploy(compose)?;
    assert_eq!(ended.code, 0, "{ended}");
    Ok(())
}

/// One client on new connections, and three on kept ones.
fn clients(installation: &Installation) -> Vec<Traffic> {
    let address = installation.fleet().host(0).at(PORT);
    let clients: Vec<Traffic> =
        (0..3).map(|_| Traffic::start_kept_alive(address)).chain([Traffic::start(address)]).collect();
    eventually("every client is answered", SOON, || clients.iter().all(|client| client.version().is_some()));
    clients
}

fn until_answered_again(clients: &[Traffic]) {
    let before: Vec<usize> = clients.iter().map(|client| client.so_far().answered.len()).collect();
    let more = |(client, before): (&Traffic, &usize)| client.so_far().answered.len() > before + 2;
    eventually("every client is answered again", SOON, || clients.iter().zip(&before).all(more));
}

fn stopped(clients: Vec<Traffic>) -> Vec<Record> {
    clients.into_iter().map(Traffic::stop).collect()
}

fn nothing_is_lost(records: &[Record]) {
    for record in records {
        assert!(record.lost.is_empty(), "{} of {}: {:?}", record.lost.len(), record.requests(), record.lost);
    }
}

/// Swaps v1 for v2 under these clients, who end only afterwards; the old container goes when they have.
fn swap_under(installation: &Installation, compose: impl Fn(&str) -> Compose, clients: &[&str]) -> Result<Report> {
    let (fleet, host) = (installation.fleet(), installation.fleet().host(0));
    for version in ["v1", "v2"] {
        publish(installation, version)?;
    }
    deployed(installation, &compose("v1"))?;
    let sees = |version: &str| host.http_get(PORT, "/").is_ok_and(|answer| answer.text() == version);
    eventually("it serves", SOON, || sees("v1"));
    let load = Load::begin(fleet, host, PORT, clients, &[])?;
    // Asked beside the load: by now its connections are up.
    let beside = Traffic::start(host.at(PORT));
    eventually("some time has passed", SOON, || beside.so_far().answered.len() > 100);
    deployed(installation, &compose("v2"))?;
    eventually("what is new goes to the new release", SOON, || sees("v2"));
    let so_far = beside.so_far().answered.len();
    eventually("some time has passed", SOON, || beside.so_far().answered.len() > so_far + 100);
    assert_eq!(host.engine().containers()?.len(), 2, "the old one serves what it had");
    let report = load.end()?;
    nothing_is_lost(&[beside.stop()]);
    eventually("the old one goes", SOON, || host.engine().containers().is_ok_and(|all| all.len() == 1));
    for (client, record) in &report.clients {
        assert!(report.sent(client) > 0, "{client} has sent nothing");
        assert!(report.lost(client).is_empty(), "{client}: {record}");
    }
    Ok(report)
}

/// Connections that were there before the swap have never been anywhere else.
fn stayed_with_the_old(report: &Report, client: &str) {
    assert!(!report.seen(client, "v1").is_empty() && report.seen(client, "v2").is_empty(), "{client}: {report:?}");
}

#[test]
fn g3_transfers_of_100_mb_streams_and_web_sockets_live_on_across_a_swap() -> Result<()> {
    let installation = Installation::start(1)?;
    let compose = |tag: &str| Compose::routed(tag).with(LONG_DRAIN.0, LONG_DRAIN.1);
    // 100 MB each way, one after the other: at the switch some is under way.
    let transfers = ["upload:connections=2,rate=20", "download:connections=2,rate=20"];
    let clients = [&REQUESTS[..], &transfers, &["ws:connections=4,rate=40", "grpc:connections=4,rate=40"]].concat();
    let report = swap_under(&installation, compose, &clients)?;
    stayed_with_the_old(&report, "ws");
    for client in ["ka", "new", "upload", "download"] {
        assert!(!report.seen(client, "v2").is_empty(), "{client} has never seen v2: {report:?}");
    }
    Ok(())
}

#[test]
fn g3_tcp_connections_live_on_across_a_swap_and_new_ones_go_to_the_new_release() -> Result<()> {
    let installation = Installation::start(1)?;
    let compose =
        |tag: &str| Compose { published: Published::Tcp, ..Compose::routed(tag) }.with(LONG_DRAIN.0, LONG_DRAIN.1);
    let report = swap_under(&installation, compose, &["ws:connections=4,rate=40", "new:rate=50"])?;
    stayed_with_the_old(&report, "ws");
    assert!(!report.seen("new", "v2").is_empty(), "{report:?}");
    Ok(())
}

/// All that the agent does in a swap behind the proxy, and after its commit.
const ACTIONS: [&str; 8] = ["save", "pull", "create", "start", "probe", "route", "stop", "remove"];

#[test]
fn g3_an_agent_killed_at_each_step_of_a_swap_costs_no_request() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v0")?;
    let compose = |tag: &str| Compose::routed(tag).with("bake", "1s").with("drain", "2s");
    deployed(&installation, &compose("v0"))?;
    let clients = clients(&installation);
    for (number, place) in places(&ACTIONS).iter().enumerate() {
        let version = format!("v{}", number + 1);
        publish(&installation, &version)?;
        let code = installation.deploy_while_the_agent_dies(0, place, &compose(&version))?;
        assert_eq!(code, 0, "killed {place}: {}", installation.agent_log(0));
        let is_served = || clients.iter().all(|client| client.version().as_ref() == Some(&version));
        eventually(&format!("every client is served by {version}"), SOON, is_served);
    }
    nothing_is_lost(&stopped(clients));
    Ok(())
}

#[test]
fn g3_the_proxy_replaced_ten_times_costs_no_request() -> Result<()> {
    let installation = Installation::start(1)?;
    ["v1", "v2"].into_iter().try_for_each(|version| publish(&installation, version))?;
    deployed(&installation, &Compose::routed("v1"))?;
    let clients = clients(&installation);
    for time in 0..10 {
        if time == 5 {
            deployed(&installation, &Compose::routed("v2"))?;
        }
        installation.replace_proxy(0);
        until_answered_again(&clients);
    }
    let records = stopped(clients);
    nothing_is_lost(&records);
    assert!(records.iter().all(|record| record.versions() == ["v1", "v2"]));
    Ok(())
}

#[test]
fn a_proxy_that_dies_refuses_nobody_and_loses_only_what_was_under_way() -> Result<()> {
    let installation = Installation::start(1)?;
    publish(&installation, "v1")?;
    deployed(&installation, &Compose::routed("v1"))?;
    let clients = clients(&installation);
    for _ in 0..5 {
        installation.kill_proxy_worker(0);
        until_answered_again(&clients);
    }
    for record in stopped(clients) {
        assert!(record.lost.len() <= 5, "at most one for each death: {:?}", record.lost);
        let refused: Vec<_> = record.lost.iter().filter(|lost| lost.why.contains("refused")).collect();
        assert!(refused.is_empty(), "{refused:?}");
        assert_eq!(record.versions(), ["v1"], "the same routes");
    }
    Ok(())
}
