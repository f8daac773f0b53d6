//! Fetching ahead on an engine in memory and a clock that the tests move.

mod rig;
mod tidying;

use std::sync::atomic::Ordering;
use std::time::Duration;

use evenkeel_model::Phase;
use tokio::time::{Instant, sleep};

use self::rig::{SOON, host, pin, wanted, work};
use super::item::{LOOK, MOST_ATTEMPTS};
use super::*;
use crate::runtime::{Behaviour, Performed, Pull, Runtime};

#[tokio::test(start_paused = true)]
async fn a_host_begins_at_its_own_moment_and_says_when_every_image_is_there() {
    let (work, beginning) = (work().await, Instant::now());
    work.slow("web-2", 5);
    let wanted = wanted("shop", 2, &["web-2", "db-2"]);
    work.announce.send_replace(vec![wanted.clone()]);
    work.until("shop", |state| *state == PrefetchState::Fetching { failure: None }).await;
    work.until_present("shop").await;
    let jitter = spread::jitter(&host(), &wanted).to_std();
    assert_eq!(work.pulls()[0].began, jitter);
    assert!(beginning.elapsed() >= jitter + Duration::from_secs(5));
    assert_eq!((work.has("web-2").await, work.has("db-2").await), (true, true));
    assert_eq!(work.noted().await, ["web-2", "db-2"]);
    // The coordinator says more, or the same again: nothing begins anew.
    work.announce.send_replace(vec![wanted]);
    sleep(SOON).await;
    assert_eq!(work.pulls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_pull_at_a_time_and_a_drivers_own_pull_beside_it_succeeds() {
    let work = work().await;
    for image in ["a-1", "a-2", "b-1"] {
        work.slow(image, 20);
    }
    work.announce.send_replace(vec![wanted("a", 1, &["a-1", "a-2"]), wanted("b", 1, &["b-1"])]);
    sleep(SOON).await;
    let now = work.pulls().remove(0).action;
    let own = work.runtime.perform(&wanted("a", 1, &[]).key, &now).await;
    assert_eq!(own, Outcome::Done);
    work.until_present("a").await;
    work.until_present("b").await;
    let mut pulls = work.pulls();
    assert_eq!(pulls.remove(1).action, now, "that was the driver's");
    assert_eq!(pulls.len(), 3);
    for two in pulls.windows(2) {
        assert!(two[0].ended.as_ref().is_some_and(|(ended, _)| *ended <= two[1].began), "{two:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_are_spaced_and_bounded_and_their_cause_is_told_from_the_first() {
    let work = work().await;
    work.engine.registry_down(true);
    let wanted = wanted("shop", 2, &["web-2"]);
    work.announce.send_replace(vec![wanted.clone()]);
    let unreachable = |failure: &Failure| failure.kind == CauseKind::RegistryUnreachable;
    work.until(
        "shop",
        |state| matches!(state, PrefetchState::Fetching { failure: Some(failure) } if unreachable(failure)),
    )
    .await;
    work.until("shop", |state| matches!(state, PrefetchState::GivenUp { failure } if unreachable(failure))).await;
    let began: Vec<Duration> = work.pulls().iter().map(|pull| pull.began).collect();
    for (attempt, two) in (1..).zip(began.windows(2)) {
        assert_eq!(two[1].checked_sub(two[0]), Some(spread::backoff(&host(), &wanted, attempt).to_std()));
    }
    assert_eq!(began.len(), MOST_ATTEMPTS as usize);
    sleep(Duration::from_hours(1)).await;
    assert_eq!(work.pulls().len(), MOST_ATTEMPTS as usize, "its turn decides");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_comes_back_is_asked_again() {
    let work = work().await;
    work.engine.registry_down(true);
    work.announce.send_replace(vec![wanted("shop", 2, &["web-2"])]);
    work.until("shop", |state| state.failure().is_some()).await;
    work.engine.registry_down(false);
    work.until_present("shop").await;
    assert_eq!(work.pulls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_tried_once() {
    let work = work().await;
    let pull = Pull::Fails(CauseKind::ImageNotFound);
    work.engine.behave(pin("web-2").digest(), Behaviour { pull, ..Behaviour::default() });
    work.announce.send_replace(vec![wanted("shop", 2, &["web-2"])]);
    work.until("shop", |state| matches!(state, PrefetchState::GivenUp { .. })).await;
    assert_eq!(work.pulls().len(), 1);
    // Another release is another matter.
    work.announce.send_replace(vec![wanted("shop", 3, &["web-3"])]);
    work.until_present("shop").await;
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_nearly_full_is_found_before_the_pull() {
    let work = work().await;
    work.room.0.store(99, Ordering::Relaxed);
    work.announce.send_replace(vec![wanted("shop", 2, &["web-2"])]);
    work.until("shop", |state| state.failure().is_some_and(|failure| failure.kind == CauseKind::DiskFull)).await;
    assert_eq!((work.pulls().len(), work.noted().await.len()), (0, 0));
    work.room.0.store(100, Ordering::Relaxed);
    work.until_present("shop").await;
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_noted_is_not_pulled() {
    let work = work().await;
    work.ledgers.fail_writes(true);
    work.announce.send_replace(vec![wanted("shop", 2, &["web-2"])]);
    work.until("shop", |state| state.failure().is_some_and(|failure| failure.kind == CauseKind::DiskFull)).await;
    assert_eq!(work.pulls().len(), 0);
    work.ledgers.fail_writes(false);
    work.until_present("shop").await;
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_pull_is_given_up_and_another_release_takes_its_place() {
    let work = work().await;
    work.slow("web-2", 60);
    work.announce.send_replace(vec![wanted("shop", 2, &["web-2"])]);
    sleep(SOON).await;
    assert_eq!(work.pulls().len(), 1);
    work.announce.send_replace(vec![wanted("shop", 3, &["web-3"])]);
    work.until_present("shop").await;
    let pulls = work.pulls();
    assert_eq!(pulls[0].ended, None, "it was given up");
    assert!(!work.has("web-2").await && work.has("web-3").await);
    work.announce.send_replace(Vec::new());
    sleep(SOON).await;
    assert_eq!(work.state("shop"), None);
}

#[tokio::test(start_paused = true)]
async fn a_pull_outlives_a_moment_in_which_it_is_not_announced_and_no_more() {
    let work = work().await;
    work.slow("web-2", 60);
    let wanted = wanted("shop", 2, &["web-2"]);
    work.announce.send_replace(vec![wanted.clone()]);
    sleep(SOON).await;
    // The coordinator is started again.
    work.announce.send_replace(Vec::new());
    sleep(DOUBT.to_std() / 2).await;
    work.announce.send_replace(vec![wanted]);
    work.until_present("shop").await;
    assert_eq!(work.pulls().len(), 1);

    work.engine.unload(pin("web-2").digest());
    sleep(LOOK.to_std() + SOON).await;
    assert_eq!(work.pulls().len(), 2);
    work.announce.send_replace(Vec::new());
    sleep(Duration::from_mins(5)).await;
    assert_eq!((work.state("shop"), work.has("web-2").await), (None, false));
}

#[tokio::test(start_paused = true)]
async fn a_pull_whose_turn_has_come_goes_on() {
    let work = work().await;
    work.slow("web-2", 60);
    let order = crate::driver::tests::assignment(2, Phase::Trial);
    work.announce.send_replace(vec![Prefetch { key: order.key.clone(), ..wanted("shop", 2, &["web-2"]) }]);
    sleep(SOON).await;
    work.assign.send_replace(vec![order]);
    work.announce.send_replace(Vec::new());
    sleep(Duration::from_mins(1)).await;
    assert!(work.has("web-2").await);
    assert!(matches!(work.pulls().as_slice(), [Performed { ended: Some((_, Outcome::Done)), .. }]));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_somebody_takes_away_is_fetched_again() {
    let work = work().await;
    work.announce.send_replace(vec![wanted("shop", 2, &["web-2"])]);
    work.until_present("shop").await;
    work.engine.unload(pin("web-2").digest());
    work.engine.registry_down(true);
    work.until("shop", |state| state.failure().is_some()).await;
    work.engine.registry_down(false);
    work.until_present("shop").await;
    assert!(work.has("web-2").await);
    // An engine that does not answer has not lost its images.
    work.engine.engine_down(true);
    sleep(2 * LOOK.to_std()).await;
    assert_eq!(work.state("shop"), Some(PrefetchState::Present));
}
