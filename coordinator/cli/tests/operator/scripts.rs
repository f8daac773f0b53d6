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
        acts: vec![],
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

/// The view of a canary, whose traffic comes in steps, with what one of its gates has come to.
fn canary(view: RolloutView, share: u32, readings: &[(&str, &str)]) -> RolloutView {
    let readings = readings.iter().map(|(verdict, said)| ReadingView {
        at: ago(5),
        verdict: (*verdict).to_owned(),
        said: (*said).to_owned(),
        lines: vec![],
    });
    let gate = GateView {
        at: "commit".to_owned(),
        kind: "analysis".to_owned(),
        asks: "analysis errors, 5 readings every 1m,".to_owned(),
        since: ago(60),
        readings: readings.collect(),
        ..GateView::default()
    };
    RolloutView { policy: Some(crate::views::canary()), share, gates: vec![gate], acts: vec![], ..view }
}

/// Traffic in steps, readings, a person's pause, and at last a gate that asks for another person.
pub(crate) fn approval() -> Vec<RolloutView> {
    let healthy = || states(["healthy", "waiting", "waiting"]);
    let good = ("good", "0.01 (at most 0.05)");
    let act = |by: &str, deed: &str, why: &str| crate::views::act(by, 30, deed, why);
    let measuring = |view| waiting(view, "analysis", "errors: 1 of 5 readings", &[], None);
    let mut resumed = canary(healthy(), 25, &[good]);
    resumed.acts = vec![act("bob", "paused", "errors rise"), act("bob", "resumed", "")];
    let mut asks = canary(healthy(), 25, &[good, ("bad", "0.06 (at most 0.05)"), good]);
    asks.acts.clone_from(&resumed.acts);
    vec![
        canary(states(["ordered", "waiting", "waiting"]), 5, &[]),
        waiting(canary(healthy(), 5, &[]), "bake", "5% must stay well", &["h1"], Some(crate::desk::NOW + 30_000)),
        measuring(canary(healthy(), 25, &[good])),
        resumed,
        waiting(asks, "approval", "1 more person has to approve; ada can't, who began it", &[], None),
    ]
}

/// One that waits for its turn, and then for a person because the one before it does.
pub(crate) fn queued() -> Vec<RolloutView> {
    let behind = |message: &str| {
        let none =
            RolloutView { state: "queued".to_owned(), hosts: vec![], waves: 0, acts: vec![], ..states(["waiting"; 3]) };
        waiting(none, "queue", message, &[], None)
    };
    let stuck = waiting(behind("rollout 6 goes on"), "approval", "rollout 6: 1 more person has to approve", &[], None);
    vec![behind("rollout 6 goes on"), stuck]
}

/// One whose turn comes.
pub(crate) fn its_turn() -> Vec<RolloutView> {
    let mut views = queued();
    views.truncate(1);
    views.extend([states(["ordered", "waiting", "waiting"]), ended(states(["committed"; 3]), "succeeded")]);
    views
}

/// A freeze that ends, and a person who pauses although a failure was put up with.
pub(crate) fn held() -> Vec<RolloutView> {
    let frozen =
        |until| waiting(states(["committed", "waiting", "waiting"]), "frozen", "ada froze it: stocktaking", &[], until);
    let put_up_with = failed(states(["committed", "failed", "waiting"]), 1, failure());
    let paused = RolloutView { state: "paused".to_owned(), ..put_up_with };
    vec![
        frozen(Some(crate::desk::NOW + 60_000)),
        states(["committed", "ordered", "waiting"]),
        waiting(paused, "paused", "bob paused it: one failure is enough", &[], None),
    ]
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
