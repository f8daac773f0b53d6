//! Rollouts as stories: the views that a watch is told, one after the other.

use evenkeel_proto::v1::*;

use crate::views::{ago, failure, rollout, rollout_host};

/// Rollout 7 of three hosts in two waves, with these states; it goes on.
pub(crate) fn states(states: [&str; 3]) -> RolloutView {
    let host = |index: usize| {
        let why = match states[index] {
            "ordered" => "pulling registry.example/shop:1.4",
            "healthy" => "trial: all services healthy",
            _ => "",
        };
        let wave = u32::from(index > 0);
        RolloutHostView { why: why.to_owned(), ..rollout_host(&format!("h{}", index + 1), wave, states[index]) }
    };
    let wave = u32::from(states[0] == "committed");
    RolloutView {
        hosts: (0..3).map(host).collect(),
        state: "advancing".to_owned(),
        outcome: String::new(),
        ended: None,
        failure: None,
        waiting: vec![],
        wave,
        prefetch: None,
        ..rollout()
    }
}

/// The view, ended with this outcome.
pub(crate) fn ended(view: RolloutView, outcome: &str) -> RolloutView {
    RolloutView { state: "ended".to_owned(), outcome: outcome.to_owned(), ended: Some(ago(0)), ..view }
}

fn in_state(view: RolloutView, state: &str) -> RolloutView {
    RolloutView { state: state.to_owned(), failure: Some(failure()), ..view }
}

/// The view with a failure on that host.
fn failed(mut view: RolloutView, host: usize, failure: FailureView) -> RolloutView {
    view.hosts[host].failure = Some(failure);
    view
}

fn waiting(mut view: RolloutView, kind: &str, message: &str, hosts: &[&str], until: Option<u64>) -> RolloutView {
    view.waiting.push(WaitingView {
        kind: kind.to_owned(),
        message: message.to_owned(),
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        until,
    });
    view
}

pub(crate) fn happy() -> Vec<RolloutView> {
    let baking = |view, hosts: &[&str]| {
        waiting(view, "bake", "the wave must stay healthy", hosts, Some(crate::desk::NOW + 30_000))
    };
    let ahead =
        |present, failing, view| RolloutView { prefetch: Some(PrefetchView { hosts: 2, present, failing }), ..view };
    let mut denied = ahead(0, 1, states(["ordered", "waiting", "waiting"]));
    "fetching".clone_into(&mut denied.hosts[2].prefetch);
    denied.hosts[2].prefetch_failure = Some(FailureView {
        cause_class: "image".to_owned(),
        cause: "registry_unreachable".to_owned(),
        message: "registry.example answers 503".to_owned(),
        ..FailureView::default()
    });
    vec![
        states(["waiting"; 3]),
        waiting(denied, "unhealthy", "not healthy yet", &["h1"], None),
        ahead(2, 0, baking(states(["healthy", "waiting", "waiting"]), &["h1"])),
        states(["committing", "waiting", "waiting"]),
        states(["committed", "ordered", "waiting"]),
        states(["committed", "healthy", "ordered"]),
        baking(states(["committed", "healthy", "healthy"]), &["h2", "h3"]),
        states(["committed", "committed", "committing"]),
        ended(states(["committed"; 3]), "succeeded"),
    ]
}

pub(crate) fn rolled_back() -> Vec<RolloutView> {
    let mut obstacle = states(["ordered", "waiting", "waiting"]);
    obstacle.hosts[0].obstacle = Some(FailureView {
        cause_class: "image".to_owned(),
        cause: "registry_unreachable".to_owned(),
        service: Some("web".to_owned()),
        message: "registry.example answers 503, tried again".to_owned(),
        evidence: None,
    });
    vec![
        states(["ordered", "waiting", "waiting"]),
        obstacle,
        states(["ordered", "waiting", "waiting"]),
        failed(states(["failed", "waiting", "waiting"]), 0, failure()),
        in_state(failed(states(["failed", "waiting", "waiting"]), 0, failure()), "rolling_back"),
        in_state(failed(states(["returned", "waiting", "waiting"]), 0, failure()), "rolling_back"),
        RolloutView {
            failure: Some(failure()),
            ..ended(failed(states(["returned", "waiting", "waiting"]), 0, failure()), "rolled_back")
        },
    ]
}

pub(crate) fn paused() -> Vec<RolloutView> {
    let stopped = failed(states(["committed", "failed", "waiting"]), 1, failure());
    let stopped = waiting(stopped, "person", "it failed, and on_failure is pause", &[], None);
    vec![states(["committed", "ordered", "waiting"]), in_state(stopped, "paused")]
}

pub(crate) fn host_lost() -> Vec<RolloutView> {
    let lost = FailureView {
        cause_class: "unreachable".to_owned(),
        cause: "silent".to_owned(),
        message: "not heard from for 15m".to_owned(),
        ..FailureView::default()
    };
    let rolling_back = |states: RolloutView| RolloutView {
        state: "rolling_back".to_owned(),
        failure: Some(lost.clone()),
        ..failed(states, 1, lost.clone())
    };
    vec![
        states(["committed", "ordered", "waiting"]),
        waiting(states(["committed", "ordered", "waiting"]), "host_lost", "not heard from", &["h2"], None),
        rolling_back(states(["returning", "failed", "waiting"])),
        ended(rolling_back(states(["returned", "failed", "waiting"])), "rolled_back"),
    ]
}
