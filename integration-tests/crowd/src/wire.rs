//! A connection to the coordinator as an agent has it: TCP, mutual TLS, HTTP/2. Only the client's library is less than the agent's: no balancing, no
//! reconnecting, because ten thousand of those would take the machine from what is measured. Not here: what flows over it.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result};
use evenkeel_certs::ClientTls;
use evenkeel_proto::v1::agent_service_client::AgentServiceClient;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::body::Body;
use tower::Service;

use crate::source::Source;

/// What makes calls. The connection ends with it and the streams that it has begun.
pub(crate) type Client = AgentServiceClient<Http2>;

/// One HTTP/2 connection.
#[derive(Debug, Clone)]
pub(crate) struct Http2(SendRequest<Body>);

impl Service<http::Request<Body>> for Http2 {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// Connects. The caller sets the deadline.
pub(crate) async fn connect(source: Source, coordinator: SocketAddr, tls: &ClientTls) -> Result<Client> {
    let stream = source.connect(coordinator).await.context("no connection")?;
    let stream = tls.connect(stream).await.context("no TLS")?;
    let builder = Builder::new(TokioExecutor::new());
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.context("no HTTP/2")?;
    // Ends by itself when nothing is asked over it any more, and when it breaks; the stream over it hears of that.
    tokio::spawn(connection);
    Ok(AgentServiceClient::with_origin(Http2(sender), http::Uri::from_static("http://coordinator")))
}
