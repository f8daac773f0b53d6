//! Hosts: the list, and all about one. Not here: what runs where by app (`apps.rs`).

use evenkeel_model::UnixMillis;
use evenkeel_proto::v1::{HostAppView, HostStatsView, HostView, ListHostsResponse};

use crate::format::{age, hundredths, moment, short_digest, size, until};
use crate::table::{Cell, Look, Table};

use super::{evidence, headline, labels, pairs, said_by};

/// All hosts, a line each.
pub(crate) fn hosts(view: &ListHostsResponse, look: Look) -> Vec<String> {
    let mut table = Table::new(&[
        "HOST",
        "ENVIRONMENT",
        "CONTACT",
        "DUTY",
        "HEARD",
        "AGENT",
        "LOAD",
        "MEMORY FREE",
        "DISK FREE",
        "LABELS",
    ]);
    for host in &view.hosts {
        let stats = host.stats.as_ref();
        let known = |text: Option<String>| Cell::from(text.unwrap_or_else(|| "-".to_owned()));
        table.row(vec![
            host.host.as_str().into(),
            host.environment.as_str().into(),
            Cell::word(&host.contact),
            Cell::word(&host.duty),
            heard(host, look).into(),
            known(host.facts.as_ref().map(|facts| facts.agent_version.clone())),
            known(stats.map(|stats| hundredths(stats.load_hundredths))),
            known(stats.map(|stats| size(stats.memory_available))),
            known(stats.map(|stats| size(stats.disk_available))),
            labels(&host.labels).into(),
        ]);
    }
    if table.is_empty() {
        return vec!["No hosts yet. Make a join token first: evenkeel token create".to_owned()];
    }
    table.lines(look, 0)
}

/// All about one host.
pub(crate) fn host(host: &HostView, look: Look) -> Vec<String> {
    let mut about = vec![
        ("host", host.host.clone()),
        ("environment", host.environment.clone()),
        ("labels", labels(&host.labels)),
        ("contact", format!("{}, heard {}", host.contact, heard(host, look))),
        ("duty", duty(host, look)),
        ("joined", format!("{} ({})", age(look.now, UnixMillis(host.joined)), moment(UnixMillis(host.joined)))),
        ("certificate", certificate(UnixMillis(host.certificate_expires), look)),
    ];
    if let Some(facts) = &host.facts {
        let engine = facts.engine.clone().unwrap_or_else(|| "does not answer".to_owned());
        about.push(("agent", facts.agent_version.clone()));
        about.push(("system", format!("{}, kernel {}, {}", facts.os, facts.kernel, facts.architecture)));
        about.push(("size", format!("{} CPUs, {} memory", facts.cpus, size(facts.memory_total))));
        about.push(("engine", engine));
    }
    if let Some(stats) = &host.stats {
        about.push(("use", usage(stats)));
    }
    let mut lines = pairs(&about);
    for app in &host.apps {
        lines.push(String::new());
        lines.extend(on_host(app, look));
    }
    if let Some(stats) = host.stats.as_ref().filter(|stats| !stats.containers.is_empty()) {
        lines.push(String::new());
        lines.extend(containers(stats, look));
    }
    lines
}

fn on_host(app: &HostAppView, look: Look) -> Vec<String> {
    let release = app.ordered_release.map_or_else(|| "nothing".to_owned(), |release| format!("release {release}"));
    let base = app.base_release.map_or_else(|| "none".to_owned(), |release| release.to_string());
    let mut lines = pairs(&[
        ("app", format!("{} (environment {})", app.app, app.environment)),
        ("ordered", format!("{release}, {} (generation {})", word(&app.ordered_phase), app.generation)),
        ("stage", format!("{}, {}", word(&app.stage), if app.healthy { "healthy" } else { "not healthy" })),
        ("committed", base),
        ("says", word(&app.why)),
    ]);
    if let Some(failure) = &app.failure {
        lines.push(format!("failure    {}", headline(failure)));
        lines.extend(evidence(failure, usize::MAX));
    }
    let mut table = Table::new(&["SERVICE", "RELEASE", "RUNNING", "HEALTHY", "RESTARTS", "PIN", "IMAGE ID"]);
    for service in &app.services {
        table.row(vec![
            service.service.as_str().into(),
            Cell::number(Some(service.release)),
            Cell::word(yes(service.running)),
            Cell::word(yes(service.healthy)),
            Cell::number(Some(service.restarts)),
            short_digest(&service.pin).into(),
            short_digest(&service.image_id).into(),
        ]);
    }
    if !table.is_empty() {
        lines.extend(table.lines(look, 2));
    }
    lines
}

fn containers(stats: &HostStatsView, look: Look) -> Vec<String> {
    let mut table = Table::new(&["APP", "ENVIRONMENT", "SERVICE", "SLOT", "CPU", "MEMORY"]);
    for container in &stats.containers {
        table.row(vec![
            container.app.as_str().into(),
            container.environment.as_str().into(),
            container.service.as_str().into(),
            container.slot.as_str().into(),
            cpus(container.cpu_millicores).into(),
            size(container.memory).into(),
        ]);
    }
    table.lines(look, 0)
}

fn usage(stats: &HostStatsView) -> String {
    format!(
        "{} CPUs busy, load {}, {} memory free, {} of {} disk free",
        cpus(stats.cpu_millicores),
        hundredths(stats.load_hundredths),
        size(stats.memory_available),
        size(stats.disk_available),
        size(stats.disk_total),
    )
}

/// `drained, 5m ago by ada: new memory`
fn duty(host: &HostView, look: Look) -> String {
    let act = host.duty_act.as_ref().map(|act| format!(", {}", said_by(act, look))).unwrap_or_default();
    format!("{}{act}", word(&host.duty))
}

fn certificate(expires: UnixMillis, look: Look) -> String {
    match until(look.now, expires).as_str() {
        "over" => format!("expired {} ({})", age(look.now, expires), moment(expires)),
        until => format!("expires {until} ({})", moment(expires)),
    }
}

fn heard(host: &HostView, look: Look) -> String {
    host.last_heard.map_or_else(|| "not yet".to_owned(), |moment| age(look.now, UnixMillis(moment)))
}

fn cpus(millicores: u64) -> String {
    hundredths(millicores / 10)
}

fn yes(fact: bool) -> &'static str {
    if fact { "yes" } else { "no" }
}

fn word(word: &str) -> String {
    if word.is_empty() { "-".to_owned() } else { word.to_owned() }
}
