//! The `[proxy]` section: what the host's proxy needs, and where the agent finds it. Not here: what the keys are used for.

use std::path::PathBuf;

use evenkeel_model::Millis;
use evenkeel_proxy::Limits;
use serde::Deserialize;

use super::tls::{AcmeConfig, RawAcme, RawTls, check_acme};

/// The longest time that an old process may take over what it still has: beyond it upgrades would pile up.
const LONGEST_DRAIN: Millis = Millis::minutes(60);
/// More threads than any machine has cores are a slip.
const MOST_WORKERS: usize = 1024;
/// The smallest buffer for a request's head.
const SMALLEST_HEAD: usize = 8192;

/// The keys of `[proxy]` as written, each optional. The sample documents them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawProxy {
    /// Where the agent gives the routes. Default: `/run/evenkeel/proxy.sock`.
    pub socket: Option<PathBuf>,
    /// Where the routes are kept. Default: `/var/lib/evenkeel/proxy`.
    pub state_dir: Option<PathBuf>,
    /// The path by which load balancers ask whether to send requests. Default: none.
    pub readiness_path: Option<String>,
    /// How long the old process may go on after an upgrade. Default: `30s`.
    pub drain_on_upgrade: Option<String>,
    /// Threads. Default: one for each core.
    pub workers: Option<usize>,
    /// What clients may take.
    pub limits: Option<RawLimits>,
    /// Certificates in files.
    pub tls: Option<RawTls>,
    /// Certificates of an ACME server.
    pub acme: Option<RawAcme>,
}

/// The keys of `[proxy.limits]` as written, each optional. A duration of `0s`: no limit.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLimits {
    /// Clients' connections in all.
    pub connections: Option<usize>,
    /// Requests that wait for an upstream, for each route. Default: a quarter of `connections`.
    pub waiting: Option<u64>,
    /// Bytes of a request's head.
    pub head_bytes: Option<usize>,
    /// Header fields of a request.
    pub headers: Option<usize>,
    /// HTTP/2: streams of one connection at once.
    pub streams: Option<u32>,
    /// For a whole request's head.
    pub head_timeout: Option<String>,
    /// For a connection without a request.
    pub idle_timeout: Option<String>,
    /// For a client that sends nothing of a request's body.
    pub read_timeout: Option<String>,
    /// For a client that takes nothing of an answer.
    pub write_timeout: Option<String>,
    /// For one attempt to connect to a container.
    pub connect_timeout: Option<String>,
    /// From the moment a request is given to a container to the head of the answer.
    pub answer_timeout: Option<String>,
}

/// The checked section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyConfig {
    /// Where the agent gives the routes.
    pub socket: PathBuf,
    /// Where the routes are kept.
    pub state_dir: PathBuf,
    /// The path by which load balancers ask whether to send requests; none: they are not answered.
    pub readiness_path: Option<String>,
    /// How long the old process may go on after an upgrade.
    pub drain_on_upgrade: Millis,
    /// Threads, at least one.
    pub workers: usize,
    /// What clients may take.
    pub limits: Limits,
    /// Where certificates are; need not exist.
    pub certificates: PathBuf,
    /// The ACME server that gives those that are in no file; none: nobody is asked.
    pub acme: Option<AcmeConfig>,
}

/// Checks the section, and tells every problem by its key.
pub(super) fn check(raw: RawProxy, problems: &mut Vec<String>) -> ProxyConfig {
    if let Some(path) = raw.readiness_path.as_ref().filter(|path| !path.starts_with('/')) {
        problems.push(format!("proxy.readiness_path: `{path}` does not begin with `/`"));
    }
    let drain_on_upgrade = time("drain_on_upgrade", raw.drain_on_upgrade, Millis::seconds(30), problems);
    if drain_on_upgrade > LONGEST_DRAIN {
        problems.push(format!("proxy.drain_on_upgrade: {drain_on_upgrade} is longer than {LONGEST_DRAIN}"));
    }
    let workers = raw.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    if !(1..=MOST_WORKERS).contains(&workers) {
        problems.push(format!("proxy.workers: {workers} is not between 1 and {MOST_WORKERS}"));
    }
    ProxyConfig {
        socket: raw.socket.unwrap_or_else(|| "/run/evenkeel/proxy.sock".into()),
        state_dir: raw.state_dir.unwrap_or_else(|| "/var/lib/evenkeel/proxy".into()),
        readiness_path: raw.readiness_path,
        drain_on_upgrade,
        workers,
        limits: limits(raw.limits.unwrap_or_default(), problems),
        certificates: raw.tls.unwrap_or_default().directory.unwrap_or_else(|| "/etc/evenkeel/tls".into()),
        acme: raw.acme.and_then(|raw| check_acme(raw, problems)),
    }
}

fn limits(raw: RawLimits, problems: &mut Vec<String>) -> Limits {
    let default = Limits::default();
    let head_bytes = raw.head_bytes.unwrap_or(default.head_bytes);
    if head_bytes < SMALLEST_HEAD {
        problems.push(format!("proxy.limits.head_bytes: {head_bytes} is less than {SMALLEST_HEAD}"));
    }
    let connections = raw.connections.unwrap_or(default.connections);
    let waiting = raw.waiting.unwrap_or_else(|| Limits::waiting_for(connections));
    // Otherwise requests that wait could take every connection of their port, and the bound on them would never be met.
    let of_one_port = Limits::of_one_port(connections);
    if connections > 0 && waiting >= of_one_port as u64 {
        problems.push(format!(
            "proxy.limits.waiting: {waiting} is not below {of_one_port}, the three quarters of \
             proxy.limits.connections ({connections}) that one port may have"
        ));
    }
    let headers = raw.headers.unwrap_or(default.headers);
    let streams = raw.streams.unwrap_or(default.streams);
    for (key, zero) in [("connections", connections == 0), ("headers", headers == 0), ("streams", streams == 0)] {
        if zero {
            problems.push(format!("proxy.limits.{key}: 0 would let nothing through"));
        }
    }
    let mut time = |key: &str, text, default| time(&format!("limits.{key}"), text, default, problems);
    Limits {
        connections,
        head_bytes,
        headers,
        streams,
        waiting,
        head: time("head_timeout", raw.head_timeout, default.head),
        idle: time("idle_timeout", raw.idle_timeout, default.idle),
        read_stall: time("read_timeout", raw.read_timeout, default.read_stall),
        write_stall: time("write_timeout", raw.write_timeout, default.write_stall),
        connect: time("connect_timeout", raw.connect_timeout, default.connect),
        answer: time("answer_timeout", raw.answer_timeout, default.answer),
        ..default
    }
}

fn time(key: &str, text: Option<String>, default: Millis, problems: &mut Vec<String>) -> Millis {
    let Some(text) = text else { return default };
    Millis::parse(&text).unwrap_or_else(|| {
        problems.push(format!("proxy.{key}: `{text}` is no duration, such as `30s` or `500ms`"));
        default
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(connections: usize, waiting: Option<u64>) -> (u64, Vec<String>) {
        let mut problems = vec![];
        let raw = RawLimits { connections: Some(connections), waiting, ..RawLimits::default() };
        (limits(raw, &mut problems).waiting, problems)
    }

    #[test]
    fn those_that_wait_are_fewer_than_one_port_may_have_connections() {
        assert_eq!(problems(8192, None), (2048, vec![]));
        assert_eq!(problems(7, None), (1, vec![]));
        assert_eq!(problems(1, None), (0, vec![]));
        assert_eq!(problems(1000, Some(749)).1, [""; 0]);
        assert_eq!(
            problems(1000, Some(750)).1,
            ["proxy.limits.waiting: 750 is not below 750, the three quarters of proxy.limits.connections (1000) that \
              one port may have"]
        );
    }
}
