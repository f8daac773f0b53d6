//! What was read from a Compose file. Not here: reading it.

use evenkeel_model::{Health, Mount, Order, Port, Probe, Specification, manifest::ServiceDraft};

use crate::format::printable;

use super::pairs;

/// The whole file, service by service.
pub(crate) fn specification(specification: &Specification) -> Vec<String> {
    let policy = &specification.policy;
    let waves: Vec<String> = policy.waves.iter().map(ToString::to_string).collect();
    let budget = policy.max_unavailable.map_or_else(|| "1 or 10%, the larger".to_owned(), |count| count.to_string());
    let mut lines = pairs(&[
        ("app", specification.app.to_string()),
        ("waves", waves.join(", ")),
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
    let order = match spec.order {
        Order::StartFirst => "start-first",
        Order::StopFirst => "stop-first",
    };
    let why =
        spec.clash().filter(|_| spec.order == Order::StopFirst).map(|why| format!(" ({why})")).unwrap_or_default();
    about.push(("order", format!("{order}{why}")));
    about
}

fn port(port: &Port) -> String {
    let address = port.address.as_ref().map(|address| format!("{address}:")).unwrap_or_default();
    let protocol = format!("{:?}", port.protocol).to_lowercase();
    format!("{address}{}→{}/{protocol}", port.published, port.target)
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
        Probe::Http { port, path } => format!("GET :{port}{path}"),
        Probe::Tcp { port } => format!("connect to :{port}"),
        Probe::Exec { command } => format!("run {}", command.join(" ")),
        Probe::Docker => "the engine's health check".to_owned(),
        Probe::Running => "it runs".to_owned(),
    };
    let Health { interval, timeout, successes, failures, .. } = health;
    format!("{asked}, every {interval}, timeout {timeout}, healthy after {successes}, unhealthy after {failures}")
}
