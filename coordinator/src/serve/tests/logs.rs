//! Analyses of logs over the wire: the question goes down an agent's stream, and what it answers decides.

use evenkeel_model::analysis::Source;
use evenkeel_model::gate::{Check, GateWaves};
use evenkeel_model::{Analysis, Digest, Gate, GatePoint, Millis, Policy, Specification};
use evenkeel_proto::v1::{
    AppKey, AppReport, Assignment, DeployRequest, LogAnswer, LogCount, LogLine, LogQuestion, Phase, Report,
    RolloutView, ServiceReport, ShowRolloutRequest, Stage, log_answer, session_down, session_up,
};

use super::Fleet;
use super::fleet::{Stream, deploy, soon};

const IMAGE: &str = "r.example/shop:1";

/// A deploy that looks for `panic` in the logs, once.
fn with_gate() -> DeployRequest {
    let request = deploy(IMAGE);
    let mut specification: Specification = serde_json::from_slice(&request.specification).unwrap();
    let pattern = "panic".parse().unwrap();
    let source = Source::Logs { services: ["web".parse().unwrap()].into(), pattern, min: 0, max: Some(0) };
    let (name, samples, interval) = ("panics".to_owned(), 1, Millis::seconds(1));
    let analysis = Analysis { name, source, samples, interval, max_bad: 0, max_inconclusive: 0 };
    let gate = Gate { at: GatePoint::Commit, waves: GateWaves::Every, check: Check::Analysis(analysis) };
    specification.policy = Policy { bake: Millis(0), gates: vec![gate], ..Policy::default() };
    DeployRequest { specification: serde_json::to_vec(&specification).unwrap(), ..request }
}

fn key() -> AppKey {
    AppKey { environment: "default".to_owned(), app: "shop".to_owned() }
}

/// The word of a host that does what it was ordered.
fn obey(order: &Assignment) -> session_up::Message {
    let stage = match order.phase() {
        Phase::Committed => Stage::Committed,
        Phase::Withdrawn => Stage::Reverted,
        _ => Stage::Trial,
    };
    let is_new = stage != Stage::Reverted;
    let service = ServiceReport {
        service: "web".to_owned(),
        release: 1,
        pin: Digest::of(IMAGE.as_bytes()).to_string(),
        image_id: "sha256:1".to_owned(),
        running: true,
        healthy: true,
        restarts: 0,
    };
    let report = AppReport {
        key: Some(key()),
        version: order.version,
        release: Some(1),
        stage: stage.into(),
        healthy: is_new,
        services: if is_new { vec![service] } else { Vec::new() },
        share: Some(if is_new { 100 } else { 0 }),
        ..AppReport::default()
    };
    session_up::Message::Report(Report { apps: vec![report], ..Report::default() })
}

/// An agent that does what it is ordered, until it is asked something.
async fn until_asked(stream: &mut Stream) -> LogQuestion {
    loop {
        match stream.next().await.unwrap().expect("it goes on") {
            session_down::Message::LogQuestion(asked) => return asked,
            session_down::Message::Desired(desired) => {
                for order in &desired.assignments {
                    stream.say(obey(order)).await;
                }
            }
            _ => stream.say(session_up::Message::Beat(evenkeel_proto::v1::Beat {})).await,
        }
    }
}

/// The same, until the rollout is as it should be.
async fn until_it_is(fleet: &Fleet, stream: &mut Stream, is: impl Fn(&RolloutView) -> bool) -> RolloutView {
    let mut admin = fleet.admin().await;
    loop {
        let shown = soon(admin.show_rollout(ShowRolloutRequest::default())).await.unwrap().into_inner();
        if is(&shown) {
            return shown;
        }
        match stream.next().await.unwrap().expect("it goes on") {
            session_down::Message::Desired(desired) => {
                for order in &desired.assignments {
                    stream.say(obey(order)).await;
                }
            }
            _ => stream.say(session_up::Message::Beat(evenkeel_proto::v1::Beat {})).await,
        }
    }
}

async fn answer(stream: &Stream, asked: &LogQuestion, outcome: log_answer::Outcome) {
    let answer = LogAnswer { id: asked.id, outcome: Some(outcome) };
    stream.say(session_up::Message::LogAnswer(answer)).await;
}

async fn asked() -> (Fleet, Stream, LogQuestion) {
    let fleet = Fleet::start().await;
    let mut stream = Stream::open(&mut fleet.agent("web-1").await, "web-1").await.unwrap();
    soon(fleet.admin().await.deploy(with_gate())).await.unwrap();
    let asked = until_asked(&mut stream).await;
    assert_eq!((asked.key.clone(), asked.release, asked.pattern.as_str()), (Some(key()), 1, "panic"));
    assert_eq!(asked.services, ["web"]);
    (fleet, stream, asked)
}

fn found(matched: u64, lines: &[&str]) -> log_answer::Outcome {
    let line = |text: &&str| LogLine { service: "web".to_owned(), text: (*text).to_owned() };
    let examples = lines.iter().map(line).collect();
    log_answer::Outcome::Count(LogCount { matched, containers: 1, examples, cut: String::new() })
}

#[tokio::test]
async fn lines_that_must_not_be_there_fail_the_rollout_and_are_shown() {
    let (fleet, mut stream, asked) = asked().await;
    answer(&stream, &asked, found(2, &["panic: no disk", "panic: again"])).await;
    let view = until_it_is(&fleet, &mut stream, |view| view.failure.is_some()).await;
    let failure = view.failure.unwrap();
    assert_eq!(failure.cause, "analysis_failed");
    assert!(failure.message.contains("2 lines match in 1 container, and it may be 0 at most"), "{failure:?}");
    let lines = ["web-1 web: panic: no disk", "web-1 web: panic: again"];
    assert_eq!(failure.evidence.unwrap().log, lines);
    assert_eq!(view.gates[0].readings[0].lines, lines);
}

#[tokio::test]
async fn without_such_lines_it_goes_on() {
    let (fleet, mut stream, asked) = asked().await;
    answer(&stream, &asked, found(0, &[])).await;
    let view = until_it_is(&fleet, &mut stream, |view| !view.outcome.is_empty()).await;
    assert_eq!((view.outcome.as_str(), view.gates[0].readings[0].verdict.as_str()), ("succeeded", "good"));
}

#[tokio::test]
async fn an_agent_that_can_not_tell_pauses_it() {
    let (fleet, mut stream, asked) = asked().await;
    answer(&stream, &asked, log_answer::Outcome::Unknown("the engine does not answer".to_owned())).await;
    let view = until_it_is(&fleet, &mut stream, |view| view.waiting.iter().any(|on| on.kind == "paused")).await;
    assert!(view.failure.is_none());
    let why = &view.gates[0].readings[0].said;
    assert_eq!(why, "web-1: the engine does not answer");
}

#[tokio::test]
async fn a_stream_that_breaks_is_followed_by_the_same_question_on_the_next() {
    let fleet = Fleet::start().await;
    let mut agents = fleet.agent("web-1").await;
    let mut stream = Stream::open(&mut agents, "web-1").await.unwrap();
    soon(fleet.admin().await.deploy(with_gate())).await.unwrap();
    until_asked(&mut stream).await;
    drop(stream);
    let mut again = Stream::open(&mut agents, "web-1").await.unwrap();
    let asked = until_asked(&mut again).await;
    answer(&again, &asked, found(0, &[])).await;
    let view = until_it_is(&fleet, &mut again, |view| !view.outcome.is_empty()).await;
    assert_eq!(view.outcome, "succeeded");
}
