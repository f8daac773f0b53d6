//! Apps: HTTP servers made of a closure, and bare sockets for what no HTTP library would do.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet};

pub(crate) type AnyBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;
type Answer = Pin<Box<dyn Future<Output = Response<AnyBody>> + Send>>;

/// A container, as the proxy sees one. Killed when it is dropped.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    task: AbortHandle,
}

impl App {
    /// HTTP/1.1.
    pub(crate) async fn http1<F, R>(handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<AnyBody>> + Send + 'static,
    {
        let handler = boxed(handler);
        Self::raw(move |stream| {
            let handler = handler.clone();
            async move {
                let service = service_fn(move |request| infallible(handler(request)));
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
            }
        })
        .await
    }

    /// HTTP/2.
    pub(crate) async fn http2<F, R>(handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<AnyBody>> + Send + 'static,
    {
        let handler = boxed(handler);
        Self::raw(move |stream| {
            let handler = handler.clone();
            async move {
                let service = service_fn(move |request| infallible(handler(request)));
                let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await
    }

    /// Answers everything with a body that the test feeds: one sender comes out for each request.
    pub(crate) async fn fed() -> (Self, UnboundedReceiver<Sender<Bytes>>) {
        let (bodies, receiver) = unbounded_channel();
        let app = Self::http1(move |_| {
            let (body, channel) = Channel::new(1);
            bodies.send(body).unwrap();
            async move { Response::new(any(channel)) }
        });
        (app.await, receiver)
    }

    /// Answers everything with its name.
    pub(crate) async fn named(name: &'static str) -> Self {
        Self::http1(move |_| async move { text(name) }).await
    }

    /// Answers everything `served`, and tells whenever a connection has ended.
    pub(crate) async fn telling_ends(is_http2: bool) -> (Self, UnboundedReceiver<()>) {
        let (ended, ends) = unbounded_channel();
        let app = Self::raw(move |stream| {
            let ended = ended.clone();
            let service = service_fn(|_| async { Ok::<_, Infallible>(text("served")) });
            async move {
                let stream = TokioIo::new(stream);
                if is_http2 {
                    let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await;
                } else {
                    let _ = http1::Builder::new().serve_connection(stream, service).await;
                }
                ended.send(()).unwrap();
            }
        });
        (app.await, ends)
    }

    /// Whatever a closure does with each connection.
    pub(crate) async fn raw<F, R>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), serve)
    }

    /// The same on a socket that is at hand.
    pub(crate) fn on<F, R>(listener: TcpListener, serve: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // Nagle's algorithm on our side would make every exchange wait 40 ms for the other's acknowledgement.
                stream.set_nodelay(true).unwrap();
                connections.spawn(serve(stream));
            }
        });
        Self { address, task: task.abort_handle() }
    }

    /// As `kill -9`: its sockets close at once, whatever is on them.
    pub(crate) fn kill(&self) {
        self.task.abort();
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.kill();
    }
}

fn boxed<F, R>(handler: F) -> Arc<dyn Fn(Request<Incoming>) -> Answer + Send + Sync>
where
    F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<AnyBody>> + Send + 'static,
{
    Arc::new(move |request| Box::pin(handler(request)))
}

async fn infallible(answer: Answer) -> Result<Response<AnyBody>, Infallible> {
    Ok(answer.await)
}

/// A body of any kind as this one kind.
pub(crate) fn any<B>(body: B) -> AnyBody
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    body.map_err(Into::into).boxed_unsync()
}

pub(crate) fn text(text: impl Into<Bytes>) -> Response<AnyBody> {
    Response::new(any(Full::new(text.into())))
}
