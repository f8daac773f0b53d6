//! What changed from one view of a rollout to the next, a line for each change, and the proof of each failure. Not here: the
//! drawing on a terminal.

use evenkeel_proto::v1::{PrefetchView, RolloutHostView, RolloutView, WaitingView};

use crate::format::{hosts, printable};
use crate::look::{
    CAN_NOT_FETCH, act, evidence, fetched_ahead, headline, reading, rollout_releases, share, waiting, wave,
};
use crate::table::{Look, Tone, tone_of};

/// Lines of a log that are shown when a host fails: those that matter are the last ones, and `rollout show` has all.
const LOG_LINES: usize = 10;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Every change.
    All,
    /// Failures and turns of the whole rollout: the drawing shows the rest.
    Failures,
}

/// What is new in `next`.
pub(crate) fn of(last: Option<&RolloutView>, next: &RolloutView, detail: Detail, look: Look) -> Vec<String> {
    let mut news = Vec::new();
    if last.is_none() {
        news.push(heading(next));
    }
    let host_width = next.hosts.iter().map(|host| host.host.chars().count()).max().unwrap_or(0);
    for host in &next.hosts {
        let before = last.and_then(|last| last.hosts.iter().find(|before| before.host == host.host));
        let place = Place { wave: wave(host.wave as usize, next.waves as usize), host: &host.host, host_width };
        if detail == Detail::All {
            news.extend(moved(before, host, &place, look));
        }
        news.extend(failed(before, host, &place, look));
    }
    news.extend(acts(last, next));
    news.extend(readings(last, next, detail, look));
    news.extend(turned(last, next, look));
    if detail == Detail::All {
        news.extend(shared(last, next));
        news.extend(fetched(last, next));
        news.extend(waits(last, next, look));
    }
    news
}

/// What people did to it since. What they did before anybody watched is in `rollout show`.
fn acts(last: Option<&RolloutView>, next: &RolloutView) -> Vec<String> {
    let seen = last.map_or(next.acts.len(), |last| last.acts.len());
    next.acts.iter().skip(seen).map(|done| format!("rollout {}: {}", next.rollout, act(done))).collect()
}

/// Where a line belongs: `wave 1/3  h1`.
struct Place<'a> {
    wave: String,
    host: &'a str,
    host_width: usize,
}

impl Place<'_> {
    fn line(&self, what: &str) -> String {
        let (width, host) = (self.host_width, printable(self.host));
        format!("wave {}  {host:<width$}  {what}", self.wave).trim_end().to_owned()
    }
}

fn heading(view: &RolloutView) -> String {
    let extent = match (view.state.as_str(), view.waves) {
        ("queued", _) => "not begun yet".to_owned(),
        (_, 1) => format!("{} in 1 wave", hosts(view.hosts.len())),
        (_, waves) => format!("{} in {waves} waves", hosts(view.hosts.len())),
    };
    printable(&format!(
        "rollout {}: {} of {} (environment {}), release {}, {extent}",
        view.rollout,
        view.kind,
        view.app,
        view.environment,
        rollout_releases(view),
    ))
}

/// A host's new state, and what stands in its way.
fn moved(before: Option<&RolloutHostView>, host: &RolloutHostView, place: &Place<'_>, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    let state = look.paint(tone_of(&host.state), &host.state);
    let why = if host.why.is_empty() { String::new() } else { format!("   {}", printable(&host.why)) };
    match before {
        // Who has not begun is no news.
        None if host.state == "waiting" => {}
        None => lines.push(place.line(&format!("{state}{why}"))),
        Some(before) if before.state != host.state => {
            lines.push(place.line(&format!("{} → {state}{why}", before.state)));
        }
        Some(_) => {}
    }
    let unfetched = |view: &RolloutHostView| view.prefetch_failure.as_ref().map(headline);
    if let Some(now) = unfetched(host).filter(|now| before.and_then(unfetched).as_ref() != Some(now)) {
        lines.push(place.line(&format!("{}: {now}", look.paint(Tone::Doubtful, CAN_NOT_FETCH))));
    }
    let obstacle = |view: &RolloutHostView| view.obstacle.as_ref().map(headline);
    match (before.and_then(obstacle), obstacle(host)) {
        (before, Some(now)) if before.as_ref() != Some(&now) => {
            lines.push(place.line(&format!("{} {now}", look.paint(Tone::Doubtful, "obstacle:"))));
        }
        (Some(_), None) if host.failure.is_none() => lines.push(place.line("obstacle gone")),
        _ => {}
    }
    lines
}

/// A failure that was not there before, with its proof.
fn failed(before: Option<&RolloutHostView>, host: &RolloutHostView, place: &Place<'_>, look: Look) -> Vec<String> {
    let Some(failure) = &host.failure else { return Vec::new() };
    if before.is_some_and(|before| before.failure.as_ref() == Some(failure)) {
        return Vec::new();
    }
    let mut lines = vec![place.line(&look.paint(Tone::Bad, &format!("cause: {}", headline(failure))))];
    lines.extend(evidence(failure, LOG_LINES));
    lines
}

/// That all who are to fetch ahead now have: what comes before that is told by the drawing.
fn fetched(last: Option<&RolloutView>, next: &RolloutView) -> Option<String> {
    let is_done = |ahead: &&PrefetchView| ahead.present == ahead.hosts;
    let done = next.prefetch.as_ref().filter(is_done)?;
    let before = last.and_then(|last| last.prefetch.as_ref()).filter(is_done);
    // Fewer are left as they are ordered one by one.
    let is_new = before.is_none_or(|before| before.hosts < done.hosts);
    is_new.then(|| format!("rollout {}: fetched ahead: {}", next.rollout, fetched_ahead(done)))
}

/// A new state of the whole rollout, its end excepted, which is told apart.
fn turned(last: Option<&RolloutView>, next: &RolloutView, look: Look) -> Option<String> {
    let before = last.map_or("advancing", |last| last.state.as_str());
    // That one has not begun yet is in the heading.
    let is_told = last.is_none() && next.state == "queued";
    if before == next.state || next.state == "ended" || is_told {
        return None;
    }
    let cause = next.failure.as_ref().map(|failure| format!("   {}", headline(failure))).unwrap_or_default();
    Some(format!("rollout {}: {before} → {}{cause}", next.rollout, look.paint(tone_of(&next.state), &next.state)))
}

/// What the rollout has begun to wait for, where the lines of its hosts do not say so already.
fn waits(last: Option<&RolloutView>, next: &RolloutView, look: Look) -> Vec<String> {
    if next.state == "ended" {
        return Vec::new();
    }
    let in_flight = next.hosts.iter().any(|host| matches!(host.state.as_str(), "ordered" | "committing" | "returning"));
    let is_new = |waiting: &&WaitingView| {
        // Of most the words change with the time alone.
        let message = is_said_by_its_words(waiting).then_some(&waiting.message);
        let same = |before: &WaitingView| {
            (&before.kind, &before.hosts, before.until) == (&waiting.kind, &waiting.hosts, waiting.until)
                && message.is_none_or(|message| before.message == *message)
        };
        !last.is_some_and(|last| last.waiting.iter().any(same))
    };
    let is_told = |waiting: &&WaitingView| match waiting.kind.as_str() {
        "unhealthy" | "share" | "acknowledgement" | "returning" | "obstacle" => false,
        "budget_spent" => !in_flight,
        _ => true,
    };
    let new = next.waiting.iter().filter(is_told).filter(is_new);
    new.map(|new| format!("rollout {}: waiting on {}", next.rollout, waiting(new, look))).collect()
}

fn is_said_by_its_words(waiting: &WaitingView) -> bool {
    matches!(waiting.kind.as_str(), "approval" | "paused" | "queue")
}

/// How much of what is new the wave's hosts get now, where that goes in steps.
fn shared(last: Option<&RolloutView>, next: &RolloutView) -> Option<String> {
    let now = share(next)?;
    let before = last.and_then(share).filter(|_| last.is_some_and(|last| last.wave == next.wave));
    let is_new =
        before.as_ref().is_some_and(|before| *before != now) || (before.is_none() && next.state == "advancing");
    is_new.then(|| {
        format!(
            "rollout {}: wave {} gets {now} of what is new",
            next.rollout,
            wave(next.wave as usize, next.waves as usize)
        )
    })
}

/// What was measured since at its gates; of what is good only where every change is told.
fn readings(last: Option<&RolloutView>, next: &RolloutView, detail: Detail, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    // A gate keeps its place once the rollout has come to it.
    for (place, gate) in next.gates.iter().enumerate() {
        let before = last.and_then(|last| last.gates.get(place));
        let seen = match (last, before) {
            (None, _) => gate.readings.len(),
            (Some(_), None) => 0,
            // Fewer: what was measured before was given up, and this is measured anew.
            (Some(_), Some(before)) if before.readings.len() > gate.readings.len() => 0,
            (Some(_), Some(before)) => before.readings.len(),
        };
        let new = gate.readings.iter().skip(seen).filter(|new| detail == Detail::All || new.verdict != "good");
        lines.extend(new.map(|new| format!("rollout {}: {}", next.rollout, reading(gate, new, look))));
    }
    lines
}
