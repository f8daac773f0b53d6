//! The kinds of clients: what one connection of each does, again and again.

mod grpc;
mod messages;
mod requests;

use std::net::SocketAddr;

use crate::plan::{Client, Kind};
use crate::record::Recorder;
use crate::schedule::Schedule;

/// One connection's work.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) target: SocketAddr,
    pub(crate) client: Client,
    /// Which of the client's connections it is, from zero.
    pub(crate) number: u32,
    pub(crate) schedule: Schedule,
    pub(crate) recorder: Recorder,
}

/// Works until the schedule ends.
pub(crate) async fn work(task: Task) {
    match task.client.kind {
        Kind::WebSocket | Kind::Tcp => messages::work(task).await,
        Kind::Grpc => grpc::work(task).await,
        _ => requests::work(task).await,
    }
}
