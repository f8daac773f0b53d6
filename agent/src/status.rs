//! What the agent tells its own machine: a unix socket that answers with one JSON document, and systemd's status line.
//! Not here: any way to command the agent. The socket only answers.

mod client;
mod proxy;
mod systemd;

use std::collections::BTreeMap;
use std::path::PathBuf;

use evenkeel_model::{AppKey, AppReport, HostId, RefusedAssignment};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use crate::contact::{Contact, Line};
use crate::proxy::ProxyView;
use crate::reports::{AppState, Reports};
use crate::ticker::Ticker;

pub use client::{StatusError, ask, render};

/// A bound status socket; the file goes with it.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Binds it. A file left by an agent that was killed is replaced; that no other agent runs is the caller's to know.
    pub fn bind(path: PathBuf) -> std::io::Result<Self> {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self { listener: UnixListener::bind(&path)?, path })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Without it nothing is wrong: the next agent replaces it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What the socket answers: stable names, for scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// The host.
    pub host: HostId,
    /// The agent's version.
    pub version: String,
    /// Whether a stream to a coordinator is open.
    pub connected: bool,
    /// Since how many milliseconds no coordinator has been heard; absent: never since this process began.
    pub silent_ms: Option<u64>,
    /// The highest epoch ever heard.
    pub epoch: u64,
    /// Why there is no stream.
    pub trouble: Option<String>,
    /// What it reports of each app.
    pub apps: Vec<AppReport>,
    /// Assignments that it does not accept.
    pub refused: Vec<RefusedAssignment>,
    /// The host's proxy, asked by whoever asks the agent; absent in the agent's own answer.
    #[serde(default)]
    pub proxy: Option<ProxyView>,
}

/// Answers and tells until told to stop.
pub(crate) async fn keep_status(
    host: HostId,
    socket: Option<Socket>,
    reports: Reports,
    contact: Contact,
    ticker: Ticker,
    stop: CancellationToken,
) {
    let mut apps = reports.subscribe();
    let mut line = contact.subscribe();
    let mut told = String::new();
    systemd::ready();
    loop {
        let text = one_line(&line.borrow_and_update(), &apps.borrow_and_update());
        if text != told {
            systemd::status(&text);
            told = text;
        }
        let accept = async {
            match &socket {
                Some(socket) => socket.listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept => {
                let Ok((mut stream, _)) = accepted else { continue };
                let status = status(&host, &line.borrow(), &apps.borrow(), ticker);
                let text = serde_json::to_vec_pretty(&status).expect("plain data has a JSON form");
                // A reader that goes away early has had what it wanted.
                let _ = tokio::time::timeout(std::time::Duration::from_secs(1), stream.write_all(&text)).await;
            }
            Ok(()) = apps.changed() => {}
            Ok(()) = line.changed() => {}
        }
    }
    systemd::stopping();
}

fn status(host: &HostId, line: &Line, apps: &BTreeMap<AppKey, AppState>, ticker: Ticker) -> AgentStatus {
    AgentStatus {
        host: host.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        connected: line.connected,
        silent_ms: line.heard.map(|heard| ticker.now().since(heard).0),
        epoch: line.epoch.0,
        trouble: line.trouble.clone(),
        apps: apps.values().filter_map(|state| state.report.clone()).collect(),
        refused: apps.values().filter_map(|state| state.refused.clone()).collect(),
        proxy: None,
    }
}

/// The line that `systemctl status` shows.
fn one_line(line: &Line, apps: &BTreeMap<AppKey, AppState>) -> String {
    let coordinator = if line.connected { "connected" } else { "no coordinator" };
    let apps = apps.values().filter_map(|state| state.report.as_ref()).map(|report| {
        let health = if report.healthy { "healthy" } else { "not healthy" };
        format!("{}: {}, {health}, {}", report.key, report.stage, report.why)
    });
    std::iter::once(coordinator.to_owned()).chain(apps).collect::<Vec<_>>().join("; ")
}
