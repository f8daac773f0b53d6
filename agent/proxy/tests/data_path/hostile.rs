//! Requests that two servers in a row might read differently. What reaches the app is looked at byte for byte: either nothing, or one
//! reading that is beyond doubt; and the proxy serves the next client.

use std::sync::{Arc, Mutex};

use evenkeel_proxy::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::App;
use crate::client::{Raw, fetch};
use crate::rig::{Rig, until};

/// What the app has read, one for each connection.
type Read = Arc<Mutex<Vec<Vec<u8>>>>;

/// The headers that the proxy adds, behind those of the request.
const ADDED: &str = "x-forwarded-for: 127.0.0.1|x-forwarded-proto: http|x-forwarded-host: a|";

/// An app that writes down all it reads, and answers each head, or the last chunk of its body, with a few bytes.
async fn recorder() -> (App, Read) {
    let read = Read::default();
    let app = App::raw({
        let read = read.clone();
        move |stream| record(stream, read.clone())
    })
    .await;
    (app, read)
}

async fn record(mut stream: TcpStream, read: Read) {
    let at = {
        let mut all = read.lock().unwrap();
        all.push(vec![]);
        all.len() - 1
    };
    let (mut buffer, mut pending) = ([0; 4096], vec![]);
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        read.lock().unwrap()[at].extend_from_slice(&buffer[..count]);
        pending.extend_from_slice(&buffer[..count]);
        while let Some(length) = message(&pending) {
            pending.drain(..length);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        }
    }
}

/// The length of the first whole message.
fn message(bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let head = text.find("\r\n\r\n")? + 4;
    if text[..head].contains("transfer-encoding: chunked\r\n") {
        return text[head..].find("0\r\n\r\n").map(|end| head + end + 5);
    }
    let length = text[..head].lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    (bytes.len() >= head + length).then_some(head + length)
}

/// Bytes as they are read aloud: `|` for the end of a line.
fn lines(text: &str) -> String {
    text.replace('|', "\r\n")
}

/// Sends bytes, and compares what comes back and what the app has read: one text for each connection that had anything on it.
async fn check(sent: &str, answer: &str, expected: &[&str]) {
    let (rig, (app, read)) = (Rig::with(Limits { head_bytes: 16 * 1024, ..Limits::default() }), recorder().await);
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send(&lines(sent)).await;
    let requests = expected.concat().matches(" HTTP/1.1|").count();
    let mut got = String::new();
    for _ in 0..requests {
        got += &raw.read_until("\r\n\r\nok").await;
    }
    if requests == 0 {
        got = raw.rest().await;
    }
    assert!(got.starts_with(&lines(answer)), "{sent:?} was answered {got:?}");
    until("nothing is in flight", || rig.in_flight("c1") == 0).await;
    let seen: Vec<String> = {
        let read = read.lock().unwrap();
        let texts = read.iter().map(|bytes| String::from_utf8_lossy(bytes).replace("\r\n", "|"));
        texts.filter(|text| !text.is_empty()).collect()
    };
    assert_eq!(seen, expected, "what the app read of {sent:?}");
    assert_eq!(fetch(rig.listen, "/next").await.body, "ok", "the next client after {sent:?}");
}

/// Refused, with this status, and nothing of it reaches the app.
async fn refused(sent: &str, status: &str) {
    check(sent, &format!("HTTP/1.1 {status} "), &[]).await;
}

#[tokio::test]
async fn a_head_that_may_be_read_in_two_ways_reaches_no_app() {
    for line in [
        // Folded lines.
        "x: a| b",
        "x: a|\tTransfer-Encoding: chunked",
        "Content-Length:| 3",
        // Blanks where none may be.
        "Content-Length : 3",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Content-Length: 3",
        // Bytes that end a line for some.
        "x: a\rContent-Length: 3",
        "x: a\0b",
        "x\0: a",
        // No header at all.
        "GET /evil HTTP/1.1",
        ": a",
        // Lengths.
        "Content-Length: 3|Content-Length: 4",
        "Content-Length: 3, 3",
        "Content-Length: 3, 4",
        "Content-Length: 0x3",
        "Content-Length: -3",
        "Content-Length: +3",
        "Content-Length: 3 3",
        "Content-Length:",
        "Content-Length: 18446744073709551616",
        "Content-Length: 3|Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked|Content-Length: 3",
        "Transfer-Encoding: chunked|Content-Length: 0",
        // Codings.
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked|Transfer-Encoding: identity",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding:",
    ] {
        refused(&format!("POST / HTTP/1.1|Host: a|{line}||0||"), "400").await;
    }
    for line in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked|Transfer-Encoding: chunked",
        "Transfer-Encoding: identity|Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
    ] {
        refused(&format!("POST / HTTP/1.1|Host: a|{line}||0||"), "501").await;
    }
    for first in [
        "GET / HTTP/1.1 x",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.2",
        "GET /\0 HTTP/1.1",
        "GET / HTTP/9.9",
        "G\0ET / HTTP/1.1",
    ] {
        refused(&format!("{first}|Host: a||"), "400").await;
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_read_no_further() {
    refused(&format!("GET / HTTP/1.1|Host: a|x: {}||", "y".repeat(64 * 1024)), "431").await;
    refused(&format!("GET / HTTP/1.1|Host: a|{}|", "x: y|".repeat(200)), "431").await;
    refused(&format!("GET /{} HTTP/1.1|Host: a||", "y".repeat(64 * 1024)), "431").await;
}

#[tokio::test]
async fn lines_that_end_in_a_line_feed_alone_are_passed_on_with_both() {
    let one = format!("GET /1 HTTP/1.1|host: a|x: y|{ADDED}|");
    check("GET /1 HTTP/1.1\nHost: a\nx: y\n\n", "HTTP/1.1 200 ", &[&one]).await;
    // Whoever takes the line feeds for a part of the value sees one request; we see two, and so does the app.
    let both = format!("{one}GET /2 HTTP/1.1|host: a|{ADDED}|");
    check("GET /1 HTTP/1.1|Host: a|x: y\n\nGET /2 HTTP/1.1|Host: a||", "HTTP/1.1 200 ", &[&both]).await;
}

#[tokio::test]
async fn the_same_length_twice_is_passed_on_once() {
    let once = format!("POST / HTTP/1.1|host: a|content-length: 3|{ADDED}|abc");
    check("POST / HTTP/1.1|Host: a|Content-Length: 3|Content-Length: 3||abc", "HTTP/1.1 200 ", &[&once]).await;
}

#[tokio::test]
async fn chunks_are_made_anew_without_their_extensions() {
    let whole = format!("POST / HTTP/1.1|host: a|{ADDED}transfer-encoding: chunked||3|abc|0||");
    for chunks in ["3|abc|0||", "3;x=y|abc|0||", "003|abc|0;z||", "3 ;x=\"0\"|abc|0||"] {
        check(&format!("POST / HTTP/1.1|Host: a|Transfer-Encoding: Chunked||{chunks}"), "HTTP/1.1 200 ", &[&whole])
            .await;
    }
}

#[tokio::test]
async fn a_body_whose_chunks_may_be_read_in_two_ways_is_broken_off_before_them() {
    let head = format!("POST / HTTP/1.1|host: a|{ADDED}transfer-encoding: chunked||");
    let first = format!("{head}3|abc|");
    let long = format!("3;{}|abc|0||", "x".repeat(64 * 1024));
    for (chunks, passed) in [
        // Sizes.
        ("FFFFFFFFFFFFFFFFF|abc|0||", &head),
        ("10000000000000003|abc|0||", &head),
        ("0x3|abc|0||", &head),
        ("+3|abc|0||", &head),
        ("-3|abc|0||", &head),
        ("|abc|0||", &head),
        ("g|abc|0||", &head),
        // Line feeds alone.
        ("3\nabc|0||", &head),
        ("3;x\nabc|0||", &head),
        ("3|abc\n0||", &first),
        ("3\rabc|0||", &head),
        // A chunk that is longer than it says.
        ("3|abcd|0||", &first),
        (long.as_str(), &head),
    ] {
        let sent = format!("POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked||{chunks}GET /evil HTTP/1.1|Host: a||");
        check_broken(&sent, passed).await;
    }
}

/// Begins to reach the app, and ends there without its end: at most this was passed on.
async fn check_broken(sent: &str, at_most: &str) {
    let (rig, (app, read)) = (Rig::new(), recorder().await);
    rig.serve(&[("c1", app.address)]);
    let mut raw = Raw::connect(rig.listen).await;
    raw.send(&lines(sent)).await;
    let got = raw.rest().await;
    assert!(!got.contains("200 OK"), "{sent:?} was answered {got:?}");
    until("nothing is in flight", || rig.in_flight("c1") == 0).await;
    let seen = String::from_utf8_lossy(&read.lock().unwrap().concat()).replace("\r\n", "|");
    assert!(at_most.starts_with(&seen), "of {sent:?} the app read {seen:?}");
    assert_eq!(fetch(rig.listen, "/next").await.body, "ok", "the next client after {sent:?}");
}

/// What a client gets of an answer that two clients in a row might read differently.
#[tokio::test]
async fn an_answer_with_both_lengths_is_passed_on_with_that_of_its_chunks() {
    for both in [
        "transfer-encoding: chunked|content-length: 3",
        "content-length: 3|transfer-encoding: chunked",
        "content-length: 50|Transfer-Encoding: Chunked",
    ] {
        let rig = Rig::new();
        let app = App::raw(move |mut stream| async move {
            let mut bytes = [0; 4096];
            while let Ok(1..) = stream.read(&mut bytes).await {
                let answer = lines(&format!("HTTP/1.1 200 OK|{both}||5|hello|0||"));
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        })
        .await;
        rig.serve(&[("c1", app.address)]);
        let mut raw = Raw::connect(rig.listen).await;
        for _ in 0..2 {
            raw.send(&lines("GET / HTTP/1.1|host: a||")).await;
            assert_eq!(
                raw.read_until("0\r\n\r\n").await,
                lines("HTTP/1.1 200 OK|transfer-encoding: chunked||5|hello|0||")
            );
        }
    }
}
