//! Apps: what runs where, and the releases there are. Not here: hosts by themselves (`hosts.rs`).

use evenkeel_model::UnixMillis;
use evenkeel_proto::v1::{AppHostView, AppStatusView, ListReleasesResponse, StatusResponse};

use crate::format::{age, hosts, short_digest};
use crate::table::{Cell, Look, Table, Tone};

use super::headline;

/// What runs where: for each app its hosts.
pub(crate) fn status(view: &StatusResponse, look: Look) -> Vec<String> {
    if view.apps.is_empty() {
        return vec!["No apps yet. Deploy one first: evenkeel deploy -f compose.yaml".to_owned()];
    }
    let mut lines = Vec::new();
    for app in &view.apps {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(look.paint(Tone::Strong, &heading(app)));
        lines.extend(on_hosts(app, look));
    }
    lines
}

fn heading(app: &AppStatusView) -> String {
    let current = app
        .current_release
        .map_or_else(|| "no current release".to_owned(), |release| format!("current release {release}"));
    let rollout = app.rollout.map(|rollout| format!(", rollout {rollout} goes on")).unwrap_or_default();
    let healthy = app.hosts.iter().filter(|host| host.app.as_ref().is_some_and(|app| app.healthy)).count();
    let (name, environment) = (&app.app, &app.environment);
    format!("{name} (environment {environment}): {current}{rollout}, {healthy} of {} healthy", hosts(app.hosts.len()))
}

fn on_hosts(app: &AppStatusView, look: Look) -> Vec<String> {
    if app.hosts.is_empty() {
        return vec!["  on no host".to_owned()];
    }
    let mut table = Table::new(&["HOST", "CONTACT", "RELEASE", "STAGE", "HEALTHY", "SERVICES", "WHY"]);
    for host in &app.hosts {
        table.row(row(host));
    }
    table.lines(look, 2)
}

fn row(host: &AppHostView) -> Vec<Cell> {
    let Some(app) = &host.app else {
        return vec![host.host.as_str().into(), Cell::word(&host.contact)];
    };
    let running = app.services.iter().filter(|service| service.running && service.healthy).count();
    vec![
        host.host.as_str().into(),
        Cell::word(&host.contact),
        releases_running(app).into(),
        Cell::word(&app.stage),
        Cell::word(if app.healthy { "yes" } else { "no" }),
        format!("{running}/{}", app.services.len()).into(),
        app.failure.as_ref().map_or_else(|| app.why.clone(), headline).into(),
    ]
}

/// What runs, by the host's own word; `3` or, in the middle of a swap, `3,4`.
fn releases_running(app: &evenkeel_proto::v1::HostAppView) -> String {
    let mut running: Vec<u64> = app.services.iter().map(|service| service.release).collect();
    running.sort_unstable();
    running.dedup();
    let running: Vec<String> = running.iter().map(ToString::to_string).collect();
    if running.is_empty() { "-".to_owned() } else { running.join(",") }
}

/// Releases, newest first, a line each.
pub(crate) fn releases(view: &ListReleasesResponse, look: Look) -> Vec<String> {
    let mut table = Table::new(&["RELEASE", "APP", "ENVIRONMENT", "CURRENT", "MADE", "BY", "DIGEST", "IMAGES"]);
    for release in &view.releases {
        let images: Vec<String> = release.images.iter().map(image).collect();
        table.row(vec![
            Cell::number(Some(release.release)),
            release.app.as_str().into(),
            release.environment.as_str().into(),
            if release.current { Cell::word("yes") } else { "".into() },
            age(look.now, UnixMillis(release.made)).into(),
            release.by.as_str().into(),
            short_digest(&release.digest).into(),
            images.join(", ").into(),
        ]);
    }
    if table.is_empty() {
        return vec!["No releases yet. A deploy makes one: evenkeel deploy -f compose.yaml".to_owned()];
    }
    table.lines(look, 0)
}

fn image(image: &evenkeel_proto::v1::ImageView) -> String {
    let local = if image.local { " local" } else { "" };
    format!("{}={} ({}{local})", image.service, image.reference, short_digest(&image.digest))
}
