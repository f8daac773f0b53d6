//! The agent's configuration: commented TOML file < environment (`EVENKEEL_…`) < flags; unknown keys are refused; all problems
//! are told at once. Three stages: as written (`RawConfig`), merged, checked (`Config`). Not here: what the keys are used for.

mod proxy;
mod tls;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use proxy::{ProxyConfig, RawLimits, RawProxy};
pub use tls::{AcmeConfig, RawAcme, RawTls};

use crate::runtime::{AddressPool, NoPool};

/// Where the packages put the file.
pub const DEFAULT_FILE: &str = "/etc/evenkeel/agent.toml";

/// The keys as written, each optional. The sample in `deploy/config/agent.toml` documents them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// The coordinators' addresses, `host:port`, tried in turn. No default.
    pub coordinators: Option<Vec<String>>,
    /// Key, certificate and ledger. Default: `/var/lib/evenkeel/agent`.
    pub data_dir: Option<PathBuf>,
    /// Where `evenkeel-agent status` asks. Default: `status.sock` in `data_dir`.
    pub socket: Option<PathBuf>,
    /// The container engine's socket. Default: `/var/run/docker.sock`.
    pub docker_socket: Option<PathBuf>,
    /// The engine client's file with registry credentials. Default: `/root/.docker/config.json`.
    pub docker_config: Option<PathBuf>,
    /// Where ports without an address of their own are published. Default: all addresses.
    pub publish_address: Option<String>,
    /// Where the apps' networks are taken from. Default: `10.213.0.0/16`.
    pub address_pool: Option<String>,
    /// `text` or `json`. Default: `text`.
    pub log_format: Option<String>,
    /// What is logged, as tracing's filters are written. Default: `info`.
    pub log_filter: Option<String>,
    /// The host's proxy.
    pub proxy: Option<RawProxy>,
}

/// How lines are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// The checked configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The coordinators' addresses, at least one.
    pub coordinators: Vec<String>,
    /// Key, certificate and ledger.
    pub data_dir: PathBuf,
    /// Where `evenkeel-agent status` asks.
    pub socket: PathBuf,
    /// The container engine's socket.
    pub docker_socket: PathBuf,
    /// The engine client's file with registry credentials.
    pub docker_config: PathBuf,
    /// Where ports without an address of their own are published; none: on all addresses.
    pub publish_address: Option<IpAddr>,
    /// Where the apps' networks are taken from.
    pub address_pool: AddressPool,
    /// How lines are logged.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
    /// The host's proxy.
    pub proxy: ProxyConfig,
}

/// The part that the proxy needs: it has no coordinator, and must start where the agent could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyProcessConfig {
    /// Its own section.
    pub proxy: ProxyConfig,
    /// How lines are logged.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file or an environment variable can't be read, or has a key that does not exist.
    #[error("the configuration can't be read")]
    Unreadable(#[source] config::ConfigError),
    /// Values that can't be.
    #[error("the configuration has problems:\n  {}", .0.join("\n  "))]
    Problems(Vec<String>),
}

/// What is logged where nothing is written.
const DEFAULT_FILTER: &str = "info";

/// Variables of ours that are no keys: they belong to one verb, or to a test.
const NO_KEYS: [&str; 4] = ["EVENKEEL_TOKEN", "EVENKEEL_OUTPUT", "EVENKEEL_CONTEXT", "EVENKEEL_FAILPOINT"];

/// Reads file and environment. `file` must exist where it was named; the default one may be absent.
pub fn read(file: Option<&Path>, environment: Vec<(String, String)>) -> Result<RawConfig, ConfigError> {
    let (path, required) = file.map_or((Path::new(DEFAULT_FILE), false), |file| (file, true));
    let variables = environment.into_iter().filter(|(name, _)| !NO_KEYS.contains(&name.as_str())).collect();
    config::Config::builder()
        .add_source(config::File::from(path).format(config::FileFormat::Toml).required(required))
        .add_source(
            config::Environment::with_prefix("EVENKEEL")
                .source(Some(variables))
                // One underscore belongs to a key's name, two stand between a section and its key: EVENKEEL_PROXY__SOCKET.
                .prefix_separator("_")
                .separator("__")
                .try_parsing(true)
                .list_separator(",")
                .with_list_parse_key("coordinators")
                .with_list_parse_key("proxy.acme.contact"),
        )
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(ConfigError::Unreadable)
}

impl TryFrom<RawConfig> for Config {
    type Error = ConfigError;

    fn try_from(raw: RawConfig) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let coordinators = raw.coordinators.unwrap_or_default();
        if coordinators.is_empty() {
            problems.push("coordinators: name at least one address, such as [\"10.0.0.1:7400\"]".to_owned());
        }
        problems.extend(
            coordinators
                .iter()
                .filter(|address| !is_address(address))
                .map(|address| format!("coordinators: `{address}` is not `host:port`, such as `10.0.0.1:7400`")),
        );
        let publish_address = raw.publish_address.and_then(|text| {
            let parsed = text.parse();
            if parsed.is_err() {
                problems.push(format!("publish_address: `{text}` is not an IP address"));
            }
            parsed.ok()
        });
        let address_pool = raw.address_pool.map_or_else(|| Ok(AddressPool::default()), |text| text.parse());
        let address_pool = address_pool.unwrap_or_else(|error: NoPool| {
            problems.push(format!("address_pool: {error}"));
            AddressPool::default()
        });
        let log_format = log_format(raw.log_format.as_deref(), &mut problems);
        let proxy = proxy::check(raw.proxy.unwrap_or_default(), &mut problems);
        if !problems.is_empty() {
            return Err(ConfigError::Problems(problems));
        }
        let data_dir = raw.data_dir.unwrap_or_else(|| "/var/lib/evenkeel/agent".into());
        Ok(Self {
            coordinators,
            socket: raw.socket.unwrap_or_else(|| data_dir.join("status.sock")),
            data_dir,
            docker_socket: raw.docker_socket.unwrap_or_else(|| "/var/run/docker.sock".into()),
            docker_config: raw.docker_config.unwrap_or_else(|| "/root/.docker/config.json".into()),
            publish_address,
            address_pool,
            log_format,
            log_filter: raw.log_filter.unwrap_or_else(|| DEFAULT_FILTER.to_owned()),
            proxy,
        })
    }
}

impl TryFrom<RawConfig> for ProxyProcessConfig {
    type Error = ConfigError;

    fn try_from(raw: RawConfig) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let log_format = log_format(raw.log_format.as_deref(), &mut problems);
        let proxy = proxy::check(raw.proxy.unwrap_or_default(), &mut problems);
        let log_filter = raw.log_filter.unwrap_or_else(|| DEFAULT_FILTER.to_owned());
        if problems.is_empty() {
            Ok(Self { proxy, log_format, log_filter })
        } else {
            Err(ConfigError::Problems(problems))
        }
    }
}

fn log_format(text: Option<&str>, problems: &mut Vec<String>) -> LogFormat {
    match text {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => {
            problems.push(format!("log_format: `{other}` is neither `text` nor `json`"));
            LogFormat::Text
        }
    }
}

/// `host:port`, where the host may be a name, an IPv4 address or an IPv6 address in brackets.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests;
