//! Clients: hyper's for what is ordinary, and bare sockets for the exact bytes.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{AnyBody, any};
use crate::rig::soon;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Got {
    pub(crate) async fn all(answer: Response<Incoming>) -> Self {
        let (parts, body) = answer.into_parts();
        let body = soon("the answer's body ends", body.collect()).await.unwrap().to_bytes();
        Self { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    /// The code on an answer of the proxy's own; empty on the app's.
    pub(crate) fn code(&self) -> &str {
        self.header("x-evenkeel-proxy")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A connection that is kept.
pub(crate) enum Client {
    One(http1::SendRequest<AnyBody>),
    Two(http2::SendRequest<AnyBody>),
}

impl Client {
    pub(crate) async fn http1(address: SocketAddr) -> Self {
        let stream = connect(address).await;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        Self::One(sender)
    }

    pub(crate) async fn http2(address: SocketAddr) -> Self {
        let stream = connect(address).await;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::Two(sender)
    }

    /// Takes so much of each answer that it does not read.
    pub(crate) async fn http2_with_window(address: SocketAddr, window: u32) -> Self {
        let stream = connect(address).await;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(window);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::Two(sender)
    }

    /// Sends; the answer may be an error of the connection.
    pub(crate) async fn try_send(&mut self, mut request: Request<AnyBody>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(sender) => {
                if !request.headers().contains_key("host") {
                    request.headers_mut().insert("host", "shop.test".parse().unwrap());
                }
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Two(sender) => {
                *request.uri_mut() = format!("http://shop.test{}", request.uri()).parse().unwrap();
                *request.version_mut() = Version::HTTP_2;
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    pub(crate) async fn send(&mut self, request: Request<AnyBody>) -> Response<Incoming> {
        soon("an answer begins", self.try_send(request)).await.unwrap()
    }

    pub(crate) async fn got(&mut self, request: Request<AnyBody>) -> Got {
        Got::all(self.send(request).await).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Got {
        self.got(get(path)).await
    }
}

pub(crate) fn get(path: &str) -> Request<AnyBody> {
    request("GET", path, Empty::new())
}

pub(crate) fn request<B>(method: &str, path: &str, body: B) -> Request<AnyBody>
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    Request::builder().method(method).uri(path).body(any(body)).unwrap()
}

/// One request on a connection of its own.
pub(crate) async fn fetch(address: SocketAddr, path: &str) -> Got {
    Client::http1(address).await.get(path).await
}

/// A bare connection.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(connect(address).await)
    }

    pub(crate) async fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// All until the other side ends.
    pub(crate) async fn rest(&mut self) -> String {
        let mut read = vec![];
        let _ = soon("the connection ends", self.0.read_to_end(&mut read)).await;
        String::from_utf8_lossy(&read).into_owned()
    }

    /// All until this text, with it.
    pub(crate) async fn read_until(&mut self, text: &str) -> String {
        let mut read = vec![];
        while !String::from_utf8_lossy(&read).ends_with(text) {
            let byte = soon(&format!("{text:?} arrives"), self.0.read_u8()).await;
            match byte {
                Ok(byte) => read.push(byte),
                Err(error) => panic!("{error} instead of {text:?} after {:?}", String::from_utf8_lossy(&read)),
            }
        }
        String::from_utf8_lossy(&read).into_owned()
    }
}
