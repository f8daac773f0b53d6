//! Streams of gRPC, both ways at once, over HTTP/2 with prior knowledge: each message must come back, and each stream must end with its
//! status in the trailers.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HeaderValue, TE};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::Instant;

use super::Task;
use crate::connection::{answer, connect};
use crate::failure::{Failure, Kind as Loss};

const PATH: &str = "/evenkeel.test.Echo/Stream";
/// After so many a stream is ended, and its status read.
const MESSAGES: u64 = 100;

type Body = Channel<Bytes, Infallible>;

pub(super) async fn work(task: Task) {
    let Task { target, number, mut schedule, recorder, .. } = task;
    let mut connection: Option<SendRequest<Body>> = None;
    let mut open: Option<Stream> = None;
    let mut count = 0_u64;
    while let Some(late) = schedule.due().await {
        recorder.late(late);
        count += 1;
        let sent = Instant::now();
        let message = framed(&format!("{number}/{count:012}"));
        let end = async {
            let mut stream = match open.take() {
                Some(stream) => stream,
                None => Stream::open(target, &mut connection).await?,
            };
            stream.exchange(message).await?;
            let label = stream.version.clone();
            if count.is_multiple_of(MESSAGES) {
                stream.end().await?;
            } else {
                open = Some(stream);
            }
            Ok(label)
        };
        let end = end.await;
        if end.is_err() {
            connection = None;
        }
        recorder.ended(sent, end);
    }
    if let Some(stream) = open {
        // What it says at the very end belongs to no message, but a wrong status must not pass.
        let sent = Instant::now();
        if let Err(failure) = stream.end().await {
            recorder.ended(sent, Err(failure));
        }
    }
}

/// A stream in both directions.
#[derive(Debug)]
struct Stream {
    requests: Sender<Bytes, Infallible>,
    answers: Incoming,
    buffer: Vec<u8>,
    version: String,
}

impl Stream {
    /// Opens a stream on the connection that is there, or on a new one where that takes no more streams.
    async fn open(target: SocketAddr, connection: &mut Option<SendRequest<Body>>) -> Result<Self, Failure> {
        let open = match connection.take() {
            Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
            None => None,
        };
        let mut sender = match open {
            Some(sender) => sender,
            None => handshake(target).await?,
        };
        let (requests, body) = Body::new(1);
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = format!("http://{target}{PATH}").parse().unwrap_or_default();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
        let response = answer("the answer", sender.send_request(request)).await?;
        let response = response.map_err(|error| Failure::before_answer(&error))?;
        let (head, answers) = response.into_parts();
        if head.status != StatusCode::OK {
            return Err(Failure::new(Loss::BadStatus, head.status.to_string()));
        }
        *connection = Some(sender);
        let version =
            head.headers.get("x-version").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Self { requests, answers, buffer: Vec::new(), version })
    }

    async fn exchange(&mut self, message: Bytes) -> Result<(), Failure> {
        if self.requests.send(Frame::data(message.clone())).await.is_err() {
            return Err(Failure::new(Loss::MidBody, "the stream takes no more messages"));
        }
        while self.buffer.len() < message.len() {
            let Some(frame) = self.next().await? else {
                return Err(Failure::new(Loss::MidBody, "the stream ended before the message came back"));
            };
            self.buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        }
        if self.buffer != message {
            return Err(Failure::new(Loss::WrongBody, "another message came back"));
        }
        self.buffer.clear();
        Ok(())
    }

    /// Says that nothing more comes, and reads the status.
    async fn end(mut self) -> Result<(), Failure> {
        drop(std::mem::replace(&mut self.requests, Body::new(1).0));
        let mut status = None;
        while let Some(frame) = self.next().await? {
            if let Ok(trailers) = frame.into_trailers() {
                status = trailers.get("grpc-status").and_then(|value| Some(value.to_str().ok()?.to_owned()));
            }
        }
        match status.as_deref() {
            Some("0") => Ok(()),
            other => Err(Failure::new(Loss::BadStatus, format!("grpc-status {other:?} at the stream's end"))),
        }
    }

    async fn next(&mut self) -> Result<Option<Frame<Bytes>>, Failure> {
        let frame = answer("the stream's next frame", self.answers.frame()).await?;
        frame.transpose().map_err(|error| Failure::in_body(&error))
    }
}

async fn handshake(target: SocketAddr) -> Result<SendRequest<Body>, Failure> {
    let stream = TokioIo::new(connect(target).await?);
    let shaken = http2::handshake(TokioExecutor::new(), stream).await;
    let (sender, connection) = shaken.map_err(|error| Failure::before_answer(&error))?;
    // Ends with its last stream; its errors reach whoever waits for a frame.
    tokio::spawn(connection);
    Ok(sender)
}

/// A message as gRPC sends it: not compressed, its length, itself.
fn framed(message: &str) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or_default();
    [&[0][..], &length.to_be_bytes(), message.as_bytes()].concat().into()
}
