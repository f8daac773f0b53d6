//! The configuration of `evenkeel serve`: commented TOML file < environment (`EVENKEEL_…`) < flags; unknown keys are refused; all
//! problems are told at once. Three stages: as written in each place, merged (both `RawConfig`), checked (`Config`).
//! Not here: what the keys are used for.

mod check;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use evenkeel_model::{FleetName, Millis};

/// Where the packages put the file.
pub const DEFAULT_FILE: &str = "/etc/evenkeel/coordinator.toml";

/// Variables with our prefix that belong to the operator verbs, the agent or a test.
const OTHERS_VARIABLES: [&str; 4] = ["EVENKEEL_CONTEXT", "EVENKEEL_OUTPUT", "EVENKEEL_TOKEN", "EVENKEEL_FAILPOINT"];

/// The keys as written, each optional; as flags, they are the texts of `evenkeel serve --help`. The sample in
/// `deploy/config/coordinator.toml` documents them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct RawConfig {
    /// The fleet's name, given at the first start; it can't be changed afterwards [default: evenkeel]
    #[arg(long, value_name = "NAME")]
    pub fleet: Option<String>,
    /// The store and the first operator's context file [default: /var/lib/evenkeel/coordinator]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where agents and operators connect [default: 0.0.0.0:7400]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Where `/healthz` is answered [default: 127.0.0.1:7401]
    #[arg(long, value_name = "ADDRESS")]
    pub http_listen: Option<String>,
    /// The addresses (host:port) by which others find this coordinator [default: `listen`, on this machine]
    #[arg(long, value_name = "ADDRESS,…", value_delimiter = ',')]
    pub advertise: Option<Vec<String>>,
    /// Registries that are spoken to without TLS, beside those on this machine [default: none]
    #[arg(long, value_name = "REGISTRY,…", value_delimiter = ',')]
    pub insecure_registries: Option<Vec<String>>,
    /// The file with registry credentials, as `docker login` writes it [default: /root/.docker/config.json]
    #[arg(long, value_name = "FILE")]
    pub registry_config: Option<PathBuf>,
    /// Silence by which a host is taken for gone [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub lease: Option<String>,
    /// How often agents and coordinator say that they are alive [default: 2s]
    #[arg(long, value_name = "DURATION")]
    pub beat_interval: Option<String>,
    /// How often agents send what their host and containers use [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub stats_interval: Option<String>,
    /// How long a host's certificate is good for; it is renewed at half of it [default: 72h]
    #[arg(long, value_name = "DURATION")]
    pub host_certificate_lifetime: Option<String>,
    /// `text` or `json` [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// What is logged, as tracing's filters are written [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log_filter: Option<String>,
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
    /// The fleet's name. Counts at the first start; afterwards it must be the stored one.
    pub fleet: FleetName,
    /// The store and the first operator's context file.
    pub data_dir: PathBuf,
    /// Where agents and operators connect.
    pub listen: SocketAddr,
    /// Where `/healthz` is answered.
    pub http_listen: SocketAddr,
    /// The addresses by which others find this coordinator. Empty: where it listens, seen from this machine.
    pub advertise: Vec<String>,
    /// Registries that are spoken to without TLS, beside those on this machine.
    pub insecure_registries: Vec<String>,
    /// The file with registry credentials. Need not exist.
    pub registry_config: PathBuf,
    /// The numbers that agents are told, and by which hosts are judged.
    pub session: SessionTerms,
    /// How lines are logged.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
}

/// What coordinator and agents agree upon for their stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTerms {
    /// Silence by which either side takes the other for gone. At least twice the beat's interval.
    pub lease: Millis,
    /// How often either side sends at least a beat.
    pub beat: Millis,
    /// How often stats are sent.
    pub stats: Millis,
    /// How long a host's certificate is good for.
    pub certificate: Millis,
}

impl Default for SessionTerms {
    /// A host is missed 5 s after its last word: two beats may be lost on the way.
    fn default() -> Self {
        Self {
            lease: Millis::seconds(5),
            beat: Millis::seconds(2),
            stats: Millis::seconds(10),
            certificate: evenkeel_certs::HOST_LIFETIME,
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read, or is not TOML.
    #[error("the configuration can't be read")]
    Unreadable(#[source] config::ConfigError),
    /// Keys that don't exist and values that can't be: all of them.
    #[error("the configuration has problems:\n  {}", .0.join("\n  "))]
    Problems(Vec<String>),
}

impl Config {
    /// From the file (the default one may be absent), the environment and the flags.
    pub fn load(file: Option<&Path>, environment: &[(String, String)], flags: RawConfig) -> Result<Self, ConfigError> {
        let values = values(file, environment).map_err(ConfigError::Unreadable)?;
        let mut problems = Vec::new();
        let written = RawConfig::collect(values, &mut problems);
        let checked = check::check(flags.over(written), &mut problems);
        if problems.is_empty() { Ok(checked) } else { Err(ConfigError::Problems(problems)) }
    }
}

fn values(
    file: Option<&Path>,
    environment: &[(String, String)],
) -> Result<BTreeMap<String, config::Value>, config::ConfigError> {
    let (path, required) = file.map_or((Path::new(DEFAULT_FILE), false), |file| (file, true));
    let ours = environment.iter().filter(|(name, _)| !OTHERS_VARIABLES.contains(&name.as_str())).cloned().collect();
    config::Config::builder()
        .add_source(config::File::from(path).format(config::FileFormat::Toml).required(required))
        .add_source(
            config::Environment::with_prefix("EVENKEEL")
                .source(Some(ours))
                .try_parsing(true)
                .list_separator(",")
                .with_list_parse_key("advertise")
                .with_list_parse_key("insecure_registries"),
        )
        .build()
        .map(|merged| merged.cache)
        // Not deserialized as a whole: that forgets where each value is from.
        .and_then(config::Value::into_table)
        .map(|table| table.into_iter().collect())
}

impl RawConfig {
    /// Reads every key by itself, so that one problem does not hide the next.
    fn collect(values: BTreeMap<String, config::Value>, problems: &mut Vec<String>) -> Self {
        let mut raw = Self::default();
        for (key, value) in values {
            let place = value.origin().map(|origin| format!(" (in {origin})")).unwrap_or_default();
            if !raw.set(&key, value) {
                problems.push(format!("{key}{place}: {}", refusal(&key)));
            }
        }
        raw
    }

    /// Whether there is such a key, and it may have such a value.
    fn set(&mut self, key: &str, value: config::Value) -> bool {
        let text = |value: config::Value| value.into_string().ok();
        let path = |value| text(value).map(PathBuf::from);
        let list = |value: config::Value| value.try_deserialize::<Vec<String>>().ok();
        match key {
            "fleet" => fill(&mut self.fleet, text(value)),
            "data_dir" => fill(&mut self.data_dir, path(value)),
            "listen" => fill(&mut self.listen, text(value)),
            "http_listen" => fill(&mut self.http_listen, text(value)),
            "advertise" => fill(&mut self.advertise, list(value)),
            "insecure_registries" => fill(&mut self.insecure_registries, list(value)),
            "registry_config" => fill(&mut self.registry_config, path(value)),
            "lease" => fill(&mut self.lease, text(value)),
            "beat_interval" => fill(&mut self.beat_interval, text(value)),
            "stats_interval" => fill(&mut self.stats_interval, text(value)),
            "host_certificate_lifetime" => fill(&mut self.host_certificate_lifetime, text(value)),
            "log_format" => fill(&mut self.log_format, text(value)),
            "log_filter" => fill(&mut self.log_filter, text(value)),
            _ => false,
        }
    }

    /// These, and where they are silent, those.
    fn over(self, below: Self) -> Self {
        Self {
            fleet: self.fleet.or(below.fleet),
            data_dir: self.data_dir.or(below.data_dir),
            listen: self.listen.or(below.listen),
            http_listen: self.http_listen.or(below.http_listen),
            advertise: self.advertise.or(below.advertise),
            insecure_registries: self.insecure_registries.or(below.insecure_registries),
            registry_config: self.registry_config.or(below.registry_config),
            lease: self.lease.or(below.lease),
            beat_interval: self.beat_interval.or(below.beat_interval),
            stats_interval: self.stats_interval.or(below.stats_interval),
            host_certificate_lifetime: self.host_certificate_lifetime.or(below.host_certificate_lifetime),
            log_format: self.log_format.or(below.log_format),
            log_filter: self.log_filter.or(below.log_filter),
        }
    }
}

/// Every key, in the order of the sample.
const KEYS: [&str; 13] = [
    "fleet",
    "data_dir",
    "listen",
    "http_listen",
    "advertise",
    "insecure_registries",
    "registry_config",
    "lease",
    "beat_interval",
    "stats_interval",
    "host_certificate_lifetime",
    "log_format",
    "log_filter",
];

fn fill<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

fn refusal(key: &str) -> String {
    match key {
        "advertise" | "insecure_registries" => "must be a list of texts, such as [\"a\", \"b\"]".to_owned(),
        _ if KEYS.contains(&key) => "must be a text".to_owned(),
        _ => format!("there is no such key; there are {}", KEYS.join(", ")),
    }
}

#[cfg(test)]
mod tests;
