//! `/healthz`, for load balancers and watchdogs: 200 and `ok` when controller and store answer, else 503. On loopback, without
//! TLS. Not here: metrics.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::controller::Handle;
use crate::listen::{Io, Listener};
use crate::store::Store;

/// Connections at the same time: those who watch are few.
const CONNECTIONS: usize = 32;
/// How long one connection may last, whatever it does.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(30);
/// How long controller and store may take to answer: a store that is this slow is of no use.
const ANSWER: Duration = Duration::from_secs(2);
/// After an accept that failed.
const PAUSE: Duration = Duration::from_millis(200);

/// What is asked about.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) store: Arc<dyn Store>,
    pub(super) handle: Handle,
}

impl Health {
    /// Answers without end. Each connection is a task.
    pub(super) async fn answer(self, listener: Box<dyn Listener>, tasks: TaskTracker) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
            let Ok((io, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let health = self.clone();
            tasks.spawn(async move {
                // An error is the client's: it went away, or speaks no HTTP.
                let _ = tokio::time::timeout(CONNECTION_LIFETIME, health.converse(io)).await;
                drop(place);
            });
        }
    }

    async fn converse(self, io: Box<dyn Io>) -> Result<(), hyper::Error> {
        let service = service_fn(move |request| {
            let health = self.clone();
            async move { Ok::<_, Infallible>(health.respond(&request).await) }
        });
        // One question each: no connection outlives its answer, so nobody has to be waited for at the end.
        http1::Builder::new()
            .keep_alive(false)
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(io), service)
            .await
    }

    async fn respond(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, text) = match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/healthz") => match tokio::time::timeout(ANSWER, self.ask()).await {
                Ok(Ok(())) => (StatusCode::OK, "ok\n"),
                Ok(Err(what)) => (StatusCode::SERVICE_UNAVAILABLE, what),
                Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the coordinator or its store is too slow\n"),
            },
            (_, "/healthz") => (StatusCode::METHOD_NOT_ALLOWED, "use GET\n"),
            _ => (StatusCode::NOT_FOUND, "there is nothing here but /healthz\n"),
        };
        let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
        *response.status_mut() = status;
        response
    }

    async fn ask(&self) -> Result<(), &'static str> {
        self.handle.operators().await.map_err(|_| "the coordinator does not answer\n")?;
        // Nothing is written; but the store has to be there for that.
        self.store.apply(&[]).await.map_err(|_| "the store does not answer\n")
    }
}
