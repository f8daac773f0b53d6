//! What verbs ask for, and what they say when they can't get it.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use evenkeel_cli::{Dial, DialFailure, Exit, Globals, Reach, Terminal, Wire, check_context};
use tonic::Status;

use crate::answers::{SHOP, compose_file};
use crate::canned::Canned;
use crate::desk::{Desk, run};

/// A coordinator that can't be reached.
#[derive(Debug)]
pub(crate) struct Nowhere;

#[tonic::async_trait]
impl Dial for Nowhere {
    async fn dial(&self, _: &str) -> Result<Box<dyn Wire>, DialFailure> {
        Err(DialFailure::Network(std::io::ErrorKind::ConnectionRefused.into()))
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_coordinator_is_named_with_what_to_check() {
    let (_directory, file) = compose_file(SHOP);
    for arguments in ["hosts".to_owned(), format!("deploy -f {file}"), "rollout watch 7".to_owned()] {
        let ran = Desk::dialling(Arc::new(Nowhere)).run(&arguments).await;
        assert_eq!((ran.code, ran.output.as_str()), (1, ""), "{arguments}");
        let expected =
            "error: no coordinator can be reached: coordinator.example:7400: connection refused\n  next: check";
        assert!(ran.error.starts_with(expected), "{}", ran.error);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_deploy_says_why_and_begins_nothing() {
    let (_directory, file) = compose_file(SHOP);
    let refusal = Status::failed_precondition("rollout 6 of shop goes on");
    let canned = Canned { refusal: Some(refusal), ..Canned::default() };
    let ran = run(canned, &format!("deploy -f {file}")).await;
    assert_eq!((ran.code, ran.output.as_str()), (1, ""));
    assert!(
        ran.error.starts_with("error: rollout 6 of shop goes on\n  next: see `evenkeel rollouts`"),
        "{}",
        ran.error
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_typed_is_what_is_asked() {
    for (arguments, expected) in [
        ("token create --label role=web --lifetime 30m -e staging", "lifetime_ms: 1800000"),
        ("token create --label role=web -e staging", "environment: \"staging\""),
        ("hosts -e staging", "environment: \"staging\""),
        ("host label web-1 role=web old-", "remove: [\"old\"]"),
        ("rollouts --app shop --limit 3", "limit: 3"),
        ("rollout show", "rollout: 0"),
        ("rollout abort --app shop --rollback", "rollback: true"),
        ("rollout abort 7 --why noise", "why: \"noise\""),
        ("rollout show shop -e staging", "environment: \"staging\", app: \"shop\""),
        ("rollout pause shop --why noise", "pause RolloutWordRequest { rollout: 0, environment: \"\", app: \"shop\""),
        ("rollout pause --app 7", "app: \"7\""),
        (
            "rollout resume 7 --why calm",
            "resume RolloutWordRequest { rollout: 7, environment: \"\", app: \"\", why: \"calm\"",
        ),
        ("rollout promote 7", "promote RolloutWordRequest"),
        ("rollout approve 7", "approve RolloutWordRequest"),
        ("history shop -e staging --limit 3", "limit: 3"),
        ("freeze --why x", "FreezeRequest { environment: \"default\", app: \"\", until: None, why: \"x\" }"),
        (
            "freeze shop -e staging --why x --for 2d",
            "environment: \"staging\", app: \"shop\", until: Some(1750172800000)",
        ),
        ("freeze --all --why x --until 2025-06-15T16:00Z", "environment: \"\", app: \"\", until: Some(1750003200000)"),
        ("freeze lift 3", "UnfreezeRequest { freeze: 3 }"),
        ("host cordon web-1 --why noise", "duty: \"cordoned\", why: \"noise\""),
        ("host uncordon web-1", "duty: \"active\""),
        ("host drain web-1 --detach", "duty: \"drained\""),
        ("operator rm bob --yes", "operator: \"bob\""),
        ("rollback shop --to 2 --detach", "to: Some(2)"),
        ("rollback shop --now --why noise --detach", "now: true, why: \"noise\""),
        ("releases shop -e staging", "app: \"shop\""),
        ("status shop", "app: \"shop\""),
    ] {
        let canned = Arc::new(Canned::default());
        assert_eq!(Desk::facing(&canned).run(arguments).await.code, 0, "{arguments}");
        let heard = canned.heard.lock().unwrap().concat();
        assert!(heard.contains(expected), "{arguments}: {heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_a_deploys_way_is_met_as_the_operator_says() {
    let (_directory, file) = compose_file(SHOP);
    for (option, expected) in [
        ("", "queue: false, supersede: false, override_freeze: \"\", fingerprint: \"\""),
        ("--queue", "queue: true, supersede: false"),
        ("--supersede", "queue: false, supersede: true"),
        ("--override-freeze urgent", "override_freeze: \"urgent\""),
        ("--check 6f1c0a5e", "fingerprint: \"6f1c0a5e\""),
    ] {
        let canned = Arc::new(Canned::default());
        assert_eq!(Desk::facing(&canned).run(&format!("deploy -f {file} --detach {option}")).await.code, 0);
        let heard = canned.heard.lock().unwrap().concat();
        assert!(heard.contains(expected), "{option}: {heard}");
    }
    let refusal = Some(Status::aborted("the plan with the fingerprint 6f1c0a5e is not what would be done now"));
    let ran = run(Canned { refusal, ..Canned::default() }, &format!("deploy -f {file} --check 6f1c0a5e")).await;
    assert_eq!(ran.code, 1);
    assert!(ran.error.contains("next: look at what would be done now: `evenkeel plan`"), "{}", ran.error);
}

#[tokio::test(start_paused = true)]
async fn a_command_line_that_contradicts_itself_asks_nothing() {
    for (arguments, told) in [
        ("rollout pause 7 -e staging", "--environment says it too"),
        ("freeze --why x --until 2025-06-15T15:00Z", "2025-06-15T15:00:00Z has passed"),
    ] {
        let ran = Desk::dialling(Arc::new(Nowhere)).run(arguments).await;
        assert_eq!(ran.code, 2, "{arguments}");
        assert!(ran.error.contains(told) && ran.error.contains("next: "), "{}", ran.error);
    }
    for arguments in
        ["freeze", "freeze shop", "freeze --all -e x --why y", "deploy --queue --supersede", "operator add bob"]
    {
        assert!(!Desk::understands(arguments), "{arguments}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_can_not_be_imagined_is_told_with_all_its_problems() {
    let (_directory, file) = compose_file(&format!("{SHOP}x-rollout: {{by: rack}}\n"));
    let ran = Desk::dialling(Arc::new(Nowhere)).run(&format!("simulate {file} --hosts 0")).await;
    assert_eq!((ran.code, ran.output.as_str()), (2, ""));
    assert_eq!(ran.error.lines().filter(|line| line.starts_with("error: ")).count(), 2, "{}", ran.error);
    assert!(ran.error.lines().last().unwrap().starts_with("  next: correct the options"), "{}", ran.error);
    for arguments in
        ["simulate --fails 3", "simulate a.yaml -f b.yaml", "simulate --zones a:0", "simulate --down z2@1m+1m"]
    {
        assert!(!Desk::understands(arguments), "{arguments}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_or_an_operator_is_removed_only_by_a_yes() {
    for (answer, arguments, code, asked) in [
        (None, "host remove web-1", 1, 0),
        (Some("\n"), "host remove web-1", 1, 0),
        (Some("no\n"), "host remove web-1", 1, 0),
        (Some("y\n"), "host remove web-1", 0, 1),
        (None, "host remove web-1 --yes", 0, 1),
        (None, "operator rm bob", 1, 0),
        (Some("y\n"), "operator rm bob", 0, 1),
    ] {
        let canned = Arc::new(Canned::default());
        let mut desk = Desk::facing(&canned);
        desk.answer = answer;
        let ran = desk.run(arguments).await;
        assert_eq!(
            (ran.code, canned.heard.lock().unwrap().len()),
            (code, asked),
            "{answer:?} {arguments}: {}",
            ran.error
        );
    }
}

#[tokio::test]
async fn images_that_exist_in_engines_only_are_sent_by_their_id() {
    let id = format!("sha256:{}", "a".repeat(64));
    let (directory, file) = compose_file(SHOP);
    let engine = directory.path().join("engine");
    std::fs::write(&engine, format!("#!/bin/sh\necho {id}\n")).unwrap();
    std::fs::set_permissions(&engine, std::fs::Permissions::from_mode(0o700)).unwrap();
    for (option, expected) in [("", false), ("--resolve local", true)] {
        let canned = Arc::new(Canned::default());
        let mut desk = Desk::facing(&canned);
        desk.surroundings.engine = engine.clone();
        assert_eq!(desk.run(&format!("plan -f {file} {option}")).await.code, 0);
        assert_eq!(canned.heard.lock().unwrap().concat().contains(&id), expected, "{option}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_engine_local_images_are_a_clear_error() {
    let (_directory, file) = compose_file(SHOP);
    let canned = Arc::new(Canned::default());
    let ran = Desk::facing(&canned).run(&format!("deploy -f {file} --resolve local")).await;
    assert_eq!(ran.code, 1);
    assert!(ran.error.contains("`/nonexistent/engine` cannot be run") && ran.error.contains("next: "), "{}", ran.error);
    assert!(canned.heard.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn completions_are_of_the_whole_program() {
    let ran = run(Canned::default(), "completions bash").await;
    assert_eq!(ran.code, 0);
    assert!(ran.output.contains("evenkeel__subcmd__rollout") || ran.output.contains("evenkeel__rollout"));
}

#[tokio::test(start_paused = true)]
async fn without_a_context_file_every_verb_says_how_to_name_one() {
    let mut desk = Desk::dialling(Arc::new(Nowhere));
    desk.surroundings.reach = Reach::ByContext;
    let ran = desk.run("hosts --context /nonexistent/context.toml").await;
    assert_eq!(ran.code, 1);
    assert!(ran.error.contains("no context file /nonexistent/context.toml") && ran.error.contains("--context"));
    let globals = Globals { context: Some("/nonexistent/context.toml".into()), ..Globals::default() };
    let mut terminal = Terminal::captured(std::io::sink(), std::io::sink());
    assert_eq!(check_context(&desk.surroundings, &globals, &mut terminal), Exit::Error);
}
