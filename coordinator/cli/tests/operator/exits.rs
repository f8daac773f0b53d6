//! How following a rollout ends: the exit code for each outcome, and what happens when the connection, the time or the
//! operator's patience ends first.

use std::sync::Arc;

use evenkeel_proto::v1::{DeployResponse, FailureView, RolloutView, WaitingView};
use tonic::Status;

use crate::answers::{SHOP, compose_file};
use crate::canned::{Canned, Told};
use crate::desk::{Desk, run};
use crate::scripts::{ended, happy, states};

fn begun(watches: Vec<Vec<Told>>) -> Canned {
    let rollout = Some(states(["waiting"; 3]));
    let deploy = Some(DeployResponse { rollout, notes: vec!["web is stop-first".to_owned()] });
    Canned { deploy, watches: Canned::watches(watches), ..Canned::default() }
}

fn told(views: Vec<RolloutView>) -> Vec<Told> {
    views.into_iter().map(Told::view).collect()
}

fn with_failure(view: RolloutView) -> RolloutView {
    RolloutView { failure: Some(FailureView::default()), ..view }
}

#[tokio::test(start_paused = true)]
async fn each_end_has_its_code_whichever_verb_waits() {
    let (_directory, file) = compose_file(SHOP);
    let moved = || states(["committed"; 3]);
    let paused = || with_failure(RolloutView { state: "paused".to_owned(), ..moved() });
    let asking = |kind: &str| RolloutView {
        waiting: vec![WaitingView { kind: kind.to_owned(), ..WaitingView::default() }],
        ..moved()
    };
    for (last, code) in [
        (ended(moved(), "succeeded"), 0),
        (ended(with_failure(moved()), "rolled_back"), 3),
        (ended(with_failure(moved()), "halted"), 4),
        (paused(), 4),
        (ended(moved(), "aborted"), 7),
        (ended(moved(), "superseded"), 7),
        (ended(moved(), "unheard_of"), 5),
        (asking("approval"), 5),
        (asking("promotion"), 5),
        (asking("frozen"), 5),
        (asking("paused"), 5),
    ] {
        for verb in [format!("deploy -f {file}"), "rollback shop --to 3".to_owned(), "rollout watch".to_owned()] {
            let canned = begun(vec![vec![Told::view(last.clone()), Told::Silence]]);
            let ran = run(canned, &verb).await;
            assert_eq!(ran.code, code, "{verb}: {}{}", ran.output, ran.error);
            let canned = begun(vec![vec![Told::view(last.clone()), Told::Silence]]);
            let ran = run(canned, &format!("{verb} --output json")).await;
            assert_eq!(ran.code, code, "{verb}");
            assert!(ran.output.starts_with('{') && ran.output.contains(&format!("\"state\": \"{}\"", last.state)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_made_again_and_said_once() {
    let canned = Arc::new(begun(vec![
        told(happy()[..3].to_vec()),
        vec![Told::Error(Status::unavailable("restarting"))],
        vec![],
        told(happy()[3..].to_vec()),
    ]));
    let ran = Desk::facing(&canned).run("rollout watch --app shop").await;
    assert_eq!(ran.code, 0, "{}", ran.output);
    assert_eq!(ran.output.matches("connection lost").count(), 1, "{}", ran.output);
    assert_eq!(ran.output.matches("connected to the coordinator again").count(), 1, "{}", ran.output);
    let heard = canned.heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 4);
    assert!(
        heard[0].contains("app: \"shop\"") && heard[1..].iter().all(|asked| asked.contains("rollout: 7")),
        "{heard:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn silence_is_never_success_and_the_timeout_ends_it() {
    let (_directory, file) = compose_file(SHOP);
    let all_healthy = || vec![Told::view(states(["committed"; 3]))];
    let open = || [all_healthy(), vec![Told::Silence]].concat();
    for watches in [vec![all_healthy()], vec![open()], vec![]] {
        let ran = run(begun(watches.clone()), &format!("deploy -f {file} --timeout 20m")).await;
        assert_eq!(ran.code, 6, "{}", ran.output);
        assert!(ran.error.contains("not over within 20m00s"), "{}", ran.error);
        assert!(ran.error.contains("evenkeel rollout watch 7"), "{}", ran.error);
        let ran = run(begun(watches), &format!("deploy -f {file} --timeout 20m --output json")).await;
        assert_eq!(ran.code, 6);
        assert!(ran.output.contains("\"rollout\": 7") && ran.output.contains("\"outcome\": \"\""), "{}", ran.output);
    }
}

#[tokio::test(start_paused = true)]
async fn an_impatient_operator_learns_how_to_attach_again() {
    let canned = Arc::new(begun(vec![vec![Told::view(states(["ordered", "waiting", "waiting"])), Told::Silence]]));
    let mut desk = Desk::facing(&canned);
    desk.surroundings.interrupt = Box::new(|| Box::pin(tokio::time::sleep(std::time::Duration::from_secs(3))));
    let ran = desk.run("rollout watch 7").await;
    assert_eq!(ran.code, 6);
    assert!(ran.error.contains("goes on. To attach again: evenkeel rollout watch 7"), "{}", ran.error);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_watch_any_longer_is_not_told_that_it_ended() {
    let watches =
        vec![told(happy()[..3].to_vec()), vec![Told::Error(Status::permission_denied("ada is no viewer any more"))]];
    let ran = run(begun(watches), "rollout watch 7").await;
    assert_eq!(ran.code, 6);
    assert!(ran.error.contains("error: ada is no viewer any more") && ran.error.contains("goes on"), "{}", ran.error);
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_was_never_seen_is_an_error() {
    let ran = run(begun(vec![vec![Told::Error(Status::not_found("there is no rollout 9"))]]), "rollout watch 9").await;
    assert_eq!((ran.code, ran.output.as_str()), (1, ""));
    assert_eq!(ran.error, "error: there is no rollout 9\n  next: `evenkeel rollouts` lists the rollouts there are\n");
    let ran = run(begun(vec![vec![]]), "rollout watch").await;
    assert_eq!(ran.code, 1);
}

#[tokio::test(start_paused = true)]
async fn a_detached_deploy_does_not_wait() {
    let (_directory, file) = compose_file(SHOP);
    let ran = run(begun(vec![]), &format!("deploy -f {file} --detach")).await;
    assert_eq!(ran.code, 0);
    assert_eq!(ran.output, "note: web is stop-first\nrollout 7 has begun. To watch: evenkeel rollout watch 7\n");
    let rollout = Some(RolloutView { state: "queued".to_owned(), ..states(["waiting"; 3]) });
    let deploy = Some(DeployResponse { rollout, notes: vec![] });
    let ran = run(Canned { deploy, ..Canned::default() }, &format!("deploy -f {file} --queue --detach")).await;
    assert_eq!(ran.output, "rollout 7 waits for its turn. To watch: evenkeel rollout watch 7\n");
}
