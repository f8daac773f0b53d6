//! The clients against the test program, where nothing may be lost, and against servers that lose requests in every way there is.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use evenkeel_test_program::{Server, Settings};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::plan::Plan;
use crate::run::run;

/// Far longer than any of these takes.
const DEADLINE: Duration = Duration::from_secs(30);

fn program(version: &str) -> Server {
    let settings = Settings::read(|name| match name {
        "PORT" => Some("0".to_owned()),
        "VERSION" => Some(version.to_owned()),
        _ => None,
    });
    Server::start(settings.unwrap()).unwrap()
}

/// Works against `port` until every client has made its requests; returns the report.
fn load(port: u16, clients: &str) -> Value {
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string();
    let words: Vec<String> = [target.as_str()].into_iter().chain(clients.split(' ')).map(str::to_owned).collect();
    let plan = Plan::read(&words).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let running = async { tokio::time::timeout(DEADLINE, run(plan, CancellationToken::new())).await };
    runtime.block_on(running).unwrap()
}

/// A server that treats each connection in this way.
fn server(treat: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().flatten().for_each(treat));
    port
}

/// Reads a request's head.
fn read_head(stream: &TcpStream) -> bool {
    let lines = BufReader::new(stream).lines();
    lines.map_while(Result::ok).any(|line| line.is_empty())
}

fn answering(answer: &'static str) -> u16 {
    server(move |mut stream| {
        if read_head(&stream) {
            let _ = stream.write_all(answer.as_bytes());
        }
    })
}

fn lost(report: &Value, client: &str) -> Vec<String> {
    report["clients"][client]["lost"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn every_kind_of_client_loses_nothing_against_a_good_server() {
    let program = program("v1");
    let all = "ka:rate=200,connections=4,ms=20,slow=0.1,count=150 lo:count=100 new:count=100 slow:ms=50,rate=20,count=8 \
               health:count=20 ws:count=200 grpc:connections=2,count=250 upload:bytes=300000,rate=10,count=5 \
               download:bytes=300000,rate=10,count=5";
    let report = load(program.port(), &all.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(report["lost"], 0, "{report:#}");
    assert_eq!(report["ok"], report["sent"]);
    for (client, record) in report["clients"].as_object().unwrap() {
        assert!(record["ok"].as_u64().unwrap() > 0, "{client}: {record:#}");
        let label = if client == "health" { "200" } else { "v1" };
        assert_eq!(record["seen"][0]["label"], label, "{client}");
    }
}

#[test]
fn bytes_over_bare_tcp_are_compared() {
    let echo = server(|stream| {
        thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
    });
    let report = load(echo, "tcp:count=200");
    assert_eq!(report["lost"], 0, "{report:#}");
    let liar = server(|mut stream| {
        thread::spawn(move || stream.write_all(&vec![b'x'; 100_000]));
    });
    assert!(lost(&load(liar, "tcp:count=50"), "tcp").contains(&"wrong_body".to_owned()));
}

#[test]
fn nobody_there_is_a_refusal() {
    let port = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let report = load(port, "ka:count=50 new:count=50 ws:count=50 grpc:count=50");
    assert_eq!(report["ok"], 0);
    for client in ["ka", "new", "ws", "grpc"] {
        assert_eq!(lost(&report, client), ["refused"], "{report:#}");
    }
    let loss = &report["clients"]["new"]["losses"][0];
    assert!(loss["at_ms"].is_number() && loss["detail"].as_str().unwrap().contains("refused"), "{loss}");
}

#[test]
fn a_connection_that_ends_or_breaks_before_the_answer_is_a_loss() {
    let ends = server(|stream| {
        let _ = read_head(&stream);
    });
    assert_eq!(lost(&load(ends, "ka:count=50"), "ka"), ["eof"]);
    // Closing with the request unread makes the kernel send a reset.
    let breaks = server(|stream| {
        let _ = stream.peek(&mut [0]);
    });
    let report = load(breaks, "new:count=50");
    assert!(lost(&report, "new").contains(&"reset".to_owned()), "{report:#}");
}

#[test]
fn wrong_answers_are_losses() {
    for (answer, kind) in [
        ("HTTP/1.1 200 OK\r\nX-Version: v1\r\nContent-Length: 3\r\n\r\nv2\n", "wrong_body"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nv1\n", "wrong_body"),
        ("HTTP/1.1 503 Service Unavailable\r\nX-Version: v1\r\nContent-Length: 3\r\n\r\nv1\n", "bad_status"),
        ("HTTP/1.1 200 OK\r\nX-Version: v1\r\nContent-Length: 9\r\n\r\nv1\n", "mid_body"),
        ("HTTP/1.1 200 OK\r\nX-Version: v1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nv1\n\r\n", "mid_body"),
    ] {
        let report = load(answering(answer), "ka:count=50,slow=0");
        assert_eq!(lost(&report, "ka"), [kind], "{answer}: {report:#}");
        assert_eq!(report["ok"], 0);
    }
    let wrong = "HTTP/1.1 200 OK\r\nX-Version: v1\r\nContent-Length: 10\r\n\r\n0123456789";
    let report = load(answering(wrong), "download:bytes=10,rate=50,count=5 upload:bytes=10,rate=50,count=5");
    assert_eq!(
        (lost(&report, "download"), lost(&report, "upload")),
        (vec!["wrong_body".into()], vec!["wrong_body".into()])
    );
}

#[test]
fn a_server_that_goes_is_seen_with_the_time_of_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten().take(50) {
            if read_head(&stream) {
                stream.write_all(b"HTTP/1.1 200 OK\r\nX-Version: v1\r\nContent-Length: 3\r\n\r\nv1\n").unwrap();
            }
        }
    });
    let report = load(port, "new:rate=100,count=200");
    let new = &report["clients"]["new"];
    assert!((1..=50).contains(&new["ok"].as_u64().unwrap()), "{report:#}");
    assert!(lost(&report, "new").contains(&"refused".to_owned()), "{report:#}");
    let gone = new["seen"][0]["last_ms"].as_f64().unwrap();
    let after = |loss: &Value| loss["at_ms"].as_f64().unwrap() >= gone;
    assert!(new["losses"].as_array().unwrap().iter().filter(|loss| loss["kind"] == "refused").all(after), "{report:#}");
    assert!(new["longest_gap_ms"].as_f64().unwrap() >= 1000.0, "{report:#}");
}

#[test]
fn a_connection_closed_between_two_requests_costs_nothing() {
    let answer = "HTTP/1.1 200 OK\r\nX-Version: v1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nv1\n";
    let report = load(answering(answer), "ka:count=100,slow=0");
    assert_eq!(report["lost"], 0, "{report:#}");
    // Without a word: the client finds the connection ended, and nothing was sent on it.
    let silent = "HTTP/1.1 200 OK\r\nX-Version: v1\r\nContent-Length: 3\r\n\r\nv1\n";
    let report = load(answering(silent), "ka:rate=50,connections=5,count=25,slow=0");
    assert_eq!(report["lost"], 0, "{report:#}");
    assert!(report["clients"]["ka"]["reconnected"].as_u64().unwrap() > 0, "{report:#}");
}
