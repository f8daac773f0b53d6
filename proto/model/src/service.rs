//! What one service's container is made of, without its image. Not here: reading Compose, talking to the engine.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

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

/// How what comes to a published port reaches the container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Via {
    /// The engine publishes the port, so that old and new can't have it at once.
    #[default]
    Engine,
    /// The host's proxy forwards connections.
    Tcp,
    /// The host's proxy forwards requests, each to the container that serves at that moment.
    Http(HttpRoute),
}

/// Which requests on a port are a service's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRoute {
    /// The host names it serves, in lower case; none: all that no other route names.
    pub hosts: Vec<String>,
    /// The prefix of the paths it serves, beginning with `/`. The longest that fits wins.
    pub path: String,
    /// The name of the cookie that keeps a client with one container while several serve; none: each request is on its own.
    pub sticky: Option<String>,
    /// Whether the proxy ends TLS on this port.
    pub tls: bool,
    /// Whether plain requests are sent to `https://` with the same address.
    pub redirect_to_https: bool,
}

impl Default for HttpRoute {
    fn default() -> Self {
        Self { hosts: Vec::new(), path: "/".to_owned(), sticky: None, tls: false, redirect_to_https: false }
    }
}

/// A port of the host that leads to one of the container.
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
    /// Who publishes it.
    pub via: Via,
}

impl Port {
    /// Whether the host's proxy owns the port, so that it can be switched.
    pub fn is_routed(&self) -> bool {
        self.via != Via::Engine
    }

    /// Whether both want the same port of one address, so that only one socket can have it. Where no address is written it is the agent's
    /// `publish_address`, which may be any.
    pub fn meets(&self, other: &Self) -> bool {
        let same = self.published == other.published && self.protocol == other.protocol;
        same && (self.covers(other) || other.covers(self))
    }

    /// Whether its address stands for that of `other` too. With `::` the proxy means the addresses of both families, the engine those of IPv6.
    fn covers(&self, other: &Self) -> bool {
        let (Some(mine), Some(theirs)) = (&self.address, &other.address) else { return true };
        match (mine.parse::<IpAddr>(), theirs.parse::<IpAddr>()) {
            (Ok(IpAddr::V4(mine)), Ok(theirs)) if mine.is_unspecified() => theirs.is_ipv4(),
            (Ok(IpAddr::V6(mine)), Ok(theirs)) if mine.is_unspecified() => self.is_routed() || theirs.is_ipv6(),
            (Ok(mine), Ok(theirs)) => mine == theirs,
            _ => mine == theirs,
        }
    }
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

/// What becomes of the old container while the new one is in trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeepOld {
    /// It goes on running, so that a revert is one switch.
    Running,
    /// It is stopped as soon as the new one is proven, so that two never work side by side for a whole bake.
    Stopped,
}

/// How what is under way at a service's ports is treated when its container is replaced. The defaults are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// How long requests and connections of the old container may go on after the switch.
    pub drain: Millis,
    /// How long the proxy holds requests while nothing can serve.
    pub hold: Millis,
    /// How long the readiness path answers 503 before anything that serves is stopped.
    pub lb_delay: Millis,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { drain: Millis::seconds(30), hold: Millis::seconds(30), lb_delay: Millis(0) }
    }
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
    /// From one check's end to the next within the start period; none: as after it. Engines before 25.0 know no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_interval: Option<Millis>,
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
    /// From the stop signal to SIGKILL.
    pub stop_grace_period: Millis,
    /// The signal that asks it to end, such as `SIGQUIT`; none: the image's, else SIGTERM.
    pub stop_signal: Option<String>,
    /// Whether old and new run side by side.
    pub order: Order,
    /// What becomes of the old one in the trial; none: it runs on if a port is routed, else it is stopped.
    pub keep_old: Option<KeepOld>,
    /// How requests and connections are treated.
    pub traffic: Traffic,
    /// All must hold for a host to run this service.
    pub constraints: Vec<Constraint>,
}

impl ServiceSpec {
    /// Why old and new can't run side by side, in words for the plan; none if they can.
    pub fn clash(&self) -> Option<String> {
        if let Some(port) = self.ports.iter().find(|port| !port.is_routed()) {
            return Some(format!("port {} is published directly", port.published));
        }
        self.mounts.iter().find_map(|mount| match mount {
            Mount::Volume { name, read_only: false, .. } => Some(format!("volume {name} may have only one writer")),
            _ => None,
        })
    }

    /// The ports that the proxy owns.
    pub fn routed_ports(&self) -> impl Iterator<Item = &Port> {
        self.ports.iter().filter(|port| port.is_routed())
    }

    /// The port that passes from the engine, which publishes it for `old`, to the proxy: only one of them can have it.
    pub fn adopted_from<'o>(&self, old: &'o Self) -> Option<&'o Port> {
        let mut direct = old.ports.iter().filter(|port| !port.is_routed());
        direct.find(|direct| self.routed_ports().any(|routed| routed.meets(direct)))
    }

    /// Why this can't run beside `old`, its container in the release before, in words for people; none if it can.
    pub fn why_not_beside(&self, old: &Self) -> Option<String> {
        let stop_first = |spec: &Self| (spec.order == Order::StopFirst).then(|| spec.clash());
        if let Some(clash) = stop_first(self) {
            return Some(clash.unwrap_or_else(|| "its order is stop-first".to_owned()));
        }
        if let Some(clash) = stop_first(old) {
            return Some(format!("in the release before, {}", clash.as_deref().unwrap_or("its order is stop-first")));
        }
        let port = self.adopted_from(old)?;
        Some(format!("port {} passes from the engine to the proxy", port.published))
    }

    /// Why what comes to the ports can't be divided between this and `old`, its container in the release before, in words for people; none
    /// if it can. Of a service of which only one of them has routed ports there is nothing to divide.
    pub fn why_not_divided(&self, old: &Self) -> Option<String> {
        if self.routed_ports().next().is_none() || old.routed_ports().next().is_none() {
            return None;
        }
        let has = |spec: &Self, port: &Port| spec.ports.contains(port);
        let mut differ = self.routed_ports().filter(|port| !has(old, port));
        let port = differ.next().or_else(|| old.routed_ports().find(|port| !has(self, port)))?;
        Some(format!("port {} is not the same in both releases", port.published))
    }

    /// What becomes of the old container while this one is in trial.
    pub fn keep_old(&self) -> KeepOld {
        let default = if self.routed_ports().next().is_some() { KeepOld::Running } else { KeepOld::Stopped };
        // One that can't run twice has been stopped before.
        if self.order == Order::StopFirst { KeepOld::Stopped } else { self.keep_old.unwrap_or(default) }
    }

    /// What identifies a container made from this and `image`: equal exactly where a container need not be replaced.
    pub fn fingerprint(&self, image: &crate::ImagePin) -> Digest {
        // Placement, health rule, order and routes describe the way there; a container is the same without them.
        let ports: Vec<_> = self.ports.iter().filter(|port| !port.is_routed()).collect();
        let identity = (
            image.digest(),
            (&self.command, &self.entrypoint, &self.environment, ports, &self.mounts),
            (&self.engine_healthcheck, &self.user, &self.labels, self.restart, self.stop_grace_period),
            &self.stop_signal,
        );
        Digest::of(&serde_json::to_vec(&identity).expect("plain data has a JSON form"))
    }
}

#[cfg(test)]
mod tests;
