//! What a host is and how it is doing. Not here: measuring it (crate `evenkeel-agent`).

use serde::{Deserialize, Serialize};

use crate::{AppKey, ServiceName, Slot};

/// What does not change while an agent runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostFacts {
    /// The agent's version.
    pub agent_version: String,
    /// Operating system and its version, as it names itself.
    pub os: String,
    /// The kernel's release.
    pub kernel: String,
    /// The processor's architecture.
    pub architecture: String,
    /// Logical processors.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_total: u64,
    /// The engine's version, if it answers.
    pub engine: Option<String>,
}

/// One container's use of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerStats {
    /// App and environment.
    pub key: AppKey,
    /// The service.
    pub service: ServiceName,
    /// Which of its two places.
    pub slot: Slot,
    /// Processor use since the last report, in thousandths of one core.
    pub cpu_millicores: u64,
    /// Memory in use, in bytes.
    pub memory: u64,
}

/// How a host is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostStats {
    /// Processor use since the last report, in thousandths of one core.
    pub cpu_millicores: u64,
    /// Load average over one minute, in hundredths.
    pub load_hundredths: u64,
    /// Memory available, in bytes.
    pub memory_available: u64,
    /// Free disk space where the engine keeps images, in bytes.
    pub disk_available: u64,
    /// Disk space there in all, in bytes.
    pub disk_total: u64,
    /// Our containers.
    pub containers: Vec<ContainerStats>,
}
