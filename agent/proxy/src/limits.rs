//! What one client, or all of them together, may take. Not here: where each is enforced.

use evenkeel_model::Millis;

/// The bounds. A duration of 0 means: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Clients' connections in all. Beyond it accepting pauses (clients queue in the kernel) and goes on when one ends. Each
    /// listener but one may exceed it by one. No port has more than three quarters of it.
    pub connections: usize,
    /// Bytes of a request's head; beyond it 431. At least 8192, which is the smallest buffer hyper takes.
    pub head_bytes: usize,
    /// Header fields of a request; beyond it 431. 100 is what hyper parses on the stack; more costs two allocations for each request.
    pub headers: usize,
    /// From the first byte of a request's head to its last; beyond it 408. Also the time for a TLS handshake.
    pub head: Millis,
    /// How long a connection may be open without a request. Over HTTP/2 it is asked to end then, and is closed after as long again.
    pub idle: Millis,
    /// HTTP/2: streams of one connection at once.
    pub streams: u32,
    /// HTTP/2: how often an open connection is pinged. A connection that does not answer for as long again is closed.
    pub ping: Millis,
    /// How long a client may take nothing of an answer, before its connection is closed; over HTTP/2, if only that stream makes no room,
    /// before the stream is reset.
    pub write_stall: Millis,
    /// How long a client may send nothing of a request's body while the upstream waits for it and has not begun to answer; beyond it 408.
    /// Not for gRPC over HTTP/2, whose calls may be silent for hours.
    pub read_stall: Millis,
    /// One attempt to connect to an upstream.
    pub connect: Millis,
    /// How often an upstream that refuses is tried again while requests wait for it.
    pub retry: Millis,
    /// From the moment a request is given to a connection of an upstream (it may have been held before, and may be sent a second time) to
    /// the head of the answer; beyond it 504. None: a long poll is not an error.
    pub answer: Millis,
    /// Requests that wait for an upstream, per route; beyond it 503 at once. Well below what one port may have of `connections`: over
    /// HTTP/1.1 each that waits has a connection.
    pub waiting: u64,
    /// How long a connection to an upstream is kept for the next request: less than the 5 s after which many servers close theirs. Some
    /// close sooner (gunicorn after 2 s): what is lost by that is sent again where that is safe.
    pub upstream_idle: Millis,
}

const CONNECTIONS: usize = 8192;

impl Limits {
    /// How many requests of one route may wait where nobody says: a quarter of the connections.
    pub const fn waiting_for(connections: usize) -> u64 {
        connections as u64 / 4
    }

    /// How many of all connections one port may have: three quarters.
    pub const fn of_one_port(connections: usize) -> usize {
        connections - connections / 4
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS,
            head_bytes: 64 * 1024,
            headers: 100,
            head: Millis::seconds(10),
            idle: Millis::seconds(75),
            streams: 256,
            ping: Millis::seconds(30),
            write_stall: Millis::seconds(60),
            read_stall: Millis::seconds(60),
            connect: Millis::seconds(5),
            retry: Millis(100),
            answer: Millis(0),
            waiting: Self::waiting_for(CONNECTIONS),
            upstream_idle: Millis::seconds(4),
        }
    }
}

/// Waits for a result, at most for a limit; none if it took longer. Without a limit no timer is set.
pub(crate) async fn limited<F: Future>(limit: Millis, future: F) -> Option<F::Output> {
    if limit.0 == 0 {
        return Some(future.await);
    }
    tokio::time::timeout(limit.to_std(), future).await.ok()
}

/// A limit as a duration: 0 is as good as forever.
pub(crate) fn within(limit: Millis) -> std::time::Duration {
    /// Longer than any process lives, and far from what timers cannot hold.
    const FOREVER: Millis = Millis::seconds(365 * 24 * 3600);
    if limit.0 == 0 { FOREVER.to_std() } else { limit.to_std() }
}
