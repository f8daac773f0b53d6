//! The probe that the standard health service of gRPC says `SERVING` (`grpc.health.v1.Health/Check`, without TLS). A new connection each time.
//!
//! Its two messages have one field each, so they are written here and not generated.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};

use evenkeel_model::{Millis, Probe};

use super::{Answer, in_words, question};

const METHOD: &str = "/grpc.health.v1.Health/Check";

/// `HealthCheckRequest`.
#[derive(Clone, PartialEq, Eq, Message)]
struct Check {
    #[prost(string, tag = "1")]
    service: String,
}

/// `HealthCheckResponse`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Checked {
    #[prost(enumeration = "Health", tag = "1")]
    status: i32,
}

/// `HealthCheckResponse.ServingStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
enum Health {
    Unknown = 0,
    Good = 1,
    Bad = 2,
    NoSuchService = 3,
}

pub(super) async fn ask(address: SocketAddr, service: &str, timeout: Duration) -> Answer {
    let probe = Probe::Grpc { port: address.port(), service: service.to_owned() };
    let request = question(&probe, address.ip());
    match tokio::time::timeout(timeout, check(address, service)).await {
        Ok(Ok(Health::Good)) => Answer::good(request, word(Health::Good)),
        Ok(Ok(other)) => Answer::bad(request, word(other)),
        Ok(Err(status)) => Answer::bad(request, explain(&status)),
        Err(_) => Answer::bad(request, format!("no answer within {}", Millis::from(timeout))),
    }
}

async fn check(address: SocketAddr, service: &str) -> Result<Health, Status> {
    let endpoint =
        Endpoint::from_shared(format!("http://{address}")).map_err(|error| Status::from_error(error.into()))?;
    let channel = endpoint.connect().await.map_err(|error| Status::from_error(error.into()))?;
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let request = Request::new(Check { service: service.to_owned() });
    let answer = client.unary(request, PathAndQuery::from_static(METHOD), Messages::<Check, Checked>::new()).await?;
    Ok(answer.into_inner().status())
}

/// The name in the standard, which people search for.
fn word(health: Health) -> &'static str {
    match health {
        Health::Unknown => "UNKNOWN",
        Health::Good => "SERVING",
        Health::Bad => "NOT_SERVING",
        Health::NoSuchService => "SERVICE_UNKNOWN",
    }
}

fn explain(status: &Status) -> String {
    match status.code() {
        Code::Unimplemented => "the server has no health service (grpc.health.v1.Health)".to_owned(),
        Code::NotFound => format!("the health service does not know this service: {}", status.message()),
        code => cause(status).unwrap_or_else(|| format!("{code:?}: {}", status.message())),
    }
}

/// What the network said, below all that was wrapped around it.
fn cause(status: &Status) -> Option<String> {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return Some(in_words(error));
        }
        source = error.source();
    }
    None
}

/// Messages of type `E` out, of type `D` in.
#[derive(Debug, Clone, Copy)]
struct Messages<E, D>(PhantomData<fn(E) -> D>);

impl<E, D> Messages<E, D> {
    fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E: Message + 'static, D: Message + Default + 'static> Codec for Messages<E, D> {
    type Encode = E;
    type Decode = D;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::new()
    }

    fn decoder(&mut self) -> Self {
        Self::new()
    }
}

impl<E: Message, D> Encoder for Messages<E, D> {
    type Item = E;
    type Error = Status;

    fn encode(&mut self, message: E, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl<E, D: Message + Default> Decoder for Messages<E, D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        D::decode(buffer).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
