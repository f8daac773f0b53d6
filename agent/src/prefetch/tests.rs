//! Fetching ahead on an engine in memory and a clock that the tests move.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use evenkeel_machine::Ledger;
use evenkeel_model::{Digest, Epoch, HostFacts, HostStats, Millis, Phase, Pressure, ReleaseNumber, Stage};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::item::{LOOK, MOST_ATTEMPTS};
use super::*;
use crate::contact::Contact;
use crate::driver::{Driver, Needs};
use crate::facts::{Facts, FixedFacts};
use crate::failpoint::Never;
use crate::fetched::{FetchedImages, KEPT_UNUSED};
use crate::ledger::{LedgerStore, MemoryLedgers};
use crate::reports::Reports;
use crate::router::FakeRouter;
use crate::runtime::{Behaviour, FakeEngine, FakeRuntime, Performed, Pull, Runtime, Scope};
use crate::ticker::Ticker;

/// More than a first attempt and a pull at once take.
const SOON: Duration = Duration::from_secs(4);

/// A host with so much room on its disk, in bytes.
struct Room(AtomicU64);

impl Facts for Room {
    fn facts(&self) -> HostFacts {
        HostFacts::default()
    }

    fn stats(&self) -> HostStats {
        HostStats::default()
    }

    fn pressure(&self) -> Pressure {
        FixedFacts::default().pressure()
    }

    fn disk_free(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed))
    }

    fn set_data_root(&self, _path: &Path) {}
}

/// A host on which images are fetched ahead.
struct Work {
    engine: FakeEngine,
    runtime: FakeRuntime,
    room: Arc<Room>,
    ledgers: MemoryLedgers,
    shared: Shared,
    announce: watch::Sender<Vec<Prefetch>>,
    assign: watch::Sender<Vec<Assignment>>,
    /// Ends with it.
    #[expect(dead_code, reason = "it is only to be dropped")]
    task: AbortOnDropHandle<()>,
}

fn host() -> HostId {
    "h".parse().unwrap()
}

fn pin(image: &str) -> ImagePin {
    ImagePin::Registry {
        reference: image.to_owned(),
        repository: "r/web".to_owned(),
        digest: Digest::of(image.as_bytes()),
    }
}

fn wanted(app: &str, release: u64, images: &[&str]) -> Prefetch {
    Prefetch {
        key: AppKey { environment: "default".parse().unwrap(), app: app.parse().unwrap() },
        release: ReleaseNumber(release),
        images: images.iter().map(|image| pin(image)).collect(),
        pull_deadline: Millis::minutes(10),
    }
}

async fn work() -> Work {
    work_on(FakeEngine::new(), MemoryLedgers::new()).await
}

/// On a host that had an agent before.
async fn work_on(engine: FakeEngine, ledgers: MemoryLedgers) -> Work {
    let scope = Scope { fleet: "f".parse().unwrap(), host: host(), publish_address: None };
    let (runtime, room) = (engine.runtime(scope), Arc::new(Room(AtomicU64::new(1 << 40))));
    let (ticker, remembered) = (Ticker::start(), ledgers.load().await.unwrap().fetched);
    let shared = Shared {
        runtime: Arc::new(runtime.clone()),
        router: Arc::new(FakeRouter::new()),
        prober: Arc::new(runtime.clone()),
        facts: room.clone(),
        min_free_disk: 100,
        needs: Needs::default(),
        fetched: FetchedImages::new(remembered, ticker.now()),
        ledgers: Arc::new(ledgers.clone()),
        failpoint: Arc::new(Never),
        reports: Reports::default(),
        contact: Contact::new(Epoch::default()),
        ticker,
    };
    let ((announce, announced), (assign, assigned)) = (watch::channel(Vec::new()), watch::channel(Vec::new()));
    let prefetcher = Prefetcher::new(host(), shared.clone(), announced, assigned);
    let task = AbortOnDropHandle::new(tokio::spawn(prefetcher.run(CancellationToken::new())));
    Work { engine, runtime, room, ledgers, shared, announce, assign, task }
}

impl Work {
    fn pulls(&self) -> Vec<Performed> {
        self.engine.log().into_iter().filter(|done| matches!(done.action, Action::Pull { .. })).collect()
    }

    fn forgotten(&self) -> Vec<String> {
        let forgets = self.engine.log().into_iter().filter_map(|done| match done.action {
            Action::Forget { image } => Some(image.reference().to_owned()),
            _ => None,
        });
        forgets.collect()
    }

    fn slow(&self, image: &str, seconds: u64) {
        let pull = Pull::Slow(Duration::from_secs(seconds));
        self.engine.behave(pin(image).digest(), Behaviour { pull, ..Behaviour::default() });
    }

    async fn has(&self, image: &str) -> bool {
        let key = wanted("any", 1, &[]).key;
        !self.runtime.observe(&key, &[pin(image)]).await.images.is_empty()
    }

    async fn noted(&self) -> Vec<String> {
        let fetched = self.ledgers.load().await.unwrap().fetched;
        fetched.into_iter().map(|fetched| fetched.image.reference().to_owned()).collect()
    }

    fn state(&self, app: &str) -> Option<PrefetchState> {
        let reports = self.shared.reports.subscribe();
        let reports = reports.borrow();
        Some(reports.get(&wanted(app, 1, &[]).key)?.prefetch.as_ref()?.state.clone())
    }

    /// Waits for a word on the app of which this is so.
    async fn until(&self, app: &str, so: impl Fn(&PrefetchState) -> bool) {
        let (mut reports, key) = (self.shared.reports.subscribe(), wanted(app, 1, &[]).key);
        let found = reports
            .wait_for(|apps| apps.get(&key).and_then(|app| app.prefetch.as_ref()).is_some_and(|said| so(&said.state)));
        let found = tokio::time::timeout(Duration::from_hours(1), found).await.is_ok();
        assert!(found, "the last word: {:?}", self.state(app));
    }

    async fn until_present(&self, app: &str) {
        self.until(app, |state| *state == PrefetchState::Present).await;
    }
}

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
    let (sender, assigned) = watch::channel(Some(order.clone()));
    let driver = Driver::new(work.shared.clone(), order.key.clone(), Ledger::default(), assigned);
    let _driver = AbortOnDropHandle::new(tokio::spawn(driver.run(CancellationToken::new())));
    work.announce.send_replace(Vec::new());
    let stage = async |stage: Stage| {
        let mut reports = work.shared.reports.subscribe();
        let is_there = |app: &crate::reports::AppState| app.report.as_ref().is_some_and(|report| report.stage == stage);
        let reached = reports.wait_for(|apps| apps.values().any(is_there));
        assert!(tokio::time::timeout(Duration::from_mins(1), reached).await.is_ok(), "{stage}");
    };
    stage(Stage::Trial).await;
    sleep_until(Instant::now() + KEPT_UNUSED.to_std() + 3 * LOOK.to_std()).await;
    assert_eq!((work.has("web-2").await, work.noted().await), (true, vec!["web-2".to_owned()]), "in trial");
    sender.send_replace(Some(Assignment { phase: Phase::Committed, ..order }));
    stage(Stage::Committed).await;
    sleep_until(Instant::now() + KEPT_UNUSED.to_std() + 3 * LOOK.to_std()).await;
    assert_eq!((work.has("web-2").await, work.noted().await.len()), (true, 0), "the hygiene's now");
    assert_eq!((work.pulls().len(), work.forgotten().len()), (1, 0), "the swap pulled nothing");
}
