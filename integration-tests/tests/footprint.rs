//! What an agent costs its host: memory, processor time, open doors. Real host, three containers, stats every 10 s. Needs root.
//! The processor time is printed, not asserted: machines differ. `cargo nextest run --test footprint --no-capture` shows it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::time::Duration;

use anyhow::Result;
use evenkeel_integration_tests::hosts::eventually;
use evenkeel_integration_tests::installation::{Footprint, Installation, SOON};

/// Resident memory that the agent may have, in KiB.
const MEMORY: u64 = 12 * 1024;
/// How long it is looked at.
const SAMPLE: Duration = Duration::from_mins(1);
/// The kernel's tables of sockets, and how each writes the state of one that anybody may send to: listening, or not connected.
const DOORS: [(&str, &str); 4] = [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")];

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
    let installation = Installation::with_three_containers()?;
    let Footprint { pid, resident_kib, processor_time } = installation.footprint(SAMPLE)?;
    println!(
        "agent: {resident_kib} KiB resident, {} ms of processor time in {} s",
        processor_time.as_millis(),
        SAMPLE.as_secs()
    );
    assert!(resident_kib <= MEMORY, "{resident_kib} KiB resident");
    eventually("nothing listens", SOON, || doors(pid).is_empty());
    Ok(())
}
