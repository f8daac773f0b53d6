//! The client against a server of a few lines, and the arithmetic of its record.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use super::*;
use crate::hosts::eventually;

/// Answers the statuses in turn, then 200 for ever; counts connections.
fn serve(statuses: &'static [&'static str]) -> (SocketAddr, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&connections);
    thread::spawn(move || {
        let mut statuses = statuses.iter();
        for stream in listener.incoming() {
            *counted.lock().unwrap() += 1;
            let mut stream = BufReader::new(stream.unwrap());
            let (mut close, mut answered) = (false, false);
            let mut line = String::new();
            while !(close && answered) && stream.read_line(&mut line).is_ok_and(|count| count > 0) {
                close |= line == "Connection: close\r\n";
                if line == "\r\n" {
                    let status = statuses.next().unwrap_or(&"200 OK");
                    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nv1\n");
                    stream.get_mut().write_all(answer.as_bytes()).unwrap();
                    answered = true;
                }
                line.clear();
            }
        }
    });
    (address, connections)
}

fn answered(at: u64, version: &str) -> Answered {
    Answered { at: Duration::from_millis(at), took: Duration::ZERO, version: version.to_owned() }
}

#[test]
fn answers_and_failures_are_both_kept() {
    let (address, connections) = serve(&["200 OK", "503 Service Unavailable"]);
    let traffic = Traffic::start(address);
    eventually("five answers", Duration::from_secs(10), || traffic.so_far().answered.len() >= 5);
    assert_eq!(traffic.version().as_deref(), Some("v1"));
    let record = traffic.stop();
    assert_eq!(record.lost.len(), 1);
    assert!(record.lost[0].why.contains("503"), "{:?}", record.lost);
    assert_eq!(*connections.lock().unwrap(), record.requests());
}

#[test]
fn a_kept_alive_client_stays_on_one_connection() {
    let (address, connections) = serve(&[]);
    let traffic = Traffic::start_kept_alive(address);
    eventually("five answers", Duration::from_secs(10), || traffic.so_far().answered.len() >= 5);
    assert!(traffic.stop().lost.is_empty());
    assert_eq!(*connections.lock().unwrap(), 1);
}

#[test]
fn a_record_tells_the_swaps_and_the_longest_gap() {
    let answered = vec![answered(0, "v1"), answered(10, "v1"), answered(250, "v2"), answered(260, "v2")];
    let record = Record { answered, lost: Vec::new() };
    assert_eq!(record.versions(), ["v1", "v2"]);
    assert_eq!(record.longest_gap(), Duration::from_millis(240));
}

#[test]
fn a_record_tells_since_when_nothing_else_was_seen() {
    let answered = ["v1", "v2", "v1", "v2", "v2"].into_iter().zip(1..).map(|(version, at)| answered(at * 10, version));
    let mut record = Record { answered: answered.collect(), lost: Vec::new() };
    let millis = |record: &Record, version| record.only_since(version).map(|at| at.as_millis());
    assert_eq!((millis(&record, "v2"), millis(&record, "v1"), millis(&record, "v3")), (Some(40), None, None));
    record.lost.push(Lost { at: Duration::from_millis(45), why: "refused".to_owned() });
    assert_eq!((millis(&record, "v2"), record.last()), (Some(50), Some("v2")));
    record.lost.push(Lost { at: Duration::from_millis(55), why: "refused".to_owned() });
    assert_eq!((millis(&record, "v2"), record.last()), (None, None));
}
