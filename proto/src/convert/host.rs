//! Host facts and stats, on their way up.

use evenkeel_model::{ContainerStats, HostFacts, HostStats};

use super::{Malformed, parse, present};
use crate::v1;

impl From<&HostFacts> for v1::HostFacts {
    fn from(facts: &HostFacts) -> Self {
        Self {
            agent_version: facts.agent_version.clone(),
            os: facts.os.clone(),
            kernel: facts.kernel.clone(),
            architecture: facts.architecture.clone(),
            cpus: facts.cpus,
            memory_total: facts.memory_total,
            engine: facts.engine.clone(),
        }
    }
}

impl From<&v1::HostFacts> for HostFacts {
    fn from(wire: &v1::HostFacts) -> Self {
        Self {
            agent_version: wire.agent_version.clone(),
            os: wire.os.clone(),
            kernel: wire.kernel.clone(),
            architecture: wire.architecture.clone(),
            cpus: wire.cpus,
            memory_total: wire.memory_total,
            engine: wire.engine.clone(),
        }
    }
}

impl From<&HostStats> for v1::HostStats {
    fn from(stats: &HostStats) -> Self {
        Self {
            cpu_millicores: stats.cpu_millicores,
            load_hundredths: stats.load_hundredths,
            memory_available: stats.memory_available,
            disk_available: stats.disk_available,
            disk_total: stats.disk_total,
            containers: stats.containers.iter().map(Into::into).collect(),
        }
    }
}

impl From<&ContainerStats> for v1::ContainerStats {
    fn from(stats: &ContainerStats) -> Self {
        Self {
            key: Some((&stats.key).into()),
            service: stats.service.to_string(),
            slot: stats.slot.to_string(),
            cpu_millicores: stats.cpu_millicores,
            memory: stats.memory,
        }
    }
}

impl TryFrom<&v1::HostStats> for HostStats {
    type Error = Malformed;

    fn try_from(wire: &v1::HostStats) -> Result<Self, Malformed> {
        Ok(Self {
            cpu_millicores: wire.cpu_millicores,
            load_hundredths: wire.load_hundredths,
            memory_available: wire.memory_available,
            disk_available: wire.disk_available,
            disk_total: wire.disk_total,
            containers: wire.containers.iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<&v1::ContainerStats> for ContainerStats {
    type Error = Malformed;

    fn try_from(wire: &v1::ContainerStats) -> Result<Self, Malformed> {
        Ok(Self {
            key: present("containers.key", wire.key.as_ref())?.try_into()?,
            service: parse("containers.service", &wire.service)?,
            slot: parse("containers.slot", &wire.slot)?,
            cpu_millicores: wire.cpu_millicores,
            memory: wire.memory,
        })
    }
}
