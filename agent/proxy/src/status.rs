//! What the proxy says of itself. Counts are exact: a drain waits for them. Not here: how they are counted (`upstream`).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Everything, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Status {
    /// By owner, name and port; also routes that were removed while something is still in flight on them.
    pub routes: Vec<RouteStatus>,
    /// Clients' connections that are open, idle ones too.
    pub connections: u64,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStatus {
    /// The app.
    pub owner: String,
    /// The service.
    pub name: String,
    /// The port.
    pub listen: SocketAddr,
    /// Hosts it is for; none for TCP and for "all".
    pub hosts: Vec<String>,
    /// Path it is for; none for TCP.
    pub path: Option<String>,
    /// No longer asked for: only what is in flight keeps it here.
    pub removed: bool,
    /// All its requests wait, because the caller says so.
    pub holding: bool,
    /// Requests and connections that wait for an upstream.
    pub waiting: u64,
    /// Those of the route, and those that left it but still have something in flight.
    pub upstreams: Vec<UpstreamStatus>,
}

/// One upstream of one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamStatus {
    /// The container's id.
    pub id: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its share, 0 for one that left the route.
    pub weight: u32,
    /// Nothing starts on it any more (removed, weight 0, or the route is holding). With `in_flight` 0 it may be stopped.
    pub draining: bool,
    /// Requests, upgraded connections and TCP connections on it now.
    pub in_flight: u64,
    /// All that were ever sent to it, second attempts too.
    pub requests: u64,
    /// Of these, those that got an error for an answer or a broken body because of it.
    pub failed: u64,
}
