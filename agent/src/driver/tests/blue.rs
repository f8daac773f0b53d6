//! What a commit replaced, kept running for a while.

use super::*;

fn replacing(number: u64, phase: Phase, keep_blue: Millis) -> Assignment {
    let mut assignment = routed(number, phase);
    assignment.terms.keep_blue = keep_blue;
    assignment
}

/// Release 2 was committed for release 1, which runs on.
async fn replaced(work: &Work, keep_blue: Millis) {
    work.assign.send_replace(Some(routed(1, Phase::Committed)));
    work.until("the first release", |report| report.stage == Stage::Committed && report.healthy).await;
    work.assign.send_replace(Some(replacing(2, Phase::Committed, keep_blue)));
    let kept = |report: &AppReport| report.why == "the release is final here; release 1 runs on beside it";
    work.until("rest", kept).await;
    let both = work.containers().await;
    assert!(both[&1].is_running() && both[&2].is_running(), "{both:?}");
    assert_eq!((both[&1].restart, both[&2].restart), (Restart::No, Restart::UnlessStopped));
    assert_eq!(work.routed(), std::slice::from_ref(&both[&2].id));
}

#[tokio::test(start_paused = true)]
async fn it_runs_on_without_traffic_for_its_time_and_then_goes() {
    let work = work();
    replaced(&work, Millis::seconds(20)).await;
    let before = tokio::time::Instant::now();
    work.until("the end of it", |report| report.why == "the release is final here").await;
    assert!(before.elapsed() > Duration::from_secs(19), "{:?}", before.elapsed());
    assert_eq!(work.containers().await.into_keys().collect::<Vec<_>>(), [2]);
    assert_eq!(work.ledgers.load().await.unwrap().ledgers[&work.key].blue, None);
}

#[tokio::test]
async fn going_back_to_it_makes_and_starts_nothing() {
    let mut work = work();
    replaced(&work, Millis::minutes(10)).await;
    work.restart().await;
    let old = work.containers().await[&1].id.clone();
    work.engine.take_log();
    let back = Assignment { version: routed(3, Phase::Trial).version, ..routed(1, Phase::Trial) };
    work.assign.send_replace(Some(back));
    let in_trial = |report: &AppReport| report.stage == Stage::Trial && report.version.generation.0 == 3;
    work.until("the trial", in_trial).await;
    assert_eq!(work.routed(), [old]);
    let done: Vec<_> = work.engine.log().iter().map(|performed| performed.action.name()).collect();
    assert!(!done.iter().any(|name| ["pull", "create", "start", "stop"].contains(name)), "{done:?}");
}
