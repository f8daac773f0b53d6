//! `host drain` from the word to the empty host: what is said meanwhile, and how it ends.

use std::sync::{Arc, Mutex};

use evenkeel_proto::v1::{HostAppView, HostView, RolloutView, WaitingView};
use tonic::Status;

use crate::canned::Canned;
use crate::desk::Desk;
use crate::{golden, views};

fn app(name: &str, ordered: Option<u64>, stage: &str) -> HostAppView {
    HostAppView {
        app: name.to_owned(),
        ordered_release: ordered,
        ordered_phase: "committed".to_owned(),
        stage: stage.to_owned(),
        services: if stage == "committed" && ordered.is_none() { vec![] } else { views::host_app().services },
        failure: None,
        why: if ordered.is_some() { "serving" } else { "stopping web" }.to_owned(),
        ..views::host_app()
    }
}

fn host(duty: &str, apps: Vec<HostAppView>) -> HostView {
    HostView { duty: duty.to_owned(), apps, ..views::host() }
}

/// The host before the word, and as it is looked at after that.
fn emptying(looks: Vec<Result<HostView, Status>>) -> Arc<Canned> {
    let waiting = |kind: &str, message: &str| WaitingView {
        kind: kind.to_owned(),
        message: message.to_owned(),
        ..WaitingView::default()
    };
    let budget = waiting("budget_spent", "the budget is spent: 1 unavailable, and 1 may be");
    let rollout =
        RolloutView { waiting: vec![waiting("drain", "web-1 is to be emptied"), budget], ..RolloutView::default() };
    Arc::new(Canned {
        host: host("active", vec![app("shop", Some(3), "committed"), app("wiki", Some(1), "committed")]),
        rollout,
        looks: Mutex::new(looks.into()),
        ..Canned::default()
    })
}

fn gone(name: &str) -> HostAppView {
    app(name, None, "committed")
}

#[tokio::test(start_paused = true)]
async fn a_drain_says_what_is_left_until_the_host_is_empty() {
    let canned = emptying(vec![
        Ok(host("drained", vec![app("shop", Some(3), "committed"), app("wiki", Some(1), "committed")])),
        Ok(host("drained", vec![app("shop", Some(3), "committed"), app("wiki", None, "working")])),
        Err(Status::unavailable("restarting")),
        Err(Status::unavailable("restarting")),
        Ok(host("drained", vec![app("shop", None, "working"), gone("wiki")])),
        Ok(host("drained", vec![gone("shop"), gone("wiki")])),
    ]);
    let ran = Desk::facing(&canned).run("host drain web-1 --why memory").await;
    assert_eq!((ran.code, ran.error.as_str()), (0, ""), "{}", ran.output);
    golden::check("progress/drain.txt", &ran.output);
}

#[tokio::test(start_paused = true)]
async fn as_json_the_empty_host_alone_is_printed() {
    let canned = emptying(vec![Ok(host("drained", vec![gone("shop")]))]);
    let ran = Desk::facing(&canned).run("host drain web-1 --output json").await;
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    assert!(ran.output.starts_with("{\n") && ran.output.contains("\"duty\": \"drained\""), "{}", ran.output);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_somebody_gave_back_is_not_waited_for() {
    let back = HostView { duty_act: None, ..host("active", vec![app("shop", Some(3), "committed")]) };
    let ran = Desk::facing(&emptying(vec![Ok(back)])).run("host drain web-1").await;
    assert_eq!(ran.code, 7);
    assert!(ran.output.ends_with("not to be emptied any more: it is active. See: evenkeel host show web-1\n"));
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_is_told_that_it_goes_on() {
    let full = || Ok(host("drained", vec![app("shop", Some(3), "committed")]));
    let ran = Desk::facing(&emptying((0..50).map(|_| full()).collect())).run("host drain web-1 --timeout 1m").await;
    assert_eq!(ran.code, 6);
    let told = "not empty within 1m00s: web-1 goes on being emptied. To wait again: evenkeel host drain web-1\n";
    assert_eq!(ran.error, told);
    let mut desk = Desk::facing(&emptying((0..50).map(|_| full()).collect()));
    desk.surroundings.interrupt = Box::new(|| Box::pin(tokio::time::sleep(std::time::Duration::from_secs(3))));
    let ran = desk.run("host drain web-1").await;
    assert_eq!(ran.code, 6);
    assert!(ran.error.starts_with("no longer waited for: "), "{}", ran.error);
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_is_refused_waits_for_nothing() {
    let canned = Canned { refusal: Some(Status::not_found("there is no host web-9")), ..Canned::default() };
    let ran = Desk::facing(&Arc::new(canned)).run("host drain web-9").await;
    assert_eq!((ran.code, ran.output.as_str()), (1, ""));
    assert!(ran.error.contains("`evenkeel hosts` lists"), "{}", ran.error);
}
