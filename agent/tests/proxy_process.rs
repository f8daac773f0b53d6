//! The proxy as real processes on loopback: workers that are killed, hand-overs, restarts, each with traffic on it.
//! Not here: the data path itself (crate `evenkeel-proxy`), systemd (its store of files is played by a test).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "proxy_process/acme.rs"]
mod acme;
#[path = "proxy_process/acme_server.rs"]
mod acme_server;
#[path = "proxy_process/agent.rs"]
mod agent;
#[path = "proxy_process/authority.rs"]
mod authority;
#[path = "proxy_process/faults.rs"]
mod faults;
#[path = "proxy_process/flood.rs"]
mod flood;
#[path = "proxy_process/handover.rs"]
mod handover;
#[path = "proxy_process/https.rs"]
mod https;
#[path = "proxy_process/orders.rs"]
mod orders;
#[path = "proxy_process/restarts.rs"]
mod restarts;
#[path = "proxy_process/rig.rs"]
mod rig;
#[path = "proxy_process/tls_files.rs"]
mod tls_files;
#[path = "proxy_process/upstream.rs"]
mod upstream;
