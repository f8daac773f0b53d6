//! From the merged keys to the checked configuration: every problem is noted, and a default stands in so that the next one is
//! found too. Not here: reading.

use std::net::SocketAddr;

use evenkeel_model::{FleetName, Millis};

use super::{Config, LogFormat, RawConfig, SessionTerms};

/// The longest life of a host's certificate: a stolen one must be worthless some day, and there is no revocation list.
const LONGEST_CERTIFICATE: Millis = Millis::minutes(90 * 24 * 60);
/// The shortest one: it must outlive a renewal or two that failed.
const SHORTEST_CERTIFICATE: Millis = Millis::seconds(2);
/// Of all intervals: anything quicker than a round trip would only be noise.
const SHORTEST_INTERVAL: Millis = Millis(100);
/// Of all intervals: a slip of the pen.
const LONGEST_INTERVAL: Millis = Millis::minutes(60);

/// The configuration; only to be used if no problem was added.
pub(super) fn check(raw: RawConfig, problems: &mut Vec<String>) -> Config {
    let fleet = fleet(raw.fleet, problems);
    let listen = socket("listen", raw.listen, "0.0.0.0:7400", problems);
    let http_listen = socket("http_listen", raw.http_listen, "127.0.0.1:7401", problems);
    let advertise = raw.advertise.unwrap_or_default();
    problems.extend(
        advertise
            .iter()
            .filter(|address| !is_address(address))
            .map(|address| format!("advertise: `{address}` is not `host:port`, such as `coordinator.internal:7400`")),
    );
    let insecure_registries = raw.insecure_registries.unwrap_or_default();
    problems.extend(
        insecure_registries
            .iter()
            .filter(|registry| !is_registry(registry))
            .map(|registry| format!("insecure_registries: `{registry}` is not a registry's `host` or `host:port`")),
    );
    let terms = SessionTerms {
        lease: interval("lease", raw.lease, SessionTerms::default().lease, problems),
        beat: interval("beat_interval", raw.beat_interval, SessionTerms::default().beat, problems),
        stats: interval("stats_interval", raw.stats_interval, SessionTerms::default().stats, problems),
        certificate: within(
            "host_certificate_lifetime",
            raw.host_certificate_lifetime,
            SessionTerms::default().certificate,
            (SHORTEST_CERTIFICATE, LONGEST_CERTIFICATE),
            problems,
        ),
    };
    if terms.lease.0 < terms.beat.0.saturating_mul(2) {
        problems.push(format!(
            "lease: {} is less than two beats of {} (beat_interval): one lost beat would make a host silent",
            terms.lease, terms.beat
        ));
    }
    let log_format = log_format(raw.log_format.as_deref(), problems);
    Config {
        fleet,
        // Not the folder above: it is made for its owner alone, and the agent's may lie beside this one.
        data_dir: raw.data_dir.unwrap_or_else(|| "/var/lib/evenkeel/coordinator".into()),
        listen,
        http_listen,
        advertise,
        insecure_registries,
        registry_config: raw.registry_config.unwrap_or_else(|| "/root/.docker/config.json".into()),
        session: terms,
        log_format,
        log_filter: log_filter(raw.log_filter, problems),
    }
}

fn fleet(written: Option<String>, problems: &mut Vec<String>) -> FleetName {
    let default = || FleetName::try_from("evenkeel".to_owned()).expect("the default is a valid name");
    written.map_or_else(default, |text| {
        FleetName::try_from(text).unwrap_or_else(|problem| {
            problems.push(format!("fleet: {problem}"));
            default()
        })
    })
}

fn socket(key: &str, written: Option<String>, default: &str, problems: &mut Vec<String>) -> SocketAddr {
    let text = written.unwrap_or_else(|| default.to_owned());
    text.parse().unwrap_or_else(|_| {
        problems.push(format!("{key}: `{text}` is not an address and port to listen on, such as `{default}`"));
        default.parse().expect("the default is a valid address")
    })
}

fn interval(key: &str, written: Option<String>, default: Millis, problems: &mut Vec<String>) -> Millis {
    within(key, written, default, (SHORTEST_INTERVAL, LONGEST_INTERVAL), problems)
}

fn within(
    key: &str,
    written: Option<String>,
    default: Millis,
    (least, most): (Millis, Millis),
    problems: &mut Vec<String>,
) -> Millis {
    let Some(text) = written else { return default };
    match Millis::parse(&text) {
        Some(value) if value >= least && value <= most => return value,
        Some(_) => problems.push(format!("{key}: `{text}` is not between {least} and {most}")),
        None => problems.push(format!("{key}: `{text}` is not a duration, such as `{default}`")),
    }
    default
}

fn log_format(written: Option<&str>, problems: &mut Vec<String>) -> LogFormat {
    match written {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => {
            problems.push(format!("log_format: `{other}` is neither `text` nor `json`"));
            LogFormat::Text
        }
    }
}

fn log_filter(written: Option<String>, problems: &mut Vec<String>) -> String {
    let filter = written.unwrap_or_else(|| "info".to_owned());
    if let Err(problem) = filter.parse::<tracing_subscriber::EnvFilter>() {
        problems.push(format!("log_filter: `{filter}` is not a filter: {problem}"));
    }
    filter
}

/// `host:port`, where the host may be a name, an IPv4 address or an IPv6 address in brackets.
fn is_address(text: &str) -> bool {
    let is_host = |host: &str| {
        !host.is_empty() && !host.contains(|character: char| character.is_whitespace() || character == '/')
    };
    text.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_registry(text: &str) -> bool {
    !text.is_empty() && !text.contains(|character: char| character.is_whitespace() || character == '/')
}
