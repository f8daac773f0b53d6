//! Requests to the ACME server, each on a connection of its own: there are a dozen for one certificate, every few weeks. Not here: what is
//! asked (crate `instant-acme`).

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use evenkeel_certs::WebTls;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use tokio::net::TcpStream;

/// For a whole request and its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of the longest answer that is read: a chain has a few thousand.
const LONGEST: usize = 1024 * 1024;

type AnyError = Box<dyn StdError + Send + Sync>;

/// Asks by HTTPS.
#[derive(Debug)]
pub(super) struct Https {
    tls: WebTls,
}

impl Https {
    /// Of servers that this believes.
    pub(super) fn new(tls: WebTls) -> Self {
        Self { tls }
    }
}

impl HttpClient for Https {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let tls = self.tls.clone();
        Box::pin(async move {
            let answered = tokio::time::timeout(TIMEOUT, exchange(&tls, request)).await;
            let answer = answered.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
            answer.map(BytesResponse::from).map_err(Error::Other)
        })
    }
}

async fn exchange(tls: &WebTls, mut request: Request<BodyWrapper<Bytes>>) -> Result<Response<Full<Bytes>>, AnyError> {
    let uri = std::mem::take(request.uri_mut());
    let (host, authority) = https(&uri).ok_or_else(|| format!("`{uri}` is no https address"))?;
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    request.headers_mut().insert(HOST, HeaderValue::from_str(authority)?);
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(443))).await;
    let stream = stream.map_err(|error| format!("{authority} can't be reached: {error}"))?;
    let stream = tls.connect(host, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut answer = std::pin::pin!(async move {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, LONGEST).collect().await?.to_bytes();
        Ok(Response::from_parts(parts, Full::new(body)))
    });
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // What has arrived before its end may still be read.
        ended = connection => {
            ended?;
            answer.await
        }
    }
}

/// Host, without the brackets of an address, and host with port.
fn https(uri: &Uri) -> Option<(&str, &str)> {
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https"))?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some((bare, uri.authority()?.as_str()))
}
