//! What the operator may have forgotten: a port asked by HTTP that is forwarded as a mere connection, a gate that has nobody to ask about.
//! Not here: what is wrong.

use evenkeel_model::analysis::Source;
use evenkeel_model::gate::{Check, GateWaves};
use evenkeel_model::{Gate, GatePoint, Probe, ServiceName, ServiceSpec, Via};

use crate::prometheus;
use crate::reader::Reader;

/// Notes each port of which requests are lost in a swap though they need not be.
pub(crate) fn note_requests_without_http(reader: &mut Reader<'_>, name: &ServiceName, spec: &ServiceSpec) {
    for port in spec.ports.iter().filter(|port| port.via == Via::Tcp && speaks_http(spec, port.target)) {
        let published = port.published;
        reader.note(format!(
            "{name}: port {published} carries connections; write `app_protocol: http` so that no request is lost in a swap"
        ));
    }
}

/// Notes an analysis that asks about hosts where there are none: it says nothing, and the rollout pauses.
pub(crate) fn note_nobody_to_ask_about(reader: &mut Reader<'_>, path: &str, gate: &Gate) {
    let Check::Analysis(analysis) = &gate.check else { return };
    let nobody = match &analysis.source {
        Source::Prometheus { query, .. } if query.contains(prometheus::HOSTS) => "`$$hosts` names none",
        Source::Logs { .. } => "there are no logs of it",
        Source::Prometheus { .. } | Source::Http { .. } => return,
    };
    let is_first = matches!(gate.waves, GateWaves::Every | GateWaves::First | GateWaves::Only(0));
    if gate.at == GatePoint::Before && is_first {
        reader.note(format!(
            "{path}: before the first wave no host has the release, and {nobody}, so that the rollout pauses: write a later `wave` or `at`"
        ));
    }
}

/// Whether the service's own checks ask this port by HTTP.
fn speaks_http(spec: &ServiceSpec, target: u16) -> bool {
    let probed = match &spec.health.probe {
        Probe::Http(probe) => probe.port == target,
        // gRPC is HTTP/2.
        Probe::Grpc { port, .. } => *port == target,
        Probe::Exec { command } => asks(command, target),
        Probe::Tcp { .. } | Probe::Docker | Probe::Running => false,
    };
    probed || spec.engine_healthcheck.as_ref().is_some_and(|check| asks(&check.test, target))
}

/// Whether a command asks a port of its own container by HTTP, as far as its text shows.
fn asks(command: &[String], target: u16) -> bool {
    let words = || command.iter().flat_map(|text| text.split(|letter: char| " \t\n\"'();|&<>`".contains(letter)));
    // These need no scheme.
    let is_client = words().any(|word| matches!(word.rsplit('/').next(), Some("curl" | "wget")));
    words().any(|word| match word.split_once("http://") {
        Some((_, rest)) => port_of(rest) == Some(target),
        None => is_client && is_local(word) && port_of(word) == Some(target),
    })
}

fn is_local(word: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| word.starts_with(host))
}

/// The port of `HOST[:PORT][/…]`.
fn port_of(address: &str) -> Option<u16> {
    let authority = address.split(['/', '?', '#']).next()?;
    match authority.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => port.parse().ok(),
        _ => Some(80),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_asks_by_http_is_recognised() {
        let check = |text: &str, ports: &[u16]| {
            let command: Vec<String> = text.split('~').map(str::to_owned).collect();
            let found: Vec<u16> = [80, 443, 3000, 8080].into_iter().filter(|port| asks(&command, *port)).collect();
            assert_eq!(found, ports, "{text}");
        };
        check("CMD~curl~-f~http://localhost:8080/healthz", &[8080]);
        check("CMD-SHELL~wget -qO- http://127.0.0.1/ || exit 1", &[80]);
        check("CMD-SHELL~curl -f localhost:3000", &[3000]);
        check("CMD~/usr/bin/curl~[::1]:8080/x", &[8080]);
        check("CMD~curl~--url=http://[::1]/x?a=b:1", &[80]);
        check("CMD-SHELL~python -c \"urlopen('http://localhost:8080')\"", &[8080]);
        check("CMD~curl~https://localhost:8080", &[]);
        check("CMD~nc~-z~localhost:8080", &[]);
        check("CMD~pg_isready", &[]);
        check("CMD-SHELL~curl http://localhost:$PORT/", &[]);
    }
}
