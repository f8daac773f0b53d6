//! The host's proxy as a process of its own, and the agent's way to it. Traffic depends on no agent: the proxy keeps its routes in a file.
//!
//! ```text
//!  systemd ──(sockets it keeps)── parent ──socketpair── worker (serves)        agent
//!                                   │  all listening       │  routes.json        │
//!                                   │  sockets             └─ proxy.sock ── gRPC ┘
//!                                   └──────socketpair── worker (retiring: finishes what it has, up to `drain_on_upgrade`)
//! ```
//!
//! The *parent* is small and synchronous: it owns the listening sockets and starts workers. A *worker* is the data path (crate
//! `evenkeel-proxy`) with the routes' file and the control socket. A worker that dies is replaced with the same sockets, so nobody is
//! refused; SIGHUP replaces it by the binary on disk, and no request is lost.
//!
//! *Invariant:* one worker at a time leads: it alone writes the file and takes orders. *Invariant:* an order is answered only when it is in
//! the file and every worker that still has connections follows it. Deliberately not here: the engine's socket, the agent's key, ledgers.

mod call;
pub mod client;
mod link;
mod message;
mod parent;
mod start;
mod view;
mod wire;
mod worker;

pub use call::ProxyDown;
pub use start::{ProxyFlags, StartError, run, work};
pub use view::{CertificateView, ContainerView, OwnerView, ProxyView, RouteView, ask};
