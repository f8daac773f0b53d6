//! What every connection and request of one proxy shares. Not here: changing it (`control`).

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Limits;
use crate::connections::Connections;
use crate::table::Table;
use crate::terminate::Terminate;

/// One proxy's shared parts.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Who serves what.
    pub(crate) table: ArcSwap<Table>,
    /// Certificate challenges: token to answer.
    pub(crate) challenges: ArcSwap<BTreeMap<String, String>>,
    /// The bounds.
    pub(crate) limits: Limits,
    /// TLS, if there is any.
    pub(crate) tls: Option<Arc<dyn Terminate>>,
    /// Clients' connections.
    pub(crate) connections: Connections,
    /// Tasks that serve clients.
    pub(crate) tasks: TaskTracker,
    /// The deadline of the shutdown is over: everything ends.
    pub(crate) end: CancellationToken,
    /// Wakes the caller: a draining upstream has nothing in flight any more.
    pub(crate) drained: Arc<watch::Sender<()>>,
}

impl Shared {
    /// Of a proxy without routes.
    pub(crate) fn new(limits: Limits, tls: Option<Arc<dyn Terminate>>) -> Self {
        Self {
            table: ArcSwap::default(),
            challenges: ArcSwap::default(),
            limits,
            tls,
            connections: Connections::new(limits.connections),
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
            drained: Arc::default(),
        }
    }
}
