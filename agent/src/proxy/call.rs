//! Calls on the proxy's socket, each within a limit of its own. Not here: what is asked (`client`, `view`).

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_proto::v1::proxy_service_client::ProxyServiceClient;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};

/// For one call, repetitions included.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a proxy that does not answer is asked again: a hand-over, or a worker that died, is over by then.
const RETRY: Duration = Duration::from_millis(500);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The proxy does not answer, or refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the host's proxy does not answer on {}: {message}; try `systemctl status evenkeel-proxy`", .socket.display())]
pub struct ProxyDown {
    /// Where it was asked.
    pub socket: PathBuf,
    /// Why, for people.
    pub message: String,
}

/// The way to one proxy. Connects when it is first used, and again whenever the connection is gone.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    socket: PathBuf,
    client: ProxyServiceClient<Channel>,
}

impl Caller {
    /// To the proxy with this socket.
    pub(super) fn new(socket: &Path) -> Self {
        let path = socket.to_owned();
        let connector = tower::service_fn(move |_: http::Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        // The URI is never looked up: the connector knows the socket.
        let channel = Endpoint::from_static("http://proxy").connect_with_connector_lazy(connector);
        Self { socket: socket.to_owned(), client: ProxyServiceClient::new(channel) }
    }

    /// A client for calls that last.
    pub(super) fn client(&self) -> ProxyServiceClient<Channel> {
        self.client.clone()
    }

    /// Calls, and calls again while the proxy hands over. Only for what may be repeated.
    pub(super) async fn call<T, F>(&self, call: impl Fn(ProxyServiceClient<Channel>) -> F) -> Result<T, ProxyDown>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let until = tokio::time::Instant::now() + RETRY;
        let answered = async {
            loop {
                match call(self.client.clone()).await {
                    Ok(answer) => return Ok(answer.into_inner()),
                    Err(status) if passes(&status) && tokio::time::Instant::now() < until => {
                        tokio::time::sleep(PAUSE).await;
                    }
                    Err(status) => return Err(self.down(&describe(&status))),
                }
            }
        };
        let late = || self.down(&format!("it did not answer within {}", evenkeel_model::Millis::from(TIMEOUT)));
        tokio::time::timeout(TIMEOUT, answered).await.unwrap_or_else(|_| Err(late()))
    }

    fn down(&self, message: &str) -> ProxyDown {
        ProxyDown { socket: self.socket.clone(), message: message.to_owned() }
    }
}

/// Whether it may be another process that answers next: the connection broke, or could not be made.
fn passes(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Cancelled) || std::error::Error::source(status).is_some()
}

/// What a status says, for people: of a connection that failed the reason is the innermost.
pub(super) fn describe(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}
