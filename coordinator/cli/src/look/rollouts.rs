//! Rollouts: the list, and all about one. Not here: a rollout while it is watched (`progress/`).

use std::fmt::Write as _;

use evenkeel_model::{Millis, UnixMillis};
use evenkeel_proto::v1::{ListRolloutsResponse, PrefetchView, RolloutHostView, RolloutView, WaitingView};

use crate::format::{age, duration, hosts as in_hosts, moment, printable, until};
use crate::person::need;
use crate::table::{Cell, Look, Table, tone_of};

use super::{act_with_age, evidence, gates, headline, pairs};

/// `1/3` for the first of three waves, which are counted from 0; `-` before there are any.
pub(crate) fn wave(wave: usize, waves: usize) -> String {
    if waves == 0 { "-".to_owned() } else { format!("{}/{waves}", wave + 1) }
}

/// Rollouts, newest first, a line each.
pub(crate) fn rollouts(view: &ListRolloutsResponse, look: Look) -> Vec<String> {
    let mut table = Table::new(&[
        "ROLLOUT",
        "APP",
        "ENVIRONMENT",
        "KIND",
        "RELEASE",
        "STATE",
        "WAVE",
        "BEGAN",
        "TOOK",
        "BY",
        "CAUSE",
    ]);
    for rollout in &view.rollouts {
        table.row(vec![
            Cell::number(Some(rollout.rollout)),
            rollout.app.as_str().into(),
            rollout.environment.as_str().into(),
            rollout.kind.as_str().into(),
            releases(rollout).into(),
            Cell::word(state(rollout)),
            wave(rollout.wave as usize, rollout.waves as usize).into(),
            age(look.now, UnixMillis(rollout.began)).into(),
            took(rollout, look).into(),
            rollout.by.as_str().into(),
            rollout.failure.as_ref().map(headline).unwrap_or_default().into(),
        ]);
    }
    if table.is_empty() {
        return vec!["No rollouts yet. Begin one: evenkeel deploy -f compose.yaml".to_owned()];
    }
    table.lines(look, 0)
}

/// All about one rollout.
pub(crate) fn rollout(view: &RolloutView, look: Look) -> Vec<String> {
    let mut lines = pairs(&about(view, look));
    lines.extend(view.failure.iter().flat_map(|failure| evidence(failure, usize::MAX)));
    lines.extend(view.waiting.iter().map(|waiting| format!("waiting on {}", self::waiting(waiting, look))));
    lines.extend(need(view).map(|need| need.next(view)));
    let parts =
        [gates(view, look), acts(view, look), if view.hosts.is_empty() { Vec::new() } else { hosts(view, look) }];
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        lines.push(String::new());
        lines.extend(part);
    }
    for host in &view.hosts {
        lines.extend(trouble(host, view.failure.as_ref()));
    }
    lines
}

fn about(view: &RolloutView, look: Look) -> Vec<(&'static str, String)> {
    let mut about = vec![
        ("rollout", view.rollout.to_string()),
        ("app", format!("{} (environment {})", view.app, view.environment)),
        ("kind", format!("{}, release {}", view.kind, releases(view))),
        ("state", look.paint(tone_of(state(view)), state(view))),
        ("wave", wave(view.wave as usize, view.waves as usize)),
        (
            "began",
            format!("{} ({}), by {}", age(look.now, UnixMillis(view.began)), moment(UnixMillis(view.began)), view.by),
        ),
        (if view.ended.is_some() { "took" } else { "since" }, took(view, look)),
    ];
    about.extend(share(view).map(|share| ("share", format!("{share} of what is new"))));
    if !view.freeze_override.is_empty() {
        about.push(("freeze", printable(&format!("none keeps it: {}", view.freeze_override))));
    }
    if let Some(ahead) = &view.prefetch {
        about.push(("fetched ahead", fetched_ahead(ahead)));
    }
    if let Some(failure) = &view.failure {
        about.push(("cause", headline(failure)));
    }
    about
}

fn acts(view: &RolloutView, look: Look) -> Vec<String> {
    let heading = (!view.acts.is_empty()).then(|| "What people did:".to_owned());
    heading.into_iter().chain(view.acts.iter().map(|done| format!("    {}", act_with_age(done, look)))).collect()
}

fn hosts(view: &RolloutView, look: Look) -> Vec<String> {
    let mut table = Table::new(&["WAVE", "HOST", "STATE", "SINCE", "GENERATION", "WHY"]);
    for host in &view.hosts {
        table.row(vec![
            wave(host.wave as usize, view.waves as usize).into(),
            host.host.as_str().into(),
            Cell::word(&host.state),
            age(look.now, UnixMillis(host.since)).into(),
            Cell::number(host.generation),
            host.why.as_str().into(),
        ]);
    }
    table.lines(look, 0)
}

/// What failed a host or stands in its way, or in that of its fetching ahead. The evidence is not repeated if it is that of the whole rollout.
fn trouble(host: &RolloutHostView, shown: Option<&evenkeel_proto::v1::FailureView>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(failure) = &host.prefetch_failure {
        lines.push(String::new());
        lines.push(printable(&format!("{} {CAN_NOT_FETCH}: {}", host.host, headline(failure))));
    }
    for (what, failure) in [("failed", &host.failure), ("has an obstacle", &host.obstacle)] {
        let Some(failure) = failure else { continue };
        lines.push(String::new());
        lines.push(format!("{} {what}: {}", host.host, headline(failure)));
        if shown == Some(failure) && failure.evidence.is_some() {
            lines.push("    evidence: above".to_owned());
        } else {
            lines.extend(evidence(failure, usize::MAX));
        }
    }
    lines
}

/// Of a host. That is no failure of it, and says so.
pub(crate) const CAN_NOT_FETCH: &str = "can't fetch ahead, and pulls in its turn";

/// `3 of 5 hosts, 1 can't yet`
pub(crate) fn fetched_ahead(view: &PrefetchView) -> String {
    let failing = if view.failing == 0 { String::new() } else { format!(", {} can't yet", view.failing) };
    format!("{} of {}{failing}", view.present, in_hosts(view.hosts as usize))
}

/// What is waited for: `bake: wave 1 must stay healthy (h1, h2), in 12s`.
pub(crate) fn waiting(waiting: &WaitingView, look: Look) -> String {
    let mut text = printable(&format!("{}: {}", waiting.kind, waiting.message));
    let not_named: Vec<&str> =
        waiting.hosts.iter().map(String::as_str).filter(|host| !waiting.message.contains(*host)).collect();
    if !not_named.is_empty() {
        write!(text, " ({})", not_named.join(", ")).expect("writing to a string does not fail");
    }
    if let Some(moment) = waiting.until {
        write!(text, ", {}", until(look.now, UnixMillis(moment))).expect("writing to a string does not fail");
    }
    text
}

/// How much of what is new the wave's hosts get now, such as `25%`. None: that does not go in steps, or not any more.
pub(crate) fn share(view: &RolloutView) -> Option<String> {
    let goes_in_steps = view.policy.as_ref().is_some_and(|policy| policy.shares.len() > 1);
    let goes_forward = matches!(view.state.as_str(), "advancing" | "paused");
    (goes_in_steps && goes_forward).then(|| format!("{}%", view.share))
}

/// `3 → 4`
pub(crate) fn releases(view: &RolloutView) -> String {
    let from = view.from.map_or_else(|| "none".to_owned(), |release| release.to_string());
    format!("{from} → {}", view.to)
}

/// The outcome if it has ended, else what it does.
pub(crate) fn state(view: &RolloutView) -> &str {
    if view.outcome.is_empty() { &view.state } else { &view.outcome }
}

/// How long it took, or has taken until now.
pub(crate) fn took(view: &RolloutView, look: Look) -> String {
    let end = UnixMillis(view.ended.unwrap_or(look.now.0));
    duration(Millis(end.since(UnixMillis(view.began)).0))
}
