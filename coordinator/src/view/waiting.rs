//! What a rollout waits for, as one line for people. Not here: when it waits (crate `evenkeel-rollout`).

use std::fmt::Display;

use evenkeel_model::{HostId, UnixMillis};
use evenkeel_proto::v1;
use evenkeel_rollout::WaitingOn;

/// So many hosts are named in a line; the rest is counted.
const HOSTS_NAMED: usize = 5;

/// One reason to wait.
pub fn waiting(reason: &WaitingOn, now: UnixMillis) -> v1::WaitingView {
    let view = |kind: &str, message: String, hosts: &[HostId]| v1::WaitingView {
        kind: kind.to_owned(),
        message,
        hosts: hosts.iter().map(ToString::to_string).collect(),
        until: None,
    };
    match reason {
        WaitingOn::Bake { until } => {
            let message = format!("the wave is healthy, and must stay so for {} more", until.since(now));
            v1::WaitingView { until: Some(until.0), ..view("bake", message, &[]) }
        }
        WaitingOn::Unhealthy { hosts } => {
            view("unhealthy", said(hosts, "is not healthy yet", "are not healthy yet"), hosts)
        }
        WaitingOn::Share { hosts, share } => {
            let one = format!("is healthy, and has not said yet that the release gets {share} of what is new there");
            let many = format!("are healthy, and have not said yet that the release gets {share} of what is new there");
            view("share", said(hosts, one, many), hosts)
        }
        WaitingOn::Acknowledgement { hosts } => {
            let message = said(hosts, "has not said yet that it committed", "have not said yet that they committed");
            view("acknowledgement", message, hosts)
        }
        WaitingOn::Returning { hosts } => {
            let message = said(hosts, "is going back to the release before", "are going back to the release before");
            view("returning", message, hosts)
        }
        WaitingOn::BudgetSpent { unavailable, budget } => {
            let message = format!("the budget is spent: {unavailable} unavailable, and {budget} may be");
            view("budget_spent", message, &[])
        }
        WaitingOn::HostLost { hosts } => {
            view("host_lost", said(hosts, "is not heard from", "are not heard from"), hosts)
        }
        WaitingOn::Obstacle { host, failure } => {
            let message = format!("{host} tries again: {failure}");
            view("obstacle", message, std::slice::from_ref(host))
        }
        WaitingOn::Conflict { hosts } => {
            let one = "has heard a newer coordinator, and is left alone until a person says which state counts";
            let many = "have heard a newer coordinator, and are left alone until a person says which state counts";
            view("conflict", said(hosts, one, many), hosts)
        }
        WaitingOn::Person => {
            let message =
                "it has failed and is paused: resume it to try the failed hosts once more, roll back, or abort it";
            view("person", message.to_owned(), &[])
        }
        WaitingOn::Paused { by: Some(by), why } => {
            view("paused", format!("paused by {by}{}: resume it", because(why)), &[])
        }
        WaitingOn::Paused { by: None, why } => {
            view("paused", format!("paused{}: resume it, or abort it", because(why)), &[])
        }
        WaitingOn::Frozen { until, by, why } => {
            let end =
                until.map_or_else(|| "until it is lifted".to_owned(), |until| format!("for {} more", until.since(now)));
            let view = view("frozen", format!("frozen by {by} {end}{}", because(why)), &[]);
            v1::WaitingView { until: until.map(|until| until.0), ..view }
        }
        WaitingOn::Window { window, opens } => {
            let when = opens.map_or_else(|| "not within a week".to_owned(), |opens| format!("in {}", opens.since(now)));
            let view = view("window", format!("the window {window} opens {when}"), &[]);
            v1::WaitingView { until: opens.map(|opens| opens.0), ..view }
        }
        WaitingOn::Approval { .. } | WaitingOn::Analysis { .. } | WaitingOn::Promotion => {
            let (kind, message) = at_gate(reason);
            view(kind, message, &[])
        }
        WaitingOn::Queue { rollout } => view("queue", format!("it waits for the end of rollout {rollout}"), &[]),
        WaitingOn::Drain { hosts } => view("drain", said(hosts, "is being emptied", "are being emptied"), hosts),
    }
}

/// What people, or a measurement, have to say at a gate.
fn at_gate(reason: &WaitingOn) -> (&'static str, String) {
    match reason {
        WaitingOn::Approval { needed, given, except } => {
            let who = if *needed == 1 { "one more person has" } else { "more persons have" };
            let except = except.as_ref().map(|name| format!(" (not {name}, who began it)")).unwrap_or_default();
            let given: Vec<&str> = given.iter().map(evenkeel_model::OperatorName::as_str).collect();
            let given = if given.is_empty() { String::new() } else { format!("; approved by {}", given.join(", ")) };
            ("approval", format!("{who} to approve it{except}{given}"))
        }
        WaitingOn::Analysis { name, taken, samples, bad } => {
            ("analysis", format!("analysis {name}: {taken} of {samples} readings, {bad} bad"))
        }
        _ => ("promotion", "a person has to promote it".to_owned()),
    }
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(" ({why})") }
}

fn said(hosts: &[HostId], one: impl Display, many: impl Display) -> String {
    let named: Vec<&str> = hosts.iter().take(HOSTS_NAMED).map(HostId::as_str).collect();
    match hosts.len() {
        0 | 1 => format!("{} {one}", named.join("")),
        all if all <= HOSTS_NAMED => format!("{} {many}", named.join(", ")),
        all => format!("{} and {} more {many}", named.join(", "), all - HOSTS_NAMED),
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::{CauseKind, Failure};

    use super::*;

    fn hosts(count: usize) -> Vec<HostId> {
        (1..=count).map(|number| format!("h{number}").parse().unwrap()).collect()
    }

    fn message(reason: &WaitingOn) -> String {
        waiting(reason, UnixMillis(1_000)).message
    }

    #[test]
    fn reasons_read_as_sentences() {
        assert_eq!(
            message(&WaitingOn::Bake { until: UnixMillis(24_000) }),
            "the wave is healthy, and must stay so for 23s more"
        );
        assert_eq!(message(&WaitingOn::Unhealthy { hosts: hosts(1) }), "h1 is not healthy yet");
        let share = 25.try_into().unwrap();
        assert_eq!(
            message(&WaitingOn::Share { hosts: hosts(1), share }),
            "h1 is healthy, and has not said yet that the release gets 25% of what is new there"
        );
        assert_eq!(message(&WaitingOn::HostLost { hosts: hosts(2) }), "h1, h2 are not heard from");
        let failure = Failure::plain(CauseKind::RegistryUnreachable, "429 Too Many Requests");
        assert_eq!(
            message(&WaitingOn::Obstacle { host: hosts(1).remove(0), failure }),
            "h1 tries again: image/registry_unreachable: 429 Too Many Requests"
        );
    }

    #[test]
    fn many_hosts_are_counted_in_the_message_and_named_in_the_field() {
        let view = waiting(&WaitingOn::Unhealthy { hosts: hosts(8) }, UnixMillis(0));
        assert_eq!(view.message, "h1, h2, h3, h4, h5 and 3 more are not healthy yet");
        assert_eq!(view.hosts.len(), 8);
    }
}
