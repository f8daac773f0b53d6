//! The last words on a rollout: its outcome, how long it took, and what to do next. Not here: the exit code.

use evenkeel_proto::v1::{FailureView, RolloutView};

use crate::format::{all_hosts, environment_option, hosts, printable};
use crate::look::{headline, state, took};
use crate::person::{Need, need};
use crate::table::{Look, Tone, tone_of};

/// Of a rollout that has ended or waits for a person.
pub(crate) fn ending(view: &RolloutView, look: Look) -> Vec<String> {
    // What failed and was put up with is not why a person is waited for.
    let need = need(view).filter(|need| *need != Need::Decide);
    let mut lines = Vec::new();
    if let Some(cause) = cause(view).filter(|_| need.is_none()) {
        lines.push(format!("cause: {cause}"));
    }
    let (word, tone) = match need {
        Some(need) => (need.word().to_owned(), Tone::Doubtful),
        None => (state(view).replace('_', " "), tone_of(state(view))),
    };
    let said = printable(&if need == Some(Need::GoBefore) { behind_another() } else { what(view) });
    lines.push(format!("{} after {}: {said}. {}", look.paint(tone, &word), took(view, look), next(view)));
    lines
}

fn behind_another() -> String {
    "the rollout before it needs a person".to_owned()
}

/// Of a rollout that goes on while nobody watches any more.
pub(crate) fn still_going(rollout: u64, why: &str) -> Vec<String> {
    vec![format!("{why}: rollout {rollout} goes on. To attach again: evenkeel rollout watch {rollout}")]
}

/// The host that failed first is named with the cause if the cause is its own.
fn cause(view: &RolloutView) -> Option<String> {
    if state(view) == "succeeded" {
        return None;
    }
    let own = view.failure.as_ref();
    let host = view.hosts.iter().find(|host| host.failure.is_some() && (own.is_none() || host.failure.as_ref() == own));
    let failure = own.or_else(|| host.and_then(|host| host.failure.as_ref()))?;
    let host = host.map(|host| format!("{}: ", host.host)).unwrap_or_default();
    Some(printable(&format!("{host}{}", headline(failure))))
}

fn what(view: &RolloutView) -> String {
    let all = view.hosts.len();
    let with_new = view.hosts.iter().filter(|host| has_new(&host.state)).count();
    match state(view) {
        "succeeded" => format!("release {} serves on {}", view.to, all_hosts(all)),
        "rolled_back" => rolled_back(view),
        "aborted" if with_new > 0 => {
            format!("{with_new} of {} {} release {}, the others went back (mixed)", hosts(all), keep(with_new), view.to)
        }
        "aborted" => "no host keeps the new release".to_owned(),
        "superseded" => "another rollout took over".to_owned(),
        "paused" | "halted" | "advancing" | "queued" => {
            let failed = view.hosts.iter().filter(|host| host.failure.is_some()).count();
            format!("{with_new} of {} {} release {}, {failed} failed", hosts(all), have(with_new), view.to)
        }
        other => format!("this version does not know the word `{other}`"),
    }
}

fn next(view: &RolloutView) -> String {
    if let Some(need) = need(view) {
        return need.next(view);
    }
    let (id, app, environment) = (view.rollout, printable(&view.app), environment_option(&view.environment));
    match state(view) {
        "superseded" => "See: evenkeel rollouts".to_owned(),
        "succeeded" | "aborted" => format!("See: evenkeel status {app}{environment}"),
        "halted" => format!(
            "Next: look at evenkeel rollout show {id}, then deploy a corrected release or evenkeel rollback {app}{environment}"
        ),
        _ => format!("See: evenkeel rollout show {id}"),
    }
}

/// Hosts that could not say that they are back are not counted as such: silence is never health.
fn rolled_back(view: &RolloutView) -> String {
    let silent = |failure: &FailureView| failure.cause_class == "unreachable";
    let lost = view.hosts.iter().filter(|host| host.state == "failed" && host.failure.as_ref().is_some_and(silent));
    let lost: Vec<&str> = lost.map(|host| host.host.as_str()).collect();
    let all = view.hosts.len();
    let back = match lost.len() {
        0 => all_hosts(all),
        lost => format!("{} of {}", all - lost, hosts(all)),
    };
    let said = match view.from {
        Some(from) => format!("release {from} serves on {back} again"),
        None => format!("there was no release before, and nothing of {} runs on {back}", view.app),
    };
    if lost.is_empty() {
        said
    } else {
        format!("{said}; not heard from, and taken back on return: {}", lost.join(", "))
    }
}

fn has_new(state: &str) -> bool {
    matches!(state, "healthy" | "committing" | "committed")
}

fn have(count: usize) -> &'static str {
    if count == 1 { "has" } else { "have" }
}

fn keep(count: usize) -> &'static str {
    if count == 1 { "keeps" } else { "keep" }
}
