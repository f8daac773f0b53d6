//! A release in trial below its full share, down to the proxy.

use super::*;
use crate::runtime::Behaviour;

fn staged(number: u64, percent: u32) -> Assignment {
    Assignment { share: Share::try_from(percent).unwrap(), ..routed(number, Phase::Trial) }
}

/// Release 1 serves, and release 2 is staged beside it. The containers' ids, the old one's first.
async fn side_by_side(work: &Work) -> (String, String) {
    work.assign.send_replace(Some(routed(1, Phase::Committed)));
    work.until("the first release", |report| report.stage == Stage::Committed && report.healthy).await;
    work.assign.send_replace(Some(staged(2, 0)));
    work.until("the trial", |report| report.stage == Stage::Trial && report.healthy).await;
    let both = work.containers().await;
    assert!(both[&1].is_running() && both[&2].is_running(), "{both:?}");
    (both[&1].id.clone(), both[&2].id.clone())
}

async fn in_force(work: &Work, percent: u32) {
    let so = move |report: &AppReport| report.stage == Stage::Trial && report.share.percent() == percent;
    work.until("the share", so).await;
}

/// How many of a hundred requests that come now go to this container.
fn of_a_hundred(work: &Work, container: &str) -> usize {
    let requests: Vec<_> = (0..100).filter_map(|_| work.router.begin(&work.key, &web())).collect();
    for request in &requests {
        work.router.finish(request);
    }
    requests.iter().filter(|request| request.container == container).count()
}

#[tokio::test]
async fn a_staged_release_gets_nothing_and_then_what_it_is_to_have() {
    let work = work();
    let (old, new) = side_by_side(&work).await;
    assert_eq!((work.routed(), of_a_hundred(&work, &new)), (vec![old.clone()], 0));
    for percent in [25, 60, 5] {
        work.assign.send_replace(Some(staged(2, percent)));
        in_force(&work, percent).await;
        assert!(of_a_hundred(&work, &new).abs_diff(percent as usize) <= 2, "{percent}%");
    }
    work.assign.send_replace(Some(staged(2, 0)));
    in_force(&work, 0).await;
    assert_eq!((work.routed(), of_a_hundred(&work, &new)), (vec![old], 0));
    work.assign.send_replace(Some(routed(2, Phase::Committed)));
    work.until("the commit", |report| report.stage == Stage::Committed && report.healthy).await;
    assert_eq!(work.routed(), [new]);
}

#[tokio::test]
async fn a_restart_of_the_agent_leaves_the_share_as_it_is() {
    let mut work = work();
    side_by_side(&work).await;
    work.assign.send_replace(Some(staged(2, 25)));
    in_force(&work, 25).await;
    let told = work.router.log().len();
    work.reports.report(&work.key, AppReport { healthy: false, share: Share::NONE, ..last(&work) });
    work.restart().await;
    work.until("the proof", |report| report.healthy && report.share.percent() == 25).await;
    assert_eq!(work.router.log().len(), told);
}

fn last(work: &Work) -> AppReport {
    work.reports.subscribe().borrow()[&work.key].report.clone().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_release_that_fails_below_its_full_share_leaves_the_old_one_as_it_was() {
    let work = work();
    work.engine.behave(&Digest::of(b"web-2"), Behaviour::crash(Duration::from_secs(10), 1));
    let (old, new) = side_by_side(&work).await;
    work.assign.send_replace(Some(staged(2, 25)));
    in_force(&work, 25).await;
    assert_eq!(work.routed(), [old.clone(), new]);
    work.until("the way back", |report| report.stage == Stage::Reverted).await;
    assert_eq!(work.routed(), std::slice::from_ref(&old));
    let left = work.containers().await;
    assert_eq!((left.len(), &left[&1].id, left[&1].restart), (1, &old, Restart::UnlessStopped));
}
