//! The handle on a proxy. Not here: what it does (`control` for changes, `http` and `tcp` for traffic).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::control::Control;
use crate::route::{ReadinessRule, Route};
use crate::shared::Shared;
use crate::sockets::Sockets;
use crate::terminate::Terminate;
use crate::{ApplyError, Limits, Status};

/// One host's data path. Clones are the same one; with the last of them everything ends at once.
///
/// Its methods are to be called within the tokio runtime that is to serve; none of them blocks.
#[derive(Debug, Clone)]
pub struct Proxy {
    shared: Arc<Shared>,
    control: Arc<Mutex<Control>>,
}

/// How a shutdown ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    /// Connections that were still open at the deadline, and were closed then. Idle ones are among them.
    pub cut: usize,
}

impl Proxy {
    /// Begins without routes. `tls` is needed only for routes that ask for it.
    pub fn new(sockets: Arc<dyn Sockets>, limits: Limits, tls: Option<Arc<dyn Terminate>>) -> Self {
        let shared = Arc::new(Shared::new(limits, tls));
        Self { control: Arc::new(Mutex::new(Control::new(shared.clone(), sockets))), shared }
    }

    /// Replaces all routes of one owner, at once: a request sees all of it or none. Doing it twice changes nothing. An error has changed
    /// nothing. Ports that no route needs any more are closed; their open connections end in their own time.
    ///
    /// Once it has returned, and [`Proxy::status`] shows an upstream that has left, or that drains, with nothing in flight, nothing starts on
    /// it any more.
    pub fn apply(&self, owner: &str, routes: Vec<Route>) -> Result<(), ApplyError> {
        self.control().apply(owner, routes)
    }

    /// Sets, or with `None` removes, the path on a port that is answered here: for load balancers. Kept while no route is for that port.
    pub fn set_readiness(&self, listen: SocketAddr, rule: Option<ReadinessRule>) {
        self.control().set_readiness(listen, rule);
    }

    /// Replaces the certificate challenges that are answered on every HTTP port, before any route: token to key authorization.
    pub fn set_challenges(&self, challenges: BTreeMap<String, String>) {
        self.shared.challenges.store(Arc::new(challenges));
    }

    /// Everything, now. An upstream that has left its route and has nothing in flight is no longer in it.
    pub fn status(&self) -> Status {
        let routes = self.control().status();
        Status { routes, connections: self.shared.connections.open() as u64 }
    }

    /// Wakes each time the last that was in flight on a draining upstream has ended. Not where nothing was: look at the status first.
    pub fn changed(&self) -> watch::Receiver<()> {
        self.shared.drained.subscribe()
    }

    /// Ends all that is still in flight on an upstream that drains, at once. Says how many that were; 0 too if it does not drain.
    pub fn cut(&self, owner: &str, upstream: &str) -> u64 {
        self.control().cut(owner, upstream)
    }

    /// Ends in favour of another process that has the same sockets: accepts no more, and asks clients to come again (`Connection: close`,
    /// GOAWAY) with the answers they get meanwhile. Returns once no connection is open, or at the deadline, when the rest is closed.
    /// Idle HTTP/1.1 connections are left open until then: closing one would lose a request that is already on its way.
    pub async fn shutdown(&self, deadline: Duration) -> Shutdown {
        let acceptors = self.control().shut();
        acceptors.wait().await;
        tokio::select! {
            biased;
            () = self.shared.connections.none() => {}
            () = sleep(deadline) => {}
        }
        let cut = self.shared.connections.open();
        self.shared.end.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        Shutdown { cut }
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
