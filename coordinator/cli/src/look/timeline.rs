//! One imagined rollout: what happened, moment by moment, and what it comes to. Not here: many of them (`summary.rs`), trying one (crate
//! `evenkeel-simulate`).

use evenkeel_model::{HostId, Millis};
use evenkeel_rollout::WaitingOn;
use evenkeel_simulate::{End, Entry, FailedHost, Then, Timeline, Totals, What};

use crate::format::{hosts, printable};
use crate::table::{Cell, Look, Table, Tone};

use super::{pairs, tone_of_end};

/// The run in full.
pub(crate) fn timeline(timeline: &Timeline, look: Look) -> Vec<String> {
    let mut lines: Vec<String> = timeline.entries.iter().map(|entry| line(entry, look)).collect();
    lines.push(String::new());
    lines.extend(pairs(&totals(&timeline.totals)));
    lines.push(String::new());
    lines.extend(waves(&timeline.totals, look));
    lines.push(String::new());
    lines.push(format!(
        "Imagined, with seed {}: no host was asked for anything. What other seeds come to: --runs 100",
        timeline.seed
    ));
    lines
}

fn line(entry: &Entry, look: Look) -> String {
    let tone = match &entry.what {
        What::Ended { end, .. } => tone_of_end(*end),
        What::Failed { .. } | What::HostsFailed { .. } | What::HostsUnhealthy { .. } => Tone::Bad,
        What::HostsSilent { .. } | What::RegistryAway { .. } | What::FreezeBegan { .. } | What::Rests { .. } => {
            Tone::Doubtful
        }
        _ => Tone::Plain,
    };
    format!("{}  {}", clock(entry.at), look.paint(tone, &printable(&happened(&entry.what))))
}

/// `+00:05:30`, with days before it where there are any.
pub(super) fn clock(at: Millis) -> String {
    let seconds = at.0 / 1000;
    let (days, hours, minutes, seconds) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let days = if days > 0 { format!("{days}d ") } else { String::new() };
    format!("+{days}{hours:02}:{minutes:02}:{seconds:02}")
}

fn happened(what: &What) -> String {
    match what {
        What::Began { hosts: count, waves, budget, silent } => {
            let silent = if *silent > 0 { format!(" ({silent} never heard)") } else { String::new() };
            let waves = if *waves == 1 { "1 wave".to_owned() } else { format!("{waves} waves") };
            format!("begins: {}{silent} in {waves}, {budget} may be unavailable at a time", hosts(*count))
        }
        What::GateWaits { wave, on } => format!("wave {} waits for {}", wave + 1, reasons(on)),
        What::GatePassed { wave, waited } => format!("wave {} is past its gate, after {waited}", wave + 1),
        What::Approved { by } => {
            format!("approved by {}", by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        What::Promoted { by } => format!("promoted by {by}"),
        What::Read { name, verdict } => format!("analysis {name}: {}", verdict.as_str()),
        What::RegistryAway { until } => format!("the registry is away, until {}", clock(*until)),
        What::RegistryBack => "the registry is back".to_owned(),
        What::FreezeBegan { until } => format!("frozen, until {}", clock(*until)),
        What::FreezeEnded => "not frozen any more".to_owned(),
        What::Rests { why } => format!("paused by itself: {why}"),
        What::Failed { failure, then } => {
            let then = match then {
                Then::Pauses => "it pauses, and a person decides",
                Then::Withdraws => "hosts in trial go back",
                Then::RollsBack => "all hosts go back",
            };
            format!("the rollout has failed: {then} ({failure})")
        }
        What::Ended { end, failure, waiting } => ended(*end, failure.as_ref().map(ToString::to_string), waiting),
        of_a_wave_or_hosts => of_a_wave(of_a_wave_or_hosts).unwrap_or_else(|| befell(of_a_wave_or_hosts)),
    }
}

fn of_a_wave(what: &What) -> Option<String> {
    let (wave, said) = match what {
        What::WaveBegan { wave, hosts: count, value } => {
            let value = value.as_ref().map(|value| format!(" of {value}")).unwrap_or_default();
            (wave, format!("begins: {}{value}", hosts(*count)))
        }
        What::WaveHealthy { wave, share, bake } => {
            let share = if share.is_partial() { format!(" with {share} of what is new") } else { String::new() };
            (wave, format!("is healthy{share}, and bakes for {bake}"))
        }
        What::BakeBroken { wave } => (wave, "is not healthy any more, and bakes anew later".to_owned()),
        What::ShareShifted { wave, share } => (wave, format!("gets {share} of what is new")),
        What::WaveCommitted { wave, committed, failed, took } => {
            let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
            (wave, format!("is through after {took}: {committed} committed{failed}"))
        }
        _ => return None,
    };
    Some(format!("wave {} {said}", wave + 1))
}

fn befell(what: &What) -> String {
    match what {
        What::HostsFailed { count, hosts: named } => {
            let named: Vec<String> =
                named.iter().map(|FailedHost { host, failure }| format!("{host} ({failure})")).collect();
            format!("{} failed: {}", hosts(*count), some_of(*count, &named))
        }
        What::HostsUnhealthy { count, hosts: named } => {
            format!("{} unhealthy after the commit: {}", hosts(*count), some_of(*count, &ids(named)))
        }
        What::HostsSilent { count, hosts: named } => {
            format!("{} not heard any more: {}", hosts(*count), some_of(*count, &ids(named)))
        }
        What::HostsHeard { count, hosts: named } => {
            format!("{} heard again: {}", hosts(*count), some_of(*count, &ids(named)))
        }
        What::More { failed, unhealthy, silent, heard } => {
            let parts = [
                (failed, "failed"),
                (unhealthy, "unhealthy after the commit"),
                (silent, "not heard any more"),
                (heard, "heard again"),
            ];
            let parts = parts.into_iter().filter(|(count, _)| **count > 0);
            parts.map(|(count, how)| format!("{count} more {how}")).collect::<Vec<_>>().join(", ")
        }
        // All others are told by whoever asks for this.
        _ => String::new(),
    }
}

fn ended(end: End, failure: Option<String>, waiting: &[WaitingOn]) -> String {
    let said = match end {
        End::Succeeded => "succeeded: every host has the new release",
        End::RolledBack => "rolled back: every host that was touched has the release before",
        End::Halted => "halted: hosts may have either release",
        End::Waiting => "it waits for a person, and nobody comes",
        End::GoesOn => "the run was stopped at its limit",
    };
    let waiting = if waiting.is_empty() { String::new() } else { format!("; waiting for {}", reasons(waiting)) };
    let failure = failure.map(|failure| format!(" ({failure})")).unwrap_or_default();
    format!("{said}{waiting}{failure}")
}

fn reasons(reasons: &[WaitingOn]) -> String {
    reasons.iter().map(reason).collect::<Vec<_>>().join(", ")
}

fn reason(reason: &WaitingOn) -> String {
    match reason {
        WaitingOn::Approval { needed: 1, .. } => "one person to approve".to_owned(),
        WaitingOn::Approval { needed, .. } => format!("{needed} persons to approve"),
        WaitingOn::Window { window, .. } => format!("the window {window}"),
        WaitingOn::Analysis { name, samples, .. } => format!("{samples} readings of {name}"),
        WaitingOn::Promotion => "somebody to promote it".to_owned(),
        WaitingOn::Person => "a person's decision".to_owned(),
        WaitingOn::Paused { .. } => "somebody to resume it".to_owned(),
        WaitingOn::Frozen { .. } => "the end of a freeze".to_owned(),
        WaitingOn::Bake { .. } => "the bake".to_owned(),
        WaitingOn::HostLost { hosts: lost } => format!("{} not heard from", hosts(lost.len())),
        WaitingOn::Unhealthy { hosts: awaited } => format!("{} to become healthy", hosts(awaited.len())),
        WaitingOn::Share { hosts: awaited, share } => {
            format!("{} to give it {share} of what is new", hosts(awaited.len()))
        }
        WaitingOn::Acknowledgement { hosts: awaited } => format!("{} to commit", hosts(awaited.len())),
        WaitingOn::Returning { hosts: awaited } => format!("{} to go back", hosts(awaited.len())),
        WaitingOn::Conflict { hosts: awaited } | WaitingOn::Drain { hosts: awaited } => hosts(awaited.len()),
        WaitingOn::BudgetSpent { unavailable, budget } => format!("the budget: {unavailable} of {budget} unavailable"),
        WaitingOn::Obstacle { host, failure } => format!("{host} ({failure})"),
        WaitingOn::Queue { rollout } => format!("the end of rollout {rollout}"),
    }
}

fn totals(totals: &Totals) -> Vec<(&'static str, String)> {
    let Totals { hosts: all, touched, moved, back, between, failed, .. } = totals;
    let most = totals.most_unavailable;
    let silent = if most.silent > 0 { format!(" ({} of them not heard)", most.silent) } else { String::new() };
    let mut said = vec![
        ("touched", format!("{touched} of {}: {moved} moved, {back} back, {between} in between", hosts(*all))),
        ("failed", hosts(*failed)),
        ("exposed", format!("the new release served on {} at once, at most", hosts(totals.most_exposed))),
        (
            "unavailable",
            format!("{} at once{silent}, at most; {} may be ({})", hosts(most.hosts), most.budget, clock(most.at)),
        ),
        ("took", format!("{}, {} of it at gates", totals.took, totals.waited_at_gates)),
    ];
    if totals.unhealthy > 0 {
        let unwell =
            format!("{} with the new release unhealthy, or soon: no bake has seen it", hosts(totals.unhealthy));
        said.insert(2, ("left unwell", unwell));
    }
    if let Some(longest) = &totals.longest_unavailable {
        said.push(("longest", format!("{} was unavailable for {}", longest.host, longest.lasting)));
    }
    said
}

fn waves(totals: &Totals, look: Look) -> Vec<String> {
    let mut table = Table::new(&["WAVE", "HOSTS", "COMMITTED", "FAILED", "BEGAN", "TOOK", "AT GATES"]);
    for wave in &totals.waves {
        table.row(vec![
            (wave.wave + 1).to_string().into(),
            wave.hosts.to_string().into(),
            wave.committed.to_string().into(),
            wave.failed.to_string().into(),
            clock(wave.began).into(),
            wave.took.map_or_else(|| Cell::toned("not through", Tone::Doubtful), |took| took.to_string().into()),
            wave.waited_at_gates.to_string().into(),
        ]);
    }
    table.lines(look, 0)
}

fn ids(hosts: &[HostId]) -> Vec<String> {
    hosts.iter().map(ToString::to_string).collect()
}

/// The first few are named; how many there are is counted.
fn some_of(count: usize, named: &[String]) -> String {
    let more = if count > named.len() { format!(" and {} more", count - named.len()) } else { String::new() };
    named.join(", ") + &more
}
