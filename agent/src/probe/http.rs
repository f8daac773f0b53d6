//! The probe that a GET is answered well. A new connection for each, no redirects followed, no body kept beyond its beginning.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use evenkeel_model::Millis;

use super::{Answer, in_words};

/// So much of the body is kept as evidence, in bytes: enough for an error's first words, too little to fill a report.
const BODY_KEPT: usize = 200;
/// The smallest read buffer that the client allows, in bytes.
const BUFFER: usize = 8192;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("{}", in_words(.0))]
    Connect(#[source] std::io::Error),
    #[error("{}", explain(.0))]
    Exchange(#[source] hyper::Error),
    #[error("the path can't be asked for")]
    Path(#[source] http::Error),
}

pub(super) async fn ask(address: SocketAddr, path: &str, timeout: Duration) -> Answer {
    let request = format!("GET http://{address}{path}");
    match tokio::time::timeout(timeout, exchange(address, path)).await {
        Ok(Ok((status, body))) => {
            let body = if body.is_empty() { body } else { format!(": {body}") };
            let answer = format!("{status}{body}");
            // 2xx and 3xx: a redirect shows that the program serves, and where it leads is not ours to judge.
            let healthy = status.is_success() || status.is_redirection();
            if healthy { Answer::good(request, answer) } else { Answer::bad(request, answer) }
        }
        Ok(Err(no_answer)) => Answer::bad(request, no_answer.to_string()),
        Err(_) => Answer::bad(request, format!("no answer within {}", Millis::from(timeout))),
    }
}

async fn exchange(address: SocketAddr, path: &str) -> Result<(http::StatusCode, String), NoAnswer> {
    let request = Request::get(path)
        .header(http::header::HOST, address.to_string())
        .header(http::header::USER_AGENT, concat!("evenkeel-agent/", env!("CARGO_PKG_VERSION")))
        .header(http::header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(NoAnswer::Path)?;
    let stream = TcpStream::connect(address).await.map_err(NoAnswer::Connect)?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(BUFFER).handshake(TokioIo::new(stream)).await.map_err(NoAnswer::Exchange)?;
    // Driven here and not in a task of its own, so that giving up closes the connection at once.
    let exchange = async {
        let response = sender.send_request(request).await.map_err(NoAnswer::Exchange)?;
        Ok((response.status(), beginning(response).await))
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

/// The first bytes of the body, in one line. A body that breaks off is as much as came.
async fn beginning(response: Response<hyper::body::Incoming>) -> String {
    let mut kept = Vec::new();
    let mut body = response.into_body();
    while kept.len() < BODY_KEPT {
        let Some(Ok(frame)) = body.frame().await else { break };
        if let Some(data) = frame.data_ref() {
            kept.extend_from_slice(&data[..data.len().min(BODY_KEPT - kept.len())]);
        }
    }
    String::from_utf8_lossy(&kept).split_whitespace().collect::<Vec<_>>().join(" ")
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
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Serves one connection with these bytes, and gives back what was asked.
    async fn answer(bytes: &'static str, timeout: Duration) -> (Answer, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 1024];
            let length = stream.read(&mut asked).await.unwrap();
            stream.write_all(bytes.as_bytes()).await.unwrap();
            if bytes.is_empty() {
                // Silent, but open, until the client gives up.
                let _ = stream.read(&mut [0; 1]).await;
            }
            String::from_utf8_lossy(&asked[..length]).into_owned()
        };
        tokio::join!(ask(address, "/healthz", timeout), server)
    }

    #[tokio::test]
    async fn good_statuses_are_healthy_and_bad_ones_are_quoted() {
        let soon = Duration::from_secs(5);
        let (good, asked) = answer("HTTP/1.1 204 No Content\r\n\r\n", soon).await;
        assert!(good.healthy, "{good:?}");
        assert!(asked.starts_with("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:"), "{asked}");

        let (redirect, _) = answer("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", soon).await;
        assert!(redirect.healthy);

        let (bad, _) = answer("HTTP/1.1 503 No\r\ncontent-length: 11\r\n\r\nwarming\n up", soon).await;
        assert_eq!((bad.healthy, bad.evidence.answer.as_str()), (false, "503 Service Unavailable: warming up"));
        assert!(bad.evidence.request.starts_with("GET http://127.0.0.1:"));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_said_in_words() {
        let (closed, _) = answer("HTTP/1.1 20", Duration::from_secs(5)).await;
        assert_eq!(closed.evidence.answer, "the connection was closed before an answer");
        let (silent, _) = answer("", Duration::from_millis(50)).await;
        assert_eq!(silent.evidence.answer, "no answer within 50ms");
        let refused = ask("127.0.0.1:1".parse().unwrap(), "/", Duration::from_secs(5)).await;
        assert_eq!(refused.evidence.answer, "connection refused");
    }

    #[tokio::test]
    async fn an_endless_body_is_cut() {
        let long = Box::leak(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100_000)).into_boxed_str());
        let (good, _) = answer(long, Duration::from_secs(5)).await;
        assert_eq!(good.evidence.answer.len(), "200 OK: ".len() + BODY_KEPT);
    }
}
