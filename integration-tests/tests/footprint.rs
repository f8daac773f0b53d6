//! What an agent costs its host: memory, processor time, open doors. Real host, three containers, stats every 10 s. Needs root.
//! The processor time is printed, not asserted: machines differ. `cargo nextest run --test footprint --no-capture` shows it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;

use anyhow::Result;
use evenkeel_integration_tests::hosts::eventually;
use evenkeel_integration_tests::installation::{Compose, Installation, SOON};

/// Resident memory that the agent may have, in KiB.
const MEMORY: u64 = 12 * 1024;
/// The kernel's tables of sockets, and how each writes the state of one that anybody may send to: listening, or not connected.
const DOORS: [(&str, &str); 4] = [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")];

fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Processor time in clock ticks, of which a second has 100.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let fields: Vec<_> = after_name.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// The sockets of a process that anybody on the network may send to.
fn doors(pid: u32) -> Vec<String> {
    let sockets: Vec<_> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned()))
        .collect();
    let open = DOORS.map(|(table, state)| {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap();
        let lines = text.lines().skip(1).map(ToOwned::to_owned);
        let is_open = |line: &String| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields[3] == state && sockets.iter().any(|inode| fields[9] == inode)
        };
        lines.filter(is_open).collect::<Vec<_>>()
    });
    open.concat()
}

#[test]
fn a_door_of_each_kind_is_seen() {
    use std::net::{TcpListener, UdpSocket};
    let before = doors(std::process::id()).len();
    let (_tcp, _udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (_tcp6, _udp6) = (TcpListener::bind("[::1]:0").unwrap(), UdpSocket::bind("[::1]:0").unwrap());
    assert_eq!(doors(std::process::id()).len(), before + 4);
}

#[test]
fn an_agent_with_three_containers_is_small_and_has_no_open_door() -> Result<()> {
    let installation = Installation::start(1)?;
    installation.fleet().publish("v1", &[("VERSION", "v1"), ("MODE", "graceful")])?;
    let mut compose = Compose::unpublished("v1").with("bake", "1s");
    let image = format!("{}/app:v1", installation.fleet().registry().address());
    // Two more services beside the one that the file has.
    compose.service.push(format!("labels: {{ first: \"yes\" }}\n  two:\n    image: {image}\n  three:\n    image: {image}\n  one:\n    image: {image}"));
    let ended = installation.deploy(&compose)?;
    assert_eq!(ended.code, 0, "{ended}");
    installation.kill_agent(0);
    installation.start_optimised_agent(0)?;
    installation.until_connected()?;

    let pid = installation.agent_pid(0).unwrap();
    let began = ticks(pid);
    let sample = std::time::Duration::from_mins(1);
    let since = std::time::SystemTime::now();
    eventually("a while has passed", sample * 2, || since.elapsed().is_ok_and(|elapsed| elapsed >= sample));
    let used = ticks(pid) - began;
    let memory = resident(pid);
    println!("agent: {memory} KiB resident, {} ms of processor time in {} s", used * 10, sample.as_secs());
    assert!(memory <= MEMORY, "{memory} KiB resident");
    eventually("nothing listens", SOON, || doors(pid).is_empty());
    Ok(())
}
