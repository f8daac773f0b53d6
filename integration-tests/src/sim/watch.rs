//! Stands between an agent and its host's engine and proxy, and holds what the agent does against what the proxy does at that very moment:
//! afterwards nobody could tell any more. Not here: what must hold at every step (`invariants.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use evenkeel_agent::router::{FakeRouter, Router};
use evenkeel_agent::runtime::{EngineDown, FakeRuntime, Runtime, Sight};
use evenkeel_machine::{Action, Ledger, Outcome, Place, Proxy, RoutePlan};
use evenkeel_model::{AppKey, ContainerStats, Failure, ImagePin, LogAnswer, LogQuestion, Manifest};
use tokio::sync::watch;

use super::disk::Disk;
use super::fleet::at_once;
use super::invariants::Violation;
use super::release::DRAIN;

/// What an agent did wrong, and since when no container gets anything new. Outlives the agent. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    violations: Vec<Violation>,
    unrouted: BTreeMap<String, Duration>,
}

impl Watch {
    /// What was done wrong since the last time.
    pub(super) fn take(&self) -> Vec<Violation> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).violations)
    }

    fn note(&self, invariant: &'static str, seen: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).violations.push(Violation { invariant, seen });
    }

    fn unrouted(&self, containers: impl Iterator<Item = String>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.unrouted.extend(containers.map(|container| (container, now())));
    }

    /// Whether what is under way at the container has had its time.
    fn has_drained(&self, container: &str) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.unrouted.get(container).is_some_and(|since| now() >= *since + DRAIN)
    }
}

fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

/// One host's engine and proxy, watched.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) runtime: FakeRuntime,
    pub(super) router: FakeRouter,
    pub(super) disk: Disk,
    pub(super) watch: Watch,
    /// Pulls under way. Dies with the agent.
    pub(super) pulls: Arc<AtomicUsize>,
}

/// A pull under way, until it ends or is given up.
struct Pulling(Arc<AtomicUsize>);

impl Drop for Pulling {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Watched {
    async fn check(&self, key: &AppKey, action: &Action) {
        match action {
            Action::Stop { place, .. } | Action::Remove(place) => self.check_end(key, place, action.name()).await,
            Action::Forget { image } => self.check_image(key, image),
            _ => {}
        }
    }

    /// Nothing is stopped that is well and gets what is new, or has something under way that has not had its time.
    async fn check_end(&self, key: &AppKey, place: &Place, what: &str) {
        // Nobody can be asked then, and on the way back nothing waits for it for ever.
        if self.router.is_down() {
            return;
        }
        let containers = self.runtime.observe(key, &[]).await.containers;
        let Some(container) = containers.into_iter().find(|container| container.place == *place) else { return };
        let serving = self.runtime.serving(key, &place.service);
        if !serving.iter().any(|one| one.slot == place.slot && one.healthy) {
            return;
        }
        let (id, release) = (&container.id, container.release);
        if self.router.routes_to(key, id) {
            let seen = format!("{what} of {place} of release {release}, which is well and gets what is new");
            self.watch.note("g3_nothing_is_stopped_that_gets_what_is_new", seen);
        }
        let under_way = self.router.in_flight(key, id);
        if under_way > 0 && !self.watch.has_drained(id) {
            let seen =
                format!("{what} of {place} of release {release} with {under_way} under way, before its drain was over");
            self.watch.note("g3_what_is_under_way_gets_its_time", seen);
        }
    }

    /// The one app's driver may pull, and what is fetched ahead, one at a time.
    fn pulling(&self) -> Pulling {
        let before = self.pulls.fetch_add(1, Ordering::Relaxed);
        if before >= 2 {
            self.watch.note("one_pull_ahead_at_a_time", format!("a pull begins beside {before} others"));
        }
        Pulling(Arc::clone(&self.pulls))
    }

    /// No image goes that is on its way or is gone back to.
    fn check_image(&self, key: &AppKey, image: &ImagePin) {
        use evenkeel_agent::ledger::LedgerStore as _;
        let ledgers = at_once(self.disk.ledgers.load()).expect("a disk in memory can be read").ledgers;
        let needed = ledgers.get(key).map(images).unwrap_or_default();
        if needed.contains(image) {
            self.watch.note("g9_no_image_goes_that_may_be_needed", format!("{image} is taken away"));
        }
    }
}

/// The images of the release on its way, of the base, and of the release before it, which a rollback goes to; none of an app that is gone.
fn images(ledger: &Ledger) -> Vec<ImagePin> {
    let accepted = ledger.accepted.as_ref().and_then(|accepted| accepted.assignment.content.as_ref());
    let contents: Vec<_> = accepted.into_iter().chain(&ledger.base).collect();
    let kept = if contents.is_empty() { 0 } else { 2 };
    let manifests = contents.into_iter().filter_map(|content| Manifest::decode(&content.manifest).ok());
    let named = manifests.flat_map(|manifest| manifest.services.into_values().map(|service| service.image));
    named.chain(ledger.kept.iter().take(kept).flat_map(|kept| kept.images.clone())).collect()
}

#[async_trait]
impl Runtime for Watched {
    async fn observe(&self, key: &AppKey, pins: &[ImagePin]) -> Sight {
        self.runtime.observe(key, pins).await
    }

    async fn keys(&self) -> Result<BTreeSet<AppKey>, EngineDown> {
        self.runtime.keys().await
    }

    async fn perform(&self, key: &AppKey, action: &Action) -> Outcome {
        self.check(key, action).await;
        let _pulling = matches!(action, Action::Pull { .. }).then(|| self.pulling());
        self.runtime.perform(key, action).await
    }

    async fn engine_version(&self) -> Option<String> {
        self.runtime.engine_version().await
    }

    async fn data_root(&self) -> Option<PathBuf> {
        self.runtime.data_root().await
    }

    async fn stats(&self) -> Vec<ContainerStats> {
        self.runtime.stats().await
    }

    async fn search_logs(&self, question: &LogQuestion) -> LogAnswer {
        self.runtime.search_logs(question).await
    }

    fn wakeups(&self) -> watch::Receiver<()> {
        self.runtime.wakeups()
    }

    async fn listen(&self) {
        self.runtime.listen().await;
    }
}

#[async_trait]
impl Router for Watched {
    async fn observe(&self, key: &AppKey) -> Proxy {
        self.router.observe(key).await
    }

    async fn route(&self, key: &AppKey, plan: &RoutePlan) -> Result<(), Failure> {
        let upstreams = |plan: RoutePlan| plan.services.into_values().flat_map(|routes| routes.upstreams);
        let before = upstreams(self.router.plan(key)).map(|upstream| upstream.container);
        let before: Vec<String> = before.collect();
        self.router.route(key, plan).await?;
        self.watch.unrouted(before.into_iter().filter(|container| !self.router.routes_to(key, container)));
        Ok(())
    }

    async fn cut(&self, key: &AppKey, container: &str) -> Result<(), Failure> {
        if !self.watch.has_drained(container) {
            self.watch
                .note("g3_what_is_under_way_gets_its_time", format!("{container} is cut before its drain is over"));
        }
        self.router.cut(key, container).await
    }

    fn wakeups(&self) -> watch::Receiver<()> {
        self.router.wakeups()
    }
}
