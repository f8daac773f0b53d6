//! The whole coordinator over loopback sockets with real TLS, its store in memory. The agents and operators here are bare gRPC
//! clients.

mod certificates;
mod fleet;
mod joining;
mod life;
mod logs;
mod rollouts;
mod sessions;

use fleet::{Fleet, Options};
