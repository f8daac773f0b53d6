//! Many connections that do nothing, or begin and do not go on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use evenkeel_model::Millis;
use evenkeel_proxy::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::app::App;
use crate::client::{Client, Raw, get};
use crate::rig::{Rig, soon, until};

/// Connections without a request.
const CROWD: usize = 10_000;
/// Files of each of the two processes: the connections of one side, and what else it needs.
const FILES: u64 = CROWD as u64 + 2_000;
/// Where the other process finds the proxy.
const TARGET: &str = "EVENKEEL_TEST_CROWD";
/// What a connection that has had a request and waits for the next may cost, in KiB: hyper's buffer is 8 of it.
const KIB_EACH: u64 = 40;

#[tokio::test]
async fn connections_that_begin_and_do_not_go_on_end_and_reach_no_app() {
    const SHORT: Millis = Millis(50);
    let rig = Rig::with(Limits { head: SHORT, idle: SHORT, read_stall: SHORT, ..Limits::default() });
    let app = App::raw(|mut stream| async move {
        let (mut buffer, mut read) = ([0; 4096], vec![]);
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            read.extend_from_slice(&buffer[..count]);
            if read.ends_with(b"\r\n\r\n") && !read.starts_with(b"POST") {
                read.clear();
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nserved").await;
            }
        }
    })
    .await;
    rig.serve(&[("c1", app.address)]);
    let beginnings = [
        "",
        "G",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "PRI * HTTP/2.0\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
    ];
    let mut open = vec![];
    for number in 0..100 {
        for beginning in beginnings {
            let mut raw = Raw::connect(rig.listen).await;
            raw.send(beginning).await;
            match number % 3 {
                // It is gone, and says so; it sends no more, and says so; it says nothing.
                0 => drop(raw),
                1 => {
                    raw.0.shutdown().await.unwrap();
                    open.push(raw);
                }
                _ => open.push(raw),
            }
        }
        serves(&rig).await;
    }
    until("all have ended", || rig.proxy.status().connections == 0 && rig.in_flight("c1") == 0).await;
    serves(&rig).await;
    drop(open);
}

/// Serves the next client; one whose first request took longer than an unused connection lives on this machine comes again.
async fn serves(rig: &Rig) {
    let served = async { while Client::http1(rig.listen).await.try_send(get("/")).await.is_err() {} };
    soon("a client is served", served).await;
}

#[tokio::test]
async fn ten_thousand_idle_connections_take_bounded_memory_and_the_others_are_served() {
    raise_file_limit();
    let rig = Rig::with(Limits { connections: 2 * CROWD, ..Limits::default() });
    let app = App::named("served").await;
    rig.serve(&[("c1", app.address)]);
    let mut before = Client::http1(rig.listen).await;
    assert_eq!(before.get("/").await.body, "served");
    let resident = resident_kib();
    let listen = rig.listen;
    let crowd = tokio::task::spawn_blocking(move || Crowd::start(listen)).await.unwrap();
    until("all are there", || rig.proxy.status().connections > CROWD as u64).await;
    let each = resident_kib().saturating_sub(resident) / CROWD as u64;
    assert!(each < KIB_EACH, "{each} KiB for each connection");
    assert_eq!(before.get("/").await.body, "served");
    for mut client in [Client::http1(listen).await, Client::http2(listen).await] {
        assert_eq!(client.get("/").await.body, "served");
    }
    drop(crowd);
    until("all have ended", || rig.proxy.status().connections <= 4).await;
    assert_eq!(before.get("/").await.body, "served");
}

/// The other process: this same program, told to run [`the_crowd`] alone.
struct Crowd(Child);

impl Crowd {
    fn start(target: SocketAddr) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "crowd::the_crowd", "--nocapture"]).env(TARGET, target.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let crowd = Self(child);
        assert!(lines.map_while(Result::ok).any(|line| line.ends_with("all are open")), "the crowd did not come");
        crowd
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// No test: the connections of the one above, in a process that has its own limit of files. Each has had a request.
#[test]
fn the_crowd() {
    let Ok(target) = std::env::var(TARGET) else { return };
    raise_file_limit();
    let mut open = Vec::with_capacity(CROWD);
    for _ in 0..CROWD {
        let mut stream = TcpStream::connect(&target).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut answer = vec![];
        while !answer.ends_with(b"served") {
            let mut buffer = [0; 1024];
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "a connection was closed");
            answer.extend_from_slice(&buffer[..count]);
        }
        open.push(stream);
    }
    println!("\nall are open");
    // Until the other process closes it, or ends.
    let _ = std::io::stdin().read(&mut [0]);
}

/// A failure where that is not allowed: a test that was left out would say nothing.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < FILES) {
        limit.current = Some(limit.maximum.map_or(FILES, |most| most.min(FILES)));
        setrlimit(Resource::Nofile, limit).expect("the limit of open files can be raised to the hard one");
    }
    let has = getrlimit(Resource::Nofile).current;
    assert!(
        has.is_none_or(|has| has >= FILES),
        "this test needs {FILES} open files (`ulimit -Hn`), and may have {has:?}"
    );
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
