//! What was read from a Compose file. Not here: reading it.

use evenkeel_model::manifest::{DEFAULT_KEEP, ServiceDraft};
use evenkeel_model::{
    Health, HttpProbe, HttpRoute, KeepOld, Mount, Order, Policy, Port, Probe, Promote, Protocol, ServiceSpec,
    Specification, Strategy, Traffic, Via,
};

use crate::format::{named, printable};

use super::pairs;

/// The whole file, service by service.
pub(crate) fn specification(specification: &Specification) -> Vec<String> {
    let policy = &specification.policy;
    let budget = policy.max_unavailable.map_or_else(|| "1 or 10%, the larger".to_owned(), |count| count.to_string());
    let mut about = vec![("app", specification.app.to_string())];
    about.extend(strategy(policy));
    about.extend([
        ("waves", policy.waves.to_string()),
        ("unavailable", format!("at most {budget}")),
        ("bake", policy.bake.to_string()),
        (
            "deadlines",
            format!(
                "health {}, pull {}, progress {}",
                policy.health_deadline, policy.pull_deadline, policy.progress_deadline
            ),
        ),
    ]);
    about.extend(policy.gates.iter().map(|gate| ("gate", gate.to_string())));
    if specification.keep != DEFAULT_KEEP {
        about.push(("keep", format!("{} releases on each host", specification.keep)));
    }
    let mut lines = pairs(&about);
    for (name, draft) in &specification.services {
        lines.push(String::new());
        lines.push(format!("service {name}"));
        lines.extend(pairs(&service(draft)).iter().map(|line| format!("  {}", printable(line))));
    }
    if !specification.notes.is_empty() {
        lines.push(String::new());
        lines.extend(specification.notes.iter().map(|note| format!("note: {}", printable(note))));
    }
    lines
}

/// How the fleet is moved, where that is not the default.
fn strategy(policy: &Policy) -> Vec<(&'static str, String)> {
    let mut written = Vec::new();
    if policy.strategy != Strategy::Rolling {
        written.push(("strategy", policy.strategy.as_str().to_owned()));
    }
    if policy.promote == Promote::Manual {
        written.push(("promote", "by a person".to_owned()));
    }
    if !policy.weights.is_empty() {
        let shares: Vec<String> = policy.shares().iter().map(ToString::to_string).collect();
        written.push(("weights", format!("{} of what is new", shares.join(", "))));
    }
    written.extend(policy.by.iter().map(|label| ("by", format!("{label}: no wave has hosts of two of its values"))));
    if !policy.first.is_empty() {
        let first: Vec<String> = policy.first.iter().map(ToString::to_string).collect();
        written.push(("first", named(&first)));
    }
    written.extend(policy.min_healthy.map(|count| ("available", format!("at least {count}"))));
    if policy.keep_blue.0 > 0 {
        written.push(("keep_blue", policy.keep_blue.to_string()));
    }
    written
}

fn service(draft: &ServiceDraft) -> Vec<(&'static str, String)> {
    let spec = &draft.spec;
    let local = if draft.local { " (exists in engines only)" } else { "" };
    let mut about = vec![("image", format!("{}{local}", draft.image))];
    let mut optional = |key: &'static str, values: Vec<String>| {
        if !values.is_empty() {
            about.push((key, values.join(", ")));
        }
    };
    optional("entrypoint", spec.entrypoint.iter().map(|words| words.join(" ")).collect());
    optional("command", spec.command.iter().map(|words| words.join(" ")).collect());
    // Names alone: values may be secrets, and JSON shows them to who asks for them.
    optional("environment", spec.environment.keys().cloned().collect());
    optional("ports", spec.ports.iter().map(port).collect());
    optional("mounts", spec.mounts.iter().map(mount).collect());
    optional("user", spec.user.iter().cloned().collect());
    optional("hosts", spec.constraints.iter().map(ToString::to_string).collect());
    about.push(("health", health(&spec.health)));
    about.push(("order", order(spec)));
    about.extend(differences(spec));
    about
}

fn order(spec: &ServiceSpec) -> String {
    match (spec.order, spec.clash()) {
        (Order::StartFirst, _) => "start-first (old and new can run side by side)".to_owned(),
        (Order::StopFirst, Some(why)) => format!("stop-first ({why})"),
        (Order::StopFirst, None) => "stop-first (the file says so)".to_owned(),
    }
}

/// What is not as it is by default, by the names that the file has for it.
fn differences(spec: &ServiceSpec) -> Vec<(&'static str, String)> {
    let (traffic, default) = (spec.traffic, Traffic::default());
    let durations = [
        ("drain", traffic.drain, default.drain),
        ("hold", traffic.hold, default.hold),
        ("lb_delay", traffic.lb_delay, default.lb_delay),
    ];
    let written = durations.into_iter().filter(|(_, value, default)| value != default);
    let mut differences: Vec<_> = written.map(|(key, value, _)| (key, value.to_string())).collect();
    differences.extend(spec.keep_old.map(|keep_old| match keep_old {
        KeepOld::Running => ("keep_old", "running".to_owned()),
        KeepOld::Stopped => ("keep_old", "stopped".to_owned()),
    }));
    differences.extend(spec.stop_signal.iter().map(|signal| ("stop_signal", signal.clone())));
    differences
}

fn port(port: &Port) -> String {
    let address = match port.address.as_deref() {
        Some(address) if address.contains(':') => format!("[{address}]:"),
        Some(address) => format!("{address}:"),
        None => String::new(),
    };
    let protocol = match port.protocol {
        Protocol::Tcp => "",
        Protocol::Udp => "/udp",
    };
    let via = match &port.via {
        Via::Engine => "direct".to_owned(),
        Via::Tcp => "tcp".to_owned(),
        Via::Http(route) => http(route),
    };
    format!("{address}{} -> {}{protocol} {via}", port.published, port.target)
}

/// `http`, and in brackets what is not so for every port: `http (shop.example, /api)`.
fn http(route: &HttpRoute) -> String {
    let mut about = route.hosts.clone();
    about.extend(Some(&route.path).filter(|path| *path != "/").cloned());
    about.extend(route.sticky.as_ref().map(|cookie| format!("sticky by {cookie}")));
    about.extend(route.tls.then(|| "tls".to_owned()));
    about.extend(route.redirect_to_https.then(|| "redirect to https".to_owned()));
    if about.is_empty() { "http".to_owned() } else { format!("http ({})", about.join(", ")) }
}

fn mount(mount: &Mount) -> String {
    let (source, target, read_only) = match mount {
        Mount::Volume { name, target, read_only } => (format!("volume {name}"), target, read_only),
        Mount::Bind { source, target, read_only } => (source.clone(), target, read_only),
    };
    format!("{source} at {target}{}", if *read_only { " (read-only)" } else { "" })
}

fn health(health: &Health) -> String {
    let asked = match &health.probe {
        Probe::Http(probe) => request(probe),
        Probe::Grpc { port, service } => format!("gRPC health of :{port} {service}").trim_end().to_owned(),
        Probe::Tcp { port } => format!("connect to :{port}"),
        Probe::Exec { command } => format!("run {}", command.join(" ")),
        Probe::Docker => "the engine's health check".to_owned(),
        Probe::Running => "it runs".to_owned(),
    };
    let Health { interval, timeout, successes, failures, .. } = health;
    let at_first = health.start_interval.map(|interval| format!(" ({interval} at first)")).unwrap_or_default();
    format!(
        "{asked}, every {interval}{at_first}, timeout {timeout}, healthy after {successes}, unhealthy after {failures}"
    )
}

/// The request, and which answers are good where that was written.
fn request(probe: &HttpProbe) -> String {
    let mut said = vec![format!("{} :{}{}", probe.method, probe.port, probe.path)];
    if !probe.headers.is_empty() {
        // Names alone, as values may be secrets.
        let names: Vec<&str> = probe.headers.keys().map(String::as_str).collect();
        said.push(format!("with {}", names.join(" and ")));
    }
    match (probe.status_from, probe.status_to) {
        (200, 399) => {}
        (from, to) if from == to => said.push(format!("answers {from}")),
        (from, to) => said.push(format!("answers {from} to {to}")),
    }
    said.extend(probe.body.as_ref().map(|body| format!("containing {body:?}")));
    said.join(" ")
}
