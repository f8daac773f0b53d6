//! Asking a container whether it is well. Each probe is one question and one answer, kept as evidence.
//!
//! Deliberately not here: how many answers make a verdict (crate `evenkeel-machine`), probes that the engine answers (`crate::runtime`).

mod http;
mod tcp;

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;

use evenkeel_machine::{Action, Outcome};
use evenkeel_model::{AppKey, Millis, Probe, ProbeEvidence};

use crate::runtime::Runtime;

/// The port for probes that go over the network.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Asks once, and ends within `timeout`. Only for probes with a port; the engine answers the others.
    async fn ask(&self, address: IpAddr, probe: &Probe, timeout: Millis) -> Answer;
}

/// One answer to one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it was good.
    pub healthy: bool,
    /// Question and answer.
    pub evidence: ProbeEvidence,
}

impl Answer {
    /// A good answer.
    pub fn good(request: impl Into<String>, answer: impl Into<String>) -> Self {
        Self { healthy: true, evidence: ProbeEvidence { request: request.into(), answer: answer.into() } }
    }

    /// A bad answer, or none.
    pub fn bad(request: impl Into<String>, answer: impl Into<String>) -> Self {
        Self { healthy: false, ..Self::good(request, answer) }
    }
}

impl From<Answer> for Outcome {
    fn from(Answer { healthy, evidence }: Answer) -> Self {
        Self::Probed { healthy, evidence }
    }
}

/// Real connections, one per question: what is tested is what a new client would see.
#[derive(Debug, Clone, Copy, Default)]
pub struct NetworkProber;

#[async_trait]
impl Prober for NetworkProber {
    async fn ask(&self, address: IpAddr, probe: &Probe, timeout: Millis) -> Answer {
        match probe {
            Probe::Http { port, path } => http::ask(SocketAddr::new(address, *port), path, timeout.to_std()).await,
            Probe::Tcp { port } => tcp::ask(SocketAddr::new(address, *port), timeout.to_std()).await,
            Probe::Exec { .. } | Probe::Docker | Probe::Running => {
                Answer::bad(question(probe, address), "this probe is the engine's to answer")
            }
        }
    }
}

/// What a probe asks, in one line.
pub fn question(probe: &Probe, address: impl std::fmt::Display) -> String {
    match probe {
        Probe::Http { port, path } => format!("GET http://{address}:{port}{path}"),
        Probe::Tcp { port } => format!("connect to {address}:{port}"),
        Probe::Exec { command } => format!("exec {}", command.join(" ")),
        Probe::Docker => "the engine's health check".to_owned(),
        Probe::Running => "whether it runs".to_owned(),
    }
}

/// Performs any action: probes over the network through `prober`, all else through `runtime`.
pub async fn perform(runtime: &dyn Runtime, prober: &dyn Prober, key: &AppKey, action: &Action) -> Outcome {
    let Action::Probe { place, probe: probe @ (Probe::Http { .. } | Probe::Tcp { .. }), timeout } = action else {
        return runtime.perform(key, action).await;
    };
    match runtime.address(key, place).await {
        Ok(Some(address)) => prober.ask(address, probe, *timeout).await.into(),
        Ok(None) => Answer::bad(question(probe, place), "the container has no address: it does not run").into(),
        Err(down) => Outcome::Failed(Box::new(down.into())),
    }
}

/// An I/O error in the words people search for.
fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        std::io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        _ => error.to_string(),
    }
}
