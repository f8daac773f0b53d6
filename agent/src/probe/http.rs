//! The probe that a request is answered well. A new connection for each, no redirects followed, no body kept beyond its beginning.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use evenkeel_model::{HttpProbe, Millis, Probe};

use self::body::Body;
use super::{Answer, in_words, question};

mod body;

/// The smallest read buffer that the client allows, in bytes.
const BUFFER: usize = 8192;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("{}", in_words(.0))]
    Connect(#[source] std::io::Error),
    #[error("{}", explain(.0))]
    Exchange(#[source] hyper::Error),
    #[error("this can't be asked: {0}")]
    Request(#[source] http::Error),
}

/// Asks once. Where nothing is to be found in the body, the head alone decides: an answer that streams for ever is an answer.
pub(super) async fn ask(address: IpAddr, probe: &HttpProbe, timeout: Duration) -> Answer {
    let until = Instant::now() + timeout;
    let request = question(&Probe::Http(probe.clone()), address);
    match tokio::time::timeout_at(until, exchange(SocketAddr::new(address, probe.port), probe, until)).await {
        Ok(Ok(said)) if said.healthy => Answer::good(request, said.answer),
        Ok(Ok(said)) => Answer::bad(request, said.answer),
        Ok(Err(no_answer)) => Answer::bad(request, no_answer.to_string()),
        Err(_) => Answer::bad(request, format!("no answer within {}", Millis::from(timeout))),
    }
}

/// What was answered.
struct Said {
    healthy: bool,
    answer: String,
}

async fn exchange(address: SocketAddr, probe: &HttpProbe, until: Instant) -> Result<Said, NoAnswer> {
    let request = request(address, probe)?;
    let stream = TcpStream::connect(address).await.map_err(NoAnswer::Connect)?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(BUFFER).handshake(TokioIo::new(stream)).await.map_err(NoAnswer::Exchange)?;
    // Driven here and not in a task of its own, so that giving up closes the connection at once.
    let exchange = async {
        let response = sender.send_request(request).await.map_err(NoAnswer::Exchange)?;
        let status = response.status();
        let good = (probe.status_from..=probe.status_to).contains(&status.as_u16());
        Ok(match &probe.body {
            // Nothing that may be in the body could change it.
            None if good => Said { healthy: true, answer: status.to_string() },
            Some(wanted) if good => {
                let body = Body::until_found(response.into_body(), wanted, until).await;
                let (healthy, found) = body.verdict(wanted);
                Said { healthy, answer: format!("{status}, {found}") }
            }
            _ => {
                let beginning = Body::beginning(response.into_body(), until).await.excerpt();
                let colon = if beginning.is_empty() { "" } else { ": " };
                Said { healthy: false, answer: format!("{status}{colon}{beginning}") }
            }
        })
    };
    let driver = async {
        // Its error is also the exchange's, which says more.
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        answer = exchange => answer,
        () = driver => unreachable!("the driver never ends by itself"),
    }
}

fn request(address: SocketAddr, probe: &HttpProbe) -> Result<Request<Empty<Bytes>>, NoAnswer> {
    use http::header::{CONNECTION, HOST, USER_AGENT};
    let has = |name: &http::HeaderName| probe.headers.keys().any(|header| header == name.as_str());
    let ours = [
        (HOST, address.to_string()),
        (USER_AGENT, concat!("evenkeel-agent/", env!("CARGO_PKG_VERSION")).to_owned()),
        (CONNECTION, "close".to_owned()),
    ];
    let mut request = Request::builder().method(probe.method.as_str()).uri(probe.path.as_str());
    for (name, value) in ours.iter().filter(|(name, _)| !has(name)) {
        request = request.header(name, value);
    }
    for (name, value) in &probe.headers {
        request = request.header(name, value);
    }
    request.body(Empty::new()).map_err(NoAnswer::Request)
}

fn explain(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        return "the connection was closed before an answer".to_owned();
    }
    if error.is_parse() {
        return "the answer is not HTTP/1".to_owned();
    }
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    cause.map_or_else(|| error.to_string(), in_words)
}

#[cfg(test)]
mod tests;
