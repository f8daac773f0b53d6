//! The guard before all rpcs: a tower layer that looks at the path and the connection. Not here: the table (`auth.rs`).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use evenkeel_certs::TimeSource;
use evenkeel_model::FleetName;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::{Access, Caller, Denied, access, admit};
use crate::controller::Handle;
use crate::listen::Link;

/// What the guard goes by.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) fleet: FleetName,
    pub(crate) handle: Handle,
    pub(crate) time: TimeSource,
}

impl Guard {
    /// Who calls, if it may.
    async fn admit(&self, path: &str, link: Option<&Link>) -> Result<Caller, Denied> {
        let access = access(path).ok_or(Denied::Unlisted)?;
        if access == Access::Anyone {
            return Ok(Caller::Anyone);
        }
        let (link, peer) = link.and_then(|link| Some((link, link.peer()?))).ok_or(Denied::NoCertificate)?;
        if !link.is_valid(self.time.now()) {
            return Err(Denied::Expired(*link.valid_until().borrow()));
        }
        if *peer.identity.fleet() != self.fleet {
            return Err(Denied::OtherFleet { fleet: self.fleet.clone(), found: peer.identity.clone() });
        }
        let known = self.handle.identify(&peer.identity, peer.not_after).await?;
        admit(access, &peer.identity, known)
    }
}

/// Puts the guard before a service.
#[derive(Debug, Clone)]
pub(crate) struct GuardLayer(pub(crate) Arc<Guard>);

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, guard: Arc::clone(&self.0) }
    }
}

/// A service behind the guard.
#[derive(Debug, Clone)]
pub(crate) struct Guarded<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S, B> Service<http::Request<B>> for Guarded<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        // The one that said it was ready is used now; its copy has to say so itself.
        let copy = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, copy);
        let guard = Arc::clone(&self.guard);
        Box::pin(async move {
            let link = request.extensions().get::<Arc<Link>>().cloned();
            match guard.admit(request.uri().path(), link.as_deref()).await {
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                    ready.call(request).await
                }
                Err(denied) => {
                    log(request.uri().path(), link.as_deref(), &denied);
                    Ok(Status::from(denied).into_http())
                }
            }
        })
    }
}

fn log(path: &str, link: Option<&Link>, denied: &Denied) {
    let from = link.map(|link| link.remote().to_string());
    let who = link.and_then(Link::identity).map(ToString::to_string);
    tracing::info!(path, from, who, why = %denied, "a call was denied");
}
