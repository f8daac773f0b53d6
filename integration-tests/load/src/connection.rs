//! Connections: TCP, and HTTP/1.1 over it, without any retry.
//!
//! A request that found its kept-alive connection ended, before a byte of it was sent, is sent on a new one: every load balancer does
//! that, and nothing was lost. A request of which a byte was sent is never sent again.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::{Failure, Kind};
use crate::payload::Payload;
use crate::record::Recorder;

/// For a connection to be accepted, as an Application Load Balancer has it.
const CONNECT: Duration = Duration::from_secs(10);
/// For the head of an answer, and for each further piece of it; the same load balancer's idle timeout.
const ANSWER: Duration = Duration::from_mins(1);

/// Opens a connection.
pub(crate) async fn connect(target: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = in_time(CONNECT, "connecting", TcpStream::connect(target)).await?;
    let stream = stream.map_err(|error| Failure::before_answer(&error))?;
    stream.set_nodelay(true).map_err(|error| Failure::before_answer(&error))?;
    Ok(stream)
}

/// Waits for an answer, or a piece of it, no longer than a load balancer would.
pub(crate) async fn answer<T>(what: &str, future: impl Future<Output = T>) -> Result<T, Failure> {
    in_time(ANSWER, what, future).await
}

async fn in_time<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> Result<T, Failure> {
    let late = |_| Failure::new(Kind::Timeout, format!("{what} took longer than {} s", limit.as_secs()));
    timeout(limit, future).await.map_err(late)
}

/// Whether the other side has ended a connection on which nothing is under way.
pub(crate) fn has_ended(stream: &TcpStream) -> bool {
    !matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// One slot of a client that speaks HTTP/1.1: a connection, opened when it is needed.
#[derive(Debug)]
pub(crate) struct Slot {
    target: SocketAddr,
    recorder: Recorder,
    sender: Option<SendRequest<Payload>>,
}

impl Slot {
    pub(crate) fn new(target: SocketAddr, recorder: Recorder) -> Self {
        Self { target, recorder, sender: None }
    }

    /// Ends the connection, if one is open.
    pub(crate) fn close(&mut self) {
        self.sender = None;
    }

    /// Sends a request, and returns the head of its answer. After a failure the next request has a new connection.
    pub(crate) async fn send(&mut self, request: Request<Payload>) -> Result<Response<Incoming>, Failure> {
        let Some(mut sender) = self.ready().await else { return self.send_on_new(request).await };
        match answer("the answer", sender.try_send_request(request)).await? {
            Ok(response) => {
                self.sender = Some(sender);
                Ok(response)
            }
            Err(mut error) => match error.take_message() {
                // Its bytes are still here: none was sent.
                Some(request) => {
                    self.recorder.reconnected();
                    self.send_on_new(request).await
                }
                None => Err(Failure::before_answer(error.error())),
            },
        }
    }

    /// The open connection, if it has not ended meanwhile.
    async fn ready(&mut self) -> Option<SendRequest<Payload>> {
        let mut sender = self.sender.take()?;
        if sender.ready().await.is_err() {
            self.recorder.reconnected();
            return None;
        }
        Some(sender)
    }

    async fn send_on_new(&mut self, request: Request<Payload>) -> Result<Response<Incoming>, Failure> {
        let stream = TokioIo::new(connect(self.target).await?);
        let (mut sender, connection) =
            http1::handshake(stream).await.map_err(|error| Failure::before_answer(&error))?;
        // Ends when both the sender and the answer are gone; its errors reach whoever waits for the answer.
        tokio::spawn(connection);
        let sent = answer("the answer", sender.send_request(request)).await?;
        let response = sent.map_err(|error| Failure::before_answer(&error))?;
        self.sender = Some(sender);
        Ok(response)
    }
}

/// Reads a body to its end, giving each piece to `take`.
pub(crate) async fn read(body: &mut Incoming, mut take: impl FnMut(&Bytes)) -> Result<(), Failure> {
    while let Some(frame) = answer("the answer's body", body.frame()).await.map_err(mid_body)? {
        let frame = frame.map_err(|error| Failure::in_body(&error))?;
        frame.data_ref().into_iter().for_each(&mut take);
    }
    Ok(())
}

/// The answer had begun.
fn mid_body(failure: Failure) -> Failure {
    Failure { kind: Kind::MidBody, ..failure }
}
