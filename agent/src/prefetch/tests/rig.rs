//! A host on which images are fetched ahead: an engine in memory, a disk of a given size, a driver where one is wanted. Not here: any claim.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use evenkeel_machine::Ledger;
use evenkeel_model::{Digest, Epoch, HostFacts, HostStats, Millis, Pressure, ReleaseNumber, Stage};
use tokio_util::task::AbortOnDropHandle;

use super::super::*;
use crate::contact::Contact;
use crate::driver::{Driver, Needs};
use crate::facts::{Facts, FixedFacts};
use crate::failpoint::Never;
use crate::fetched::FetchedImages;
use crate::ledger::{LedgerStore, MemoryLedgers};
use crate::reports::Reports;
use crate::router::FakeRouter;
use crate::runtime::{Behaviour, FakeEngine, FakeRuntime, Performed, Pull, Runtime, Scope};
use crate::ticker::Ticker;

/// More than a first attempt and a pull at once take.
pub(super) const SOON: Duration = Duration::from_secs(4);

/// A host with so much room on its disk, in bytes.
pub(super) struct Room(pub(super) AtomicU64);

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
pub(super) struct Work {
    pub(super) engine: FakeEngine,
    pub(super) runtime: FakeRuntime,
    pub(super) room: Arc<Room>,
    pub(super) ledgers: MemoryLedgers,
    pub(super) shared: Shared,
    pub(super) announce: watch::Sender<Vec<Prefetch>>,
    pub(super) assign: watch::Sender<Vec<Assignment>>,
    /// Ends with it.
    #[expect(dead_code, reason = "it is only to be dropped")]
    task: AbortOnDropHandle<()>,
}

pub(super) fn host() -> HostId {
    "h".parse().unwrap()
}

pub(super) fn pin(image: &str) -> ImagePin {
    ImagePin::Registry {
        reference: image.to_owned(),
        repository: "r/web".to_owned(),
        digest: Digest::of(image.as_bytes()),
    }
}

pub(super) fn wanted(app: &str, release: u64, images: &[&str]) -> Prefetch {
    Prefetch {
        key: AppKey { environment: "default".parse().unwrap(), app: app.parse().unwrap() },
        release: ReleaseNumber(release),
        images: images.iter().map(|image| pin(image)).collect(),
        pull_deadline: Millis::minutes(10),
    }
}

pub(super) async fn work() -> Work {
    work_on(FakeEngine::new(), MemoryLedgers::new()).await
}

/// On a host that had an agent before.
pub(super) async fn work_on(engine: FakeEngine, ledgers: MemoryLedgers) -> Work {
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
    pub(super) fn pulls(&self) -> Vec<Performed> {
        self.engine.log().into_iter().filter(|done| matches!(done.action, Action::Pull { .. })).collect()
    }

    pub(super) fn forgotten(&self) -> Vec<String> {
        let forgets = self.engine.log().into_iter().filter_map(|done| match done.action {
            Action::Forget { image } => Some(image.reference().to_owned()),
            _ => None,
        });
        forgets.collect()
    }

    pub(super) fn slow(&self, image: &str, seconds: u64) {
        let pull = Pull::Slow(Duration::from_secs(seconds));
        self.engine.behave(pin(image).digest(), Behaviour { pull, ..Behaviour::default() });
    }

    pub(super) async fn has(&self, image: &str) -> bool {
        let key = wanted("any", 1, &[]).key;
        !self.runtime.observe(&key, &[pin(image)]).await.images.is_empty()
    }

    pub(super) async fn noted(&self) -> Vec<String> {
        let fetched = self.ledgers.load().await.unwrap().fetched;
        fetched.into_iter().map(|fetched| fetched.image.reference().to_owned()).collect()
    }

    pub(super) fn state(&self, app: &str) -> Option<PrefetchState> {
        let reports = self.shared.reports.subscribe();
        let reports = reports.borrow();
        Some(reports.get(&wanted(app, 1, &[]).key)?.prefetch.as_ref()?.state.clone())
    }

    /// Waits for a word on the app of which this is so.
    pub(super) async fn until(&self, app: &str, so: impl Fn(&PrefetchState) -> bool) {
        let (mut reports, key) = (self.shared.reports.subscribe(), wanted(app, 1, &[]).key);
        let found = reports
            .wait_for(|apps| apps.get(&key).and_then(|app| app.prefetch.as_ref()).is_some_and(|said| so(&said.state)));
        let found = tokio::time::timeout(Duration::from_hours(1), found).await.is_ok();
        assert!(found, "the last word: {:?}", self.state(app));
    }

    pub(super) async fn until_present(&self, app: &str) {
        self.until(app, |state| *state == PrefetchState::Present).await;
    }

    /// A driver with this order, and the way to give it others. It ends with the handle.
    pub(super) fn drive(&self, order: &Assignment) -> (watch::Sender<Option<Assignment>>, AbortOnDropHandle<()>) {
        let (sender, assigned) = watch::channel(Some(order.clone()));
        let driver = Driver::new(self.shared.clone(), order.key.clone(), Ledger::default(), assigned);
        (sender, AbortOnDropHandle::new(tokio::spawn(driver.run(CancellationToken::new()))))
    }

    /// Waits for the driver to come to this.
    pub(super) async fn until_stage(&self, stage: Stage) {
        let mut reports = self.shared.reports.subscribe();
        let is_there = |app: &crate::reports::AppState| app.report.as_ref().is_some_and(|report| report.stage == stage);
        let reached = reports.wait_for(|apps| apps.values().any(is_there));
        assert!(tokio::time::timeout(Duration::from_mins(1), reached).await.is_ok(), "{stage}");
    }
}
