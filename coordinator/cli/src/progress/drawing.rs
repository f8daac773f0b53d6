//! The drawing of a rollout on a terminal: a line for each host, by wave, as many as fit. Not here: moving the cursor.

use std::collections::BTreeMap;

use evenkeel_model::UnixMillis;
use evenkeel_proto::v1::{RolloutHostView, RolloutView};

use crate::format::{clipped, duration, printable};
use crate::look::{fetched_ahead, headline, rollout_releases, share, state, took, waiting, wave};
use crate::person::is_for_a_person;
use crate::table::{Look, Tone, tone_of};

/// Lines for what is waited for.
const MOST_WAITS: usize = 3;

/// Characters of the longest state, `committing`.
const STATE_WIDTH: usize = 10;

/// A line in pieces of different tone. Clipped before it is painted: escapes take no room.
struct Line(Vec<(Tone, String)>);

impl Line {
    fn plain(text: String) -> Self {
        Self(vec![(Tone::Plain, text)])
    }

    fn rendered(&self, width: usize, look: Look) -> String {
        let mut room = width;
        let mut rendered = String::new();
        let end = self.0.iter().rposition(|(_, text)| !text.trim().is_empty()).map_or(0, |last| last + 1);
        for (index, (tone, text)) in self.0[..end].iter().enumerate() {
            let text = if index + 1 == end { text.trim_end() } else { text };
            let fits = clipped(text, room);
            room -= fits.chars().count();
            rendered.push_str(&look.paint(*tone, &fits));
        }
        rendered
    }
}

/// The drawing, in fewer lines than the terminal has, none of them broken by its width.
pub(crate) fn of(view: &RolloutView, size: crate::Size, look: Look) -> Vec<String> {
    // What a person is asked for must not be among what is left out.
    let (asked, rest): (Vec<_>, Vec<_>) = view.waiting.iter().partition(|waited| is_for_a_person(waited));
    let waits: Vec<Line> = asked
        .into_iter()
        .chain(rest)
        .take(MOST_WAITS)
        .map(|waited| Line::plain(format!("  waiting on {}", waiting(waited, look))))
        .collect();
    // One line for the heading, and one below the drawing, where the cursor stays.
    let room = size.height.saturating_sub(2 + waits.len()).max(1);
    let mut lines = vec![heading(view, look)];
    lines.extend(fitting(view, room, look));
    lines.extend(waits);
    lines.truncate(size.height.saturating_sub(1).max(1));
    // One character less than the width: some terminals break a line that fills it.
    lines.iter().map(|line| line.rendered(size.width.saturating_sub(1), look)).collect()
}

fn heading(view: &RolloutView, look: Look) -> Line {
    let ahead = view.prefetch.as_ref().map(|ahead| format!("  fetched ahead: {}", fetched_ahead(ahead)));
    let ahead = ahead.unwrap_or_default();
    let share = share(view).map(|share| format!(" at {share}")).unwrap_or_default();
    let beginning = format!("rollout {}  {} {}/{}", view.rollout, view.kind, view.environment, view.app);
    Line(vec![
        (Tone::Strong, printable(&beginning)),
        (Tone::Plain, format!("  release {}  ", rollout_releases(view))),
        (tone_of(state(view)), state(view).to_owned()),
        (Tone::Plain, format!("  wave {}{share}  {}", wave(view.wave as usize, view.waves as usize), took(view, look))),
        (Tone::Faint, ahead),
    ])
}

/// All hosts by wave; if they do not fit, waves in which all hosts are alike get one line; if they still do not fit, the
/// hosts that matter most.
fn fitting(view: &RolloutView, room: usize, look: Look) -> Vec<Line> {
    let mut by_wave: BTreeMap<u32, Vec<&RolloutHostView>> = BTreeMap::new();
    for host in &view.hosts {
        by_wave.entry(host.wave).or_default().push(host);
    }
    let collapsed = view.hosts.len() + by_wave.len() > room;
    let width = view.hosts.iter().map(|host| host.host.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (number, members) in &by_wave {
        let counts = counted(members);
        let alike = members.iter().all(|host| host.state == members[0].state && host.failure.is_none());
        lines.push(Line::plain(format!("  wave {}  {counts}", wave(*number as usize, view.waves as usize))));
        if !(collapsed && alike) {
            lines.extend(members.iter().map(|host| line(host, width, look)));
        }
    }
    if lines.len() <= room { lines } else { most_important(view, room, width, look) }
}

fn most_important(view: &RolloutView, room: usize, width: usize, look: Look) -> Vec<Line> {
    let mut sorted: Vec<&RolloutHostView> = view.hosts.iter().collect();
    sorted.sort_by_key(|host| importance(host));
    let shown = room.saturating_sub(1);
    let mut lines: Vec<Line> = sorted.iter().take(shown).map(|host| line(host, width, look)).collect();
    let rest = &sorted[shown.min(sorted.len())..];
    if !rest.is_empty() {
        lines.push(Line::plain(format!("    … and {} more: {}", rest.len(), counted(rest))));
    }
    lines
}

/// Lower is shown first.
fn importance(host: &RolloutHostView) -> u8 {
    match host.state.as_str() {
        "failed" => 0,
        _ if host.obstacle.is_some() => 1,
        "returning" | "ordered" => 2,
        "committing" | "healthy" => 3,
        "returned" => 4,
        "committed" => 6,
        "waiting" => 7,
        _ => 5,
    }
}

fn line(host: &RolloutHostView, width: usize, look: Look) -> Line {
    let name = printable(&host.host);
    let since = match host.state.as_str() {
        "waiting" | "committed" | "returned" => String::new(),
        _ => duration(look.now.since(UnixMillis(host.since))),
    };
    let says = match (&host.failure, &host.obstacle) {
        (Some(failure), _) => (Tone::Bad, headline(failure)),
        (None, Some(obstacle)) => (Tone::Doubtful, format!("obstacle: {}", headline(obstacle))),
        (None, None) => (Tone::Faint, printable(&host.why)),
    };
    Line(vec![
        (Tone::Plain, format!("    {name:<width$}  ")),
        (tone_of(&host.state), format!("{:<STATE_WIDTH$}", host.state)),
        (Tone::Plain, format!("  {since:>6}  ")),
        says,
    ])
}

/// `2 committed, 1 ordered`, in the order of the first of each.
fn counted(hosts: &[&RolloutHostView]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for host in hosts {
        match counts.iter_mut().find(|(state, _)| *state == host.state) {
            Some((_, count)) => *count += 1,
            None => counts.push((&host.state, 1)),
        }
    }
    counts.iter().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
