//! Timelines in words. The operator's verb has its own; this one is read by those who read the stories.

use std::fmt::Write as _;

use evenkeel_model::{HostId, Millis};
use evenkeel_rollout::WaitingOn;
use evenkeel_simulate::{End, FailedHost, Quantiles, Summary, Then, Timeline, Totals, What};

/// One run in full.
pub(crate) fn timeline(timeline: &Timeline) -> String {
    let mut text = String::new();
    for entry in &timeline.entries {
        writeln!(text, "{}  {}", clock(entry.at), what(&entry.what)).unwrap();
    }
    text + &totals(&timeline.totals)
}

/// `+00:05:30`, with days before it where there are any.
fn clock(at: Millis) -> String {
    let seconds = at.0 / 1000;
    let (days, hours, minutes, seconds) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let days = if days > 0 { format!("{days}d ") } else { String::new() };
    format!("+{days}{hours:02}:{minutes:02}:{seconds:02}")
}

fn what(what: &What) -> String {
    match what {
        What::Began { hosts, waves, budget, silent } => {
            let silent = if *silent > 0 { format!(", {silent} not heard from") } else { String::new() };
            format!("began: {}{silent}, {}, {budget} may be unavailable", count(*hosts, "host"), count(*waves, "wave"))
        }
        What::WaveBegan { wave, hosts, value } => {
            let value = value.as_ref().map(|value| format!(" of {value}")).unwrap_or_default();
            format!("wave {} began: {}{value}", wave + 1, count(*hosts, "host"))
        }
        What::WaveHealthy { wave, share, bake } => {
            let share = if share.is_partial() { format!(" with {share}") } else { String::new() };
            format!("wave {} is healthy{share}, and bakes for {bake}", wave + 1)
        }
        What::BakeBroken { wave } => format!("wave {} is not healthy any more, and will bake anew", wave + 1),
        What::ShareShifted { wave, share } => format!("wave {} gets {share}", wave + 1),
        What::WaveCommitted { wave, committed, failed, took } => {
            let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
            format!("wave {} is through after {took}: {committed} committed{failed}", wave + 1)
        }
        What::GateWaits { wave, on } => {
            let on: Vec<String> = on.iter().map(reason).collect();
            format!("wave {} waits for {}", wave + 1, on.join(", "))
        }
        What::GatePassed { wave, waited } => format!("wave {} is past its gate after {waited}", wave + 1),
        What::Approved { by } => {
            format!("approved by {}", by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        What::Promoted { by } => format!("promoted by {by}"),
        What::Read { name, verdict } => format!("analysis {name}: {}", verdict.as_str()),
        What::RegistryAway { until } => format!("the registry is away until {}", clock(*until)),
        What::RegistryBack => "the registry is back".to_owned(),
        What::FreezeBegan { until } => format!("frozen until {}", clock(*until)),
        What::FreezeEnded => "not frozen any more".to_owned(),
        What::Rests { why } => format!("rests: {why}"),
        What::Failed { failure, then } => {
            let then = match then {
                Then::Pauses => "a person decides",
                Then::Withdraws => "takes back who is in trial",
                Then::RollsBack => "takes all back",
            };
            format!("failed ({failure}): {then}")
        }
        What::Ended { end, failure, waiting } => ended(*end, failure.as_ref().map(ToString::to_string), waiting),
        of_hosts => befell(of_hosts),
    }
}

fn befell(what: &What) -> String {
    match what {
        What::HostsFailed { count: hosts, hosts: named } => {
            let named: Vec<String> =
                named.iter().map(|FailedHost { host, failure }| format!("{host} ({failure})")).collect();
            format!("{} failed: {}", count(*hosts, "host"), list(*hosts, &named))
        }
        What::HostsUnhealthy { count: hosts, hosts: named } => {
            format!("{} unhealthy after the commit: {}", count(*hosts, "host"), list(*hosts, &ids(named)))
        }
        What::HostsSilent { count: hosts, hosts: named } => {
            format!("{} not heard from: {}", count(*hosts, "host"), list(*hosts, &ids(named)))
        }
        What::HostsHeard { count: hosts, hosts: named } => {
            format!("{} heard again: {}", count(*hosts, "host"), list(*hosts, &ids(named)))
        }
        What::More { failed, unhealthy, silent, heard } => {
            let parts = [
                (failed, "failed"),
                (unhealthy, "unhealthy after the commit"),
                (silent, "not heard from"),
                (heard, "heard again"),
            ];
            let parts = parts.into_iter().filter(|(hosts, _)| **hosts > 0);
            let parts: Vec<String> = parts.map(|(hosts, how)| format!("{hosts} more {how}")).collect();
            format!("… {}", parts.join(", "))
        }
        other => format!("{other:?}"),
    }
}

fn ended(end: End, failure: Option<String>, waiting: &[WaitingOn]) -> String {
    let waiting: Vec<String> = waiting.iter().map(reason).collect();
    let waiting = if waiting.is_empty() { String::new() } else { format!(" for {}", waiting.join(", ")) };
    let failure = failure.map(|failure| format!(": {failure}")).unwrap_or_default();
    format!("{}{waiting}{failure}", end.as_str())
}

fn reason(reason: &WaitingOn) -> String {
    match reason {
        WaitingOn::Approval { needed, .. } => format!("{needed} to approve"),
        WaitingOn::Window { window, .. } => format!("the window {window}"),
        WaitingOn::Analysis { name, samples, .. } => format!("{samples} readings of {name}"),
        WaitingOn::Promotion => "somebody to promote".to_owned(),
        WaitingOn::Person => "a person's decision".to_owned(),
        WaitingOn::Paused { .. } => "a person to resume".to_owned(),
        WaitingOn::HostLost { hosts } => format!("{} not heard from", count(hosts.len(), "host")),
        WaitingOn::Unhealthy { hosts } => format!("{} to become healthy", count(hosts.len(), "host")),
        other => format!("{other:?}"),
    }
}

/// What one run comes to.
pub(crate) fn totals(totals: &Totals) -> String {
    let Totals { hosts, touched, moved, unhealthy, back, between, failed, .. } = totals;
    let mut text = format!(
        "hosts        {touched} of {hosts} touched: {moved} moved, {back} back, {between} between; {failed} failed"
    );
    if *unhealthy > 0 {
        write!(text, "; {unhealthy} moved are not healthy, or will not be").unwrap();
    }
    let most = totals.most_unavailable;
    let silent = if most.silent > 0 { format!(", {} of them not heard from", most.silent) } else { String::new() };
    write!(text, "\nserved       on {} at once", totals.most_exposed).unwrap();
    write!(text, "\nunavailable  {} at once{silent}, {} may be ({})", most.hosts, most.budget, clock(most.at)).unwrap();
    if let Some(longest) = &totals.longest_unavailable {
        write!(text, "; {} for {}", longest.host, longest.lasting).unwrap();
    }
    write!(text, "\ntook         {}, {} of it at gates", totals.took, totals.waited_at_gates).unwrap();
    for wave in &totals.waves {
        let took = wave.took.map_or("not through".to_owned(), |took| format!("took {took}"));
        write!(text, "\nwave {:<8}{} from {}, {took}", wave.wave + 1, count(wave.hosts, "host"), clock(wave.began))
            .unwrap();
    }
    text
}

/// Many runs.
pub(crate) fn summary(summary: &Summary) -> String {
    let ends: Vec<String> = summary.ends.iter().map(|count| format!("{} {}", count.runs, count.end.as_str())).collect();
    let mut text =
        format!("{} of {}: {}", count(summary.runs.len(), "run"), count(summary.hosts, "host"), ends.join(", "));
    let rows = [
        ("took", quantiles(&summary.took)),
        ("at gates", quantiles(&summary.waited_at_gates)),
        ("touched", quantiles(&summary.touched)),
        ("served on", quantiles(&summary.most_exposed)),
        ("left unwell", quantiles(&summary.unhealthy)),
        ("failed", quantiles(&summary.failed)),
        ("unavailable", quantiles(&summary.most_unavailable)),
    ];
    for (name, quantiles) in rows {
        write!(text, "\n{name:<13}{quantiles}").unwrap();
    }
    text
}

fn quantiles<T: std::fmt::Display>(quantiles: &Quantiles<T>) -> String {
    format!("p50 {}, p95 {}, most {}", quantiles.p50, quantiles.p95, quantiles.most)
}

fn ids(hosts: &[HostId]) -> Vec<String> {
    hosts.iter().map(ToString::to_string).collect()
}

fn list(count: usize, named: &[String]) -> String {
    let more = if count > named.len() { format!(", {} more", count - named.len()) } else { String::new() };
    named.join(", ") + &more
}

fn count(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
