//! What becomes of images that were brought here: a ledger keeps them, or they go again.

use std::time::Duration;

use evenkeel_model::{Phase, Stage};
use tokio::time::{Instant, sleep, sleep_until};

use super::super::item::LOOK;
use super::super::*;
use super::rig::{pin, wanted, work, work_on};
use crate::fetched::KEPT_UNUSED;
use crate::runtime::{Behaviour, Pull};

#[tokio::test(start_paused = true)]
async fn what_comes_to_no_use_is_taken_away_later_and_nobody_elses_image_is() {
    let work = work().await;
    work.engine.load(pin("theirs").digest());
    work.announce.send_replace(vec![wanted("shop", 2, &["theirs", "web-2"])]);
    work.until_present("shop").await;
    assert_eq!(work.noted().await, ["web-2"]);
    let key = wanted("shop", 2, &[]).key;
    assert!(work.shared.needs.elsewhere(&key).contains(pin("theirs").digest()), "no hygiene takes it meanwhile");
    sleep(Duration::from_hours(2)).await;
    assert!(work.has("web-2").await, "it is announced still");

    work.announce.send_replace(Vec::new());
    sleep(KEPT_UNUSED.to_std().saturating_sub(LOOK.to_std())).await;
    assert!(work.has("web-2").await, "it may be announced again soon");
    work.announce.send_replace(vec![wanted("shop", 2, &["theirs", "web-2"])]);
    sleep(Duration::from_hours(1)).await;
    work.announce.send_replace(Vec::new());
    sleep(KEPT_UNUSED.to_std() + 3 * LOOK.to_std()).await;
    assert_eq!((work.has("web-2").await, work.has("theirs").await), (false, true));
    assert_eq!((work.forgotten(), work.noted().await.len(), work.pulls().len()), (vec!["web-2".to_owned()], 0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_somebody_else_brought_after_our_pull_had_failed_stays() {
    let work = work().await;
    let pull = Pull::Fails(CauseKind::ImageNotFound);
    work.engine.behave(pin("web-2").digest(), Behaviour { pull, ..Behaviour::default() });
    work.announce.send_replace(vec![wanted("shop", 2, &["web-2"])]);
    work.until("shop", |state| matches!(state, PrefetchState::GivenUp { .. })).await;
    work.engine.load(pin("web-2").digest());
    work.announce.send_replace(Vec::new());
    sleep(KEPT_UNUSED.to_std() + 3 * LOOK.to_std()).await;
    assert!(work.has("web-2").await && work.noted().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_image_that_can_not_be_taken_away_is_left_after_three_attempts() {
    let work = work().await;
    for _ in 0..10 {
        work.engine.fail_next("forget", Failure::plain(CauseKind::EngineUnavailable, "no"));
    }
    work.announce.send_replace(vec![wanted("shop", 2, &["web-2"])]);
    work.until_present("shop").await;
    work.announce.send_replace(Vec::new());
    sleep(Duration::from_hours(2)).await;
    assert_eq!((work.forgotten().len(), work.noted().await.len()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_started_again_finds_what_it_fetched_and_takes_it_away_in_the_end() {
    let work = work().await;
    work.announce.send_replace(vec![wanted("shop", 2, &["web-2"])]);
    work.until_present("shop").await;
    let (engine, ledgers) = (work.engine.clone(), work.ledgers.clone());
    drop(work);
    let work = work_on(engine.clone(), ledgers.clone()).await;
    // It is heard again.
    work.announce.send_replace(vec![wanted("shop", 2, &["web-2"])]);
    work.until_present("shop").await;
    assert_eq!(work.pulls().len(), 1, "it was here");
    drop(work);
    // The rollout ended while no agent ran: it is never heard again.
    let work = work_on(engine, ledgers).await;
    sleep(KEPT_UNUSED.to_std() + 3 * LOOK.to_std()).await;
    assert_eq!((work.has("web-2").await, work.noted().await.len()), (false, 0));
}

#[tokio::test(start_paused = true)]
async fn a_swap_finds_its_image_here_and_the_ledger_keeps_it_from_then_on() {
    let work = work().await;
    let order = crate::driver::tests::assignment(2, Phase::Trial);
    work.announce.send_replace(vec![Prefetch { key: order.key.clone(), ..wanted("shop", 2, &["web-2"]) }]);
    work.until_present("shop").await;
    work.engine.registry_down(true);
    let (sender, _driver) = work.drive(&order);
    work.announce.send_replace(Vec::new());
    work.until_stage(Stage::Trial).await;
    sleep_until(Instant::now() + KEPT_UNUSED.to_std() + 3 * LOOK.to_std()).await;
    assert_eq!((work.has("web-2").await, work.noted().await), (true, vec!["web-2".to_owned()]), "in trial");
    sender.send_replace(Some(Assignment { phase: Phase::Committed, ..order }));
    work.until_stage(Stage::Committed).await;
    sleep_until(Instant::now() + KEPT_UNUSED.to_std() + 3 * LOOK.to_std()).await;
    assert_eq!((work.has("web-2").await, work.noted().await.len()), (true, 0), "the hygiene's now");
    assert_eq!((work.pulls().len(), work.forgotten().len()), (1, 0), "the swap pulled nothing");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_was_pulled_in_its_turn_for_a_release_that_was_given_up_is_taken_away_too() {
    let work = work().await;
    let order = crate::driver::tests::assignment(2, Phase::Trial);
    let (sender, _driver) = work.drive(&order);
    work.until_stage(Stage::Trial).await;
    sender.send_replace(Some(Assignment { phase: Phase::Withdrawn, ..order }));
    work.until_stage(Stage::Reverted).await;
    // Until then it is named by the ledger.
    sender.send_replace(Some(crate::driver::tests::assignment(3, Phase::Trial)));
    work.until_stage(Stage::Trial).await;
    assert!(work.has("web-2").await);
    sleep_until(Instant::now() + KEPT_UNUSED.to_std() + 3 * LOOK.to_std()).await;
    assert_eq!((work.has("web-2").await, work.has("web-3").await), (false, true));
    assert_eq!(work.forgotten().len(), 1, "nothing else");
}
