//! What one service's container is made of, without its image. Not here: reading Compose, talking to the engine.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Digest, Health, Millis};

/// Which transport a published port carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A port that the engine publishes on the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// The host's address it is published on; absent: the agent's `publish_address`.
    pub address: Option<String>,
    /// The host's port.
    pub published: u16,
    /// The container's port.
    pub target: u16,
    /// The transport.
    pub protocol: Protocol,
}

/// Something of the host in the container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mount {
    /// A named volume. Its name on the host carries environment and app.
    Volume {
        /// The volume's name in the Compose file.
        name: String,
        /// The absolute path in the container.
        target: String,
        /// Whether the container may not write.
        read_only: bool,
    },
    /// A path of the host.
    Bind {
        /// The absolute path on the host.
        source: String,
        /// The absolute path in the container.
        target: String,
        /// Whether the container may not write.
        read_only: bool,
    },
}

/// What the engine does when a committed container ends by itself. During a trial it is always told to do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Leave it.
    No,
    /// Start it again if it failed.
    OnFailure,
    /// Start it again unless it was stopped by hand. Compose's `always` becomes this.
    UnlessStopped,
}

/// Whether old and new run side by side for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The new one is started and proven, then the old one is stopped.
    StartFirst,
    /// The old one is stopped before the new one is started: they would clash.
    StopFirst,
}

/// A condition on a host's label: `node.labels.KEY == VALUE` or `!=`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// The label's key.
    pub label: String,
    /// Whether the label must have the value (else it must not).
    pub equal: bool,
    /// The value compared with.
    pub value: String,
}

impl Constraint {
    /// Whether a host with these labels fulfils it. An absent label equals nothing.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        (labels.get(&self.label) == Some(&self.value)) == self.equal
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = if self.equal { "==" } else { "!=" };
        write!(f, "node.labels.{} {operator} {}", self.label, self.value)
    }
}

/// A health check that the engine itself runs in the container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineHealthcheck {
    /// As the engine takes it: `["CMD", …]`, `["CMD-SHELL", …]` or `["NONE"]`.
    pub test: Vec<String>,
    /// From one check's end to the next.
    pub interval: Millis,
    /// No answer by then is a failure.
    pub timeout: Millis,
    /// So many failures in a row make it unhealthy.
    pub retries: u32,
    /// From the start; failures in it do not count.
    pub start_period: Millis,
}

/// All that a service's container is made of, but its image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Replaces the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Volumes and bind mounts.
    pub mounts: Vec<Mount>,
    /// The engine's own health check, if the image's is to be replaced.
    pub engine_healthcheck: Option<EngineHealthcheck>,
    /// When it counts as healthy.
    pub health: Health,
    /// What the engine does when it ends by itself, once committed.
    pub restart: Restart,
    /// User (and group) in the container.
    pub user: Option<String>,
    /// The app's own container labels. Ours are added to them.
    pub labels: BTreeMap<String, String>,
    /// From SIGTERM to SIGKILL.
    pub stop_grace_period: Millis,
    /// Whether old and new run side by side.
    pub order: Order,
    /// All must hold for a host to run this service.
    pub constraints: Vec<Constraint>,
}

impl ServiceSpec {
    /// Why old and new can't run side by side, in words for the plan; none if they can.
    pub fn clash(&self) -> Option<String> {
        if let Some(port) = self.ports.first() {
            return Some(format!("port {} is published directly", port.published));
        }
        self.mounts.iter().find_map(|mount| match mount {
            Mount::Volume { name, read_only: false, .. } => Some(format!("volume {name} may have only one writer")),
            _ => None,
        })
    }

    /// What identifies a container made from this and `image`: equal exactly where a container need not be replaced.
    pub fn fingerprint(&self, image: &crate::ImagePin) -> Digest {
        // Placement, health rule and order describe the way there; a container is the same without them.
        let identity = (
            image.digest(),
            (&self.command, &self.entrypoint, &self.environment, &self.ports, &self.mounts),
            (&self.engine_healthcheck, &self.user, &self.labels, self.restart, self.stop_grace_period),
        );
        Digest::of(&serde_json::to_vec(&identity).expect("plain data has a JSON form"))
    }
}
