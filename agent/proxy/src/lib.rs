//! The data path of one host: owns the apps' published ports and passes each request, or each TCP connection, to one of the
//! containers that serve it. Which those are is replaced at once by [`Proxy::apply`], and nobody who asks notices.
//!
//! ```text
//!  listener ──> http/server ─> http/service ──> http/forward ──> upstream (count, connections)
//!     │            (h1, h2)     (answers of        (one choice       ▲
//!     │                          our own)           per request)     │
//!     └───────> tcp ─────────────────────────────────────────────────┘
//!                        table (who serves what, replaced as a whole) <── control (apply, status, cut)
//! ```
//!
//! *Invariant:* choosing an upstream and being counted as in flight on it is one step: once an upstream is out of its route and
//! its count is 0, nothing starts on it any more, so its container may be stopped.
//! *Invariant:* nothing of a body is kept longer than it takes to pass it on.
//! *Invariant:* a request is sent a second time only where the first can have had no effect that matters (`http/retry.rs`).
//!
//! Deliberately not here: containers, releases, the control socket, the routes' file, X.509. Sockets come through [`Sockets`] and
//! TLS through [`Terminate`], so that both may belong to someone who outlives this process or knows certificates.

mod aside;
mod choose;
mod closing;
mod connect;
mod connections;
mod control;
mod duplex;
mod entry;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod gather;
mod hold;
mod http;
mod keepalive;
mod limits;
mod listener;
mod proxy;
mod route;
mod shared;
mod sockets;
mod status;
mod table;
mod tcp;
mod terminate;
mod upstream;

pub use error::ApplyError;
pub use limits::Limits;
pub use proxy::{Proxy, Shutdown};
pub use route::{Kind, ReadinessRule, Route, Upstream};
pub use sockets::{BoundSockets, Sockets};
pub use status::{RouteStatus, Status, UpstreamStatus};
pub use terminate::{Alpn, BoxFuture, Names, Stream, Terminate, Terminated};
