//! Asking a container whether it is well. Each probe is one question and one answer, kept as evidence.
//!
//! Deliberately not here: how many answers make a verdict (crate `evenkeel-machine`), probes that the engine answers (`crate::runtime`).

mod grpc;
mod http;
mod tcp;

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;

use evenkeel_machine::Outcome;
use evenkeel_model::{Millis, Probe, ProbeEvidence};

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
            Probe::Http(asked) => http::ask(address, asked, timeout.to_std()).await,
            Probe::Grpc { port, service } => {
                grpc::ask(SocketAddr::new(address, *port), service, timeout.to_std()).await
            }
            Probe::Tcp { port } => tcp::ask(SocketAddr::new(address, *port), timeout.to_std()).await,
            Probe::Exec { .. } | Probe::Docker | Probe::Running => {
                Answer::bad(question(probe, address), "this probe is the engine's to answer")
            }
        }
    }
}

/// Whether a [`Prober`] answers the probe, and not the engine.
pub fn goes_over_the_network(probe: &Probe) -> bool {
    match probe {
        Probe::Http(_) | Probe::Grpc { .. } | Probe::Tcp { .. } => true,
        Probe::Exec { .. } | Probe::Docker | Probe::Running => false,
    }
}

/// What a probe asks, in one line.
pub fn question(probe: &Probe, address: impl std::fmt::Display) -> String {
    match probe {
        Probe::Http(http) => format!("{} http://{address}:{}{}", http.method, http.port, http.path),
        Probe::Grpc { port, service } if service.is_empty() => format!("gRPC health of {address}:{port}"),
        Probe::Grpc { port, service } => format!("gRPC health of {service} at {address}:{port}"),
        Probe::Tcp { port } => format!("connect to {address}:{port}"),
        Probe::Exec { command } => format!("exec {}", command.join(" ")),
        Probe::Docker => "the engine's health check".to_owned(),
        Probe::Running => "whether it runs".to_owned(),
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
