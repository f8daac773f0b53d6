//! Why something failed, and the proof. Causes have classes, because "the registry is down" is not "the release is bad".
//! Not here: what follows from a class (crates `evenkeel-machine` and `evenkeel-rollout`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ServiceName;

/// The kinds of trouble that are handled differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseClass {
    /// The image could not be had.
    Image,
    /// The host's own policy forbids it.
    Policy,
    /// The host can't: disk, engine, a port taken.
    Host,
    /// The release is bad.
    Release,
    /// The host is not heard from.
    Unreachable,
}

/// What exactly happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// The registry has no such image.
    ImageNotFound,
    /// The registry refuses us.
    ImageDenied,
    /// The registry can't be reached, or answers 429 or 5xx.
    RegistryUnreachable,
    /// What was pulled is not what was pinned.
    DigestMismatch,
    /// The pull did not end within `pull_deadline`.
    PullTimeout,
    /// The host's policy file forbids it, or the manifest can't be read.
    Forbidden,
    /// No space is left.
    DiskFull,
    /// The engine does not answer, or refuses.
    EngineUnavailable,
    /// Somebody else has the port.
    PortTaken,
    /// The host's proxy does not answer, or refuses.
    ProxyUnavailable,
    /// The container ended by itself.
    Exited,
    /// The container was killed because it used more memory than it may.
    OutOfMemory,
    /// The container can't be made or started as the release says.
    Unstartable,
    /// The probe said no, `failures` times in a row, after it had been healthy.
    Unhealthy,
    /// It was not healthy within `health_deadline`.
    HealthTimeout,
    /// No coordinator was heard in trial, and the release says to go back then.
    Orphaned,
    /// The host was not heard from.
    Silent,
    /// The rollout was given up, and with it this trial.
    Withdrawn,
    /// An analysis gate measured that the release is bad.
    AnalysisFailed,
}

impl CauseKind {
    /// The class it belongs to.
    pub fn class(self) -> CauseClass {
        match self {
            Self::ImageNotFound
            | Self::ImageDenied
            | Self::RegistryUnreachable
            | Self::DigestMismatch
            | Self::PullTimeout => CauseClass::Image,
            Self::Forbidden => CauseClass::Policy,
            Self::DiskFull | Self::EngineUnavailable | Self::PortTaken | Self::ProxyUnavailable => CauseClass::Host,
            Self::Exited
            | Self::OutOfMemory
            | Self::Unstartable
            | Self::Unhealthy
            | Self::HealthTimeout
            | Self::Withdrawn
            | Self::AnalysisFailed => CauseClass::Release,
            Self::Orphaned | Self::Silent => CauseClass::Unreachable,
        }
    }

    /// Whether it may pass by itself: then it is tried again until its deadline, and fails the host only then.
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            Self::RegistryUnreachable
                | Self::DiskFull
                | Self::EngineUnavailable
                | Self::PortTaken
                | Self::ProxyUnavailable
        )
    }

    /// All kinds.
    pub const ALL: [Self; 19] = [
        Self::ImageNotFound,
        Self::ImageDenied,
        Self::RegistryUnreachable,
        Self::DigestMismatch,
        Self::PullTimeout,
        Self::Forbidden,
        Self::DiskFull,
        Self::EngineUnavailable,
        Self::PortTaken,
        Self::ProxyUnavailable,
        Self::Exited,
        Self::OutOfMemory,
        Self::Unstartable,
        Self::Unhealthy,
        Self::HealthTimeout,
        Self::Orphaned,
        Self::Silent,
        Self::Withdrawn,
        Self::AnalysisFailed,
    ];

    /// The word used in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImageNotFound => "image_not_found",
            Self::ImageDenied => "image_denied",
            Self::RegistryUnreachable => "registry_unreachable",
            Self::DigestMismatch => "digest_mismatch",
            Self::PullTimeout => "pull_timeout",
            Self::Forbidden => "forbidden",
            Self::DiskFull => "disk_full",
            Self::EngineUnavailable => "engine_unavailable",
            Self::PortTaken => "port_taken",
            Self::ProxyUnavailable => "proxy_unavailable",
            Self::Exited => "exited",
            Self::OutOfMemory => "out_of_memory",
            Self::Unstartable => "unstartable",
            Self::Unhealthy => "unhealthy",
            Self::HealthTimeout => "health_timeout",
            Self::Orphaned => "orphaned",
            Self::Silent => "silent",
            Self::Withdrawn => "withdrawn",
            Self::AnalysisFailed => "analysis_failed",
        }
    }
}

impl CauseClass {
    /// The word used in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Policy => "policy",
            Self::Host => "host",
            Self::Release => "release",
            Self::Unreachable => "unreachable",
        }
    }
}

impl fmt::Display for CauseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for CauseClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The failing probe's question and answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeEvidence {
    /// What was asked: `GET http://172.17.0.3:8080/healthz`.
    pub request: String,
    /// What came back: `503 Service Unavailable: warming up`, or the error.
    pub answer: String,
}

/// How the host was at the moment of the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pressure {
    /// Load average over one minute, in hundredths.
    pub load_hundredths: u64,
    /// Memory available, in bytes.
    pub memory_available: u64,
    /// Memory in all, in bytes.
    pub memory_total: u64,
    /// Free disk space where the engine keeps images, in bytes.
    pub disk_available: u64,
}

/// The proof that goes with a failure, so that nobody has to log in to the host to see why.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The container's exit code, if it had ended.
    pub exit_code: Option<i64>,
    /// Whether it was killed for its memory.
    pub oom_killed: bool,
    /// The container's last lines (50 at most), oldest first; where an analysis of logs failed, lines that it is about, with their hosts and services.
    pub log: Vec<String>,
    /// The failing probe.
    pub probe: Option<ProbeEvidence>,
    /// The host at that moment.
    pub pressure: Option<Pressure>,
}

/// A failure with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What exactly happened.
    pub kind: CauseKind,
    /// The service it happened to, if to one.
    pub service: Option<ServiceName>,
    /// One line for people: a lower-case fragment.
    pub message: String,
    /// The proof.
    pub evidence: Evidence,
}

impl Failure {
    /// A failure that concerns no single service, or where there is nothing more to prove.
    pub fn plain(kind: CauseKind, message: impl Into<String>) -> Self {
        Self { kind, service: None, message: message.into(), evidence: Evidence::default() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Some(service) => write!(f, "{}/{} ({service}): {}", self.kind.class(), self.kind, self.message),
            None => write!(f, "{}/{}: {}", self.kind.class(), self.kind, self.message),
        }
    }
}
