//! A route as requests see it: its upstreams of a weight above 0, and what outlives a replacement of the table (counts, connections,
//! requests that wait). Not here: when it changes (`control`).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::choose;
use crate::route::{Kind, Route};
use crate::upstream::Live;

/// A route in the table.
#[derive(Debug)]
pub(crate) struct Entry {
    /// As it was asked for.
    pub(crate) route: Route,
    /// What outlives this entry.
    pub(crate) state: Arc<RouteState>,
    /// Who takes requests now; empty while the route is holding.
    pub(crate) choices: Vec<Choice>,
}

/// One upstream that takes requests.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) live: Arc<Live>,
    pub(crate) weight: u32,
}

impl Entry {
    /// The next upstream: the one the cookie names if it serves, else by weight. Those to avoid are chosen by neither.
    pub(crate) fn choose(&self, cookie: Option<&str>, avoid: &[Arc<Live>]) -> Option<&Arc<Live>> {
        let avoided = |live: &Arc<Live>| avoid.iter().any(|other| Arc::ptr_eq(other, live));
        if let Some(tag) = cookie
            && let Some(choice) = self.choices.iter().find(|choice| choice.live.tag == tag && !avoided(&choice.live))
        {
            return Some(&choice.live);
        }
        if let ([only], []) = (self.choices.as_slice(), avoid) {
            return Some(&only.live);
        }
        let tick = self.state.tick.fetch_add(1, Ordering::Relaxed);
        let weights = self.choices.iter().map(|choice| if avoided(&choice.live) { 0 } else { choice.weight });
        choose::by_weight(tick, weights).map(|index| &self.choices[index].live)
    }

    /// The name of the cookie that keeps clients on one upstream.
    pub(crate) fn sticky(&self) -> Option<&str> {
        match &self.route.kind {
            Kind::Http { sticky, .. } => sticky.as_deref(),
            Kind::Tcp => None,
        }
    }
}

/// What makes two routes the same one, before and after a change of who serves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouteKey {
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) listen: SocketAddr,
    pub(crate) hosts: Vec<String>,
    pub(crate) path: Option<String>,
}

impl RouteKey {
    /// Of this route.
    pub(crate) fn of(route: &Route) -> Self {
        let (hosts, path) = match &route.kind {
            Kind::Http { hosts, path, .. } => (hosts.clone(), Some(path.clone())),
            Kind::Tcp => (vec![], None),
        };
        Self { owner: route.owner.clone(), name: route.name.clone(), listen: route.listen, hosts, path }
    }
}

/// What outlives a replacement of the table.
#[derive(Debug, Default)]
pub(crate) struct RouteState {
    /// Requests that wait for an upstream.
    pub(crate) waiting: AtomicU64,
    /// Choices so far.
    tick: AtomicU64,
    /// Wakes those that wait: look again.
    pub(crate) changed: Arc<watch::Sender<()>>,
    /// One of those that wait tries again from time to time whether an upstream accepts, for all of them.
    pub(crate) probed: AtomicBool,
    known: Mutex<Vec<Arc<Live>>>,
}

impl RouteState {
    /// Every upstream that is in the route or has something in flight.
    pub(crate) fn known(&self) -> MutexGuard<'_, Vec<Arc<Live>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
