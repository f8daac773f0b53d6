//! The server over real sockets on a port the kernel chooses.

use std::io::{Read, Write};
use std::sync::mpsc;

use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::*;
use crate::websocket::{Frame, Opcode};

fn start(mode: &str) -> Server {
    let settings = Settings::read(|name| match name {
        "MODE" => Some(mode.to_owned()),
        "PORT" => Some("0".to_owned()),
        "VERSION" => Some("v7".to_owned()),
        _ => None,
    });
    Server::start(settings.unwrap()).unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn send(mut stream: &TcpStream, path: &str) {
    // In one piece: draining may cut off a head that has only half arrived.
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
}

/// One kept-alive answer: reads until its text has come.
fn read_until(mut stream: &TcpStream, end: &str) -> String {
    let mut answer = String::new();
    let mut buffer = [0; 1024];
    while !answer.ends_with(end) {
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "closed after {answer:?}");
        answer.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    answer
}

fn read_to_the_end(mut stream: &TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_version_is_answered_again_and_again_on_one_connection() {
    let server = start("graceful");
    let stream = connect(&server);
    for _ in 0..3 {
        send(&stream, "/");
        assert!(read_until(&stream, "\r\n\r\nv7\n").starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[test]
fn health_follows_the_mode() {
    for (mode, status) in [("graceful", "200"), ("unready", "503"), ("slow", "503"), ("sick", "200")] {
        let server = start(mode);
        let stream = connect(&server);
        send(&stream, "/healthz");
        assert!(read_until(&stream, "\n").starts_with(&format!("HTTP/1.1 {status} ")), "{mode}");
    }
}

#[test]
fn a_faulty_program_is_healthy_and_counts_its_errors() {
    for (mode, status, errors) in [("graceful", "200", 0), ("faulty", "500", 2)] {
        let server = start(mode);
        let stream = connect(&server);
        for path in ["/", "/slow?ms=1"] {
            send(&stream, path);
            assert!(read_until(&stream, "v7\n").starts_with(&format!("HTTP/1.1 {status} ")), "{mode} {path}");
        }
        send(&stream, "/healthz");
        assert!(read_until(&stream, "healthy\n").starts_with("HTTP/1.1 200 "), "{mode}");
        send(&stream, "/metrics");
        let metrics = read_until(&stream, &format!("\nerrors_total {errors}\n"));
        assert!(metrics.contains("\nrequests_total 2\n"), "{mode}: {metrics}");
    }
}

#[test]
fn draining_ends_what_is_in_flight_and_closes_what_is_idle() {
    let server = start("graceful");
    let idle = connect(&server);
    send(&idle, "/");
    read_until(&idle, "v7\n");
    let busy = connect(&server);
    // Answered once first, so that the request below is being served when the draining begins.
    send(&busy, "/");
    read_until(&busy, "v7\n");
    send(&busy, "/slow?ms=3000");
    let port = server.port;

    let (done, drained) = mpsc::channel();
    let draining = thread::spawn(move || {
        server.drain();
        done.send(()).unwrap();
    });
    assert_eq!(read_to_the_end(&idle), "", "an idle connection is closed without a word");
    let answer = read_to_the_end(&busy);
    assert!(answer.ends_with("\r\n\r\nv7\n"), "the request in flight is answered: {answer:?}");
    assert!(answer.contains("Connection: close"), "and its connection closed politely: {answer:?}");
    drained.recv_timeout(Duration::from_secs(10)).unwrap();
    draining.join().unwrap();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "nobody listens any more");
}

#[test]
fn a_connection_that_never_asks_does_not_hold_up_the_end() {
    let server = start("graceful");
    let silent = connect(&server);
    server.drain();
    assert_eq!(read_to_the_end(&silent), "");
}

#[test]
fn uploads_are_answered_with_length_and_checksum_and_every_answer_says_its_version() {
    let server = start("graceful");
    let mut stream = connect(&server);
    stream.write_all(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nfoobar").unwrap();
    let answer = read_until(&stream, "6 85944171f73967e8\n");
    assert!(answer.contains("X-Version: v7\r\n"), "{answer}");
    send(&stream, "/nowhere");
    assert!(read_until(&stream, "no such path\n").contains("X-Version: v7\r\n"));
}

#[test]
fn websocket_messages_come_back_and_pings_are_answered_until_the_program_ends() {
    let server = start("graceful");
    let mut stream = connect(&server);
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let head = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ";
    stream.write_all(format!("{head}{key}\r\n\r\n").as_bytes()).unwrap();
    let switched = read_until(&stream, "\r\n\r\n");
    assert!(switched.contains(" 101 ") && switched.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{switched}");
    for (sent, back) in [(Opcode::Text, Opcode::Text), (Opcode::Binary, Opcode::Binary), (Opcode::Ping, Opcode::Pong)] {
        stream.write_all(&Frame::new(sent, "hello").encode(Some([1, 2, 3, 4]))).unwrap();
        assert_eq!(read_frame(&stream), Frame::new(back, "hello"));
    }
    server.drain();
    assert_eq!(read_frame(&stream).opcode, Opcode::Close);
}

fn read_frame(mut stream: &TcpStream) -> Frame {
    let mut buffer = Vec::new();
    loop {
        if let Some(frame) = Frame::decode(&mut buffer).unwrap() {
            return frame;
        }
        let mut chunk = [0; 1024];
        let count = stream.read(&mut chunk).unwrap();
        assert_ne!(count, 0, "closed");
        buffer.extend_from_slice(&chunk[..count]);
    }
}

#[test]
fn the_health_service_of_grpc_follows_the_mode() {
    for (mode, status) in [("graceful", 1), ("unready", 2)] {
        let server = start(mode);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (version, body, trailers) = runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).await.unwrap();
            let executor = TokioExecutor::new();
            let (mut sender, connection) = http2::handshake(executor, TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            let request = Request::post("http://x/grpc.health.v1.Health/Check").body(Empty::<Bytes>::new()).unwrap();
            let answer = sender.send_request(request).await.unwrap();
            let version = answer.headers()["x-version"].clone();
            let whole = answer.into_body().collect().await.unwrap();
            let trailers = whole.trailers().cloned().unwrap();
            (version, whole.to_bytes(), trailers)
        });
        assert_eq!((version, &body[..]), ("v7".parse().unwrap(), &[0, 0, 0, 0, 2, 8, status][..]), "{mode}");
        assert_eq!(trailers["grpc-status"], "0");
    }
}
