//! The HTTP data path. One file for each thing that happens to a request. Not here: TCP routes, listeners.

mod answer;
mod body;
mod client;
mod forward;
mod headers;
mod pace;
mod redirect;
mod retry;
mod scan;
mod send;
mod server;
mod service;
mod upgrade;
mod upload;
mod wire;

pub(crate) use body::ClientBody;
pub(crate) use client::Client;
pub(crate) use server::serve;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use probing::{headers as header_checks, scan_bytes};

/// What must hold of what is read here; see [`crate::fuzzing`].
#[cfg(any(test, feature = "fuzzing"))]
mod probing;
