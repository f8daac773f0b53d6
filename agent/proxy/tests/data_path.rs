//! The data path with real sockets on loopback: clients and apps are small programs of the tests, the proxy is the real one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "data_path/app.rs"]
mod app;
#[path = "data_path/bodies.rs"]
mod bodies;
#[path = "data_path/client.rs"]
mod client;
#[path = "data_path/conversation.rs"]
mod conversation;
#[path = "data_path/crowd.rs"]
mod crowd;
#[path = "data_path/drain.rs"]
mod drain;
#[path = "data_path/frames.rs"]
mod frames;
#[path = "data_path/goaway.rs"]
mod goaway;
#[path = "data_path/handover.rs"]
mod handover;
#[path = "data_path/headers.rs"]
mod headers;
#[path = "data_path/hold.rs"]
mod hold;
#[path = "data_path/hostile.rs"]
mod hostile;
#[path = "data_path/http2.rs"]
mod http2;
#[path = "data_path/limits.rs"]
mod limits;
#[path = "data_path/messages.rs"]
mod messages;
#[path = "data_path/own_answers.rs"]
mod own_answers;
#[path = "data_path/ports.rs"]
mod ports;
#[path = "data_path/retry.rs"]
mod retry;
#[path = "data_path/rig.rs"]
mod rig;
#[path = "data_path/shares.rs"]
mod shares;
#[path = "data_path/stalls.rs"]
mod stalls;
#[path = "data_path/switch.rs"]
mod switch;
#[path = "data_path/tcp.rs"]
mod tcp;
#[path = "data_path/upgrade.rs"]
mod upgrade;
