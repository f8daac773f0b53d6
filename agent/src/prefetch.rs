//! One task beside the drivers: fetches what the coordinator announces before it is ordered, one pull at a time, so that a swap finds its images
//! here. Nothing depends on it: an image that could not be fetched is pulled by the driver in its turn, and what was announced is heard again after
//! a restart.
//!
//! Not here: who fetches what (the coordinator), when an image of a ledger goes (crate `evenkeel-machine`).

mod item;
mod spread;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;

use evenkeel_machine::{Action, Engine, Outcome};
use evenkeel_model::{
    AppKey, Assignment, CauseKind, Failure, HostId, ImagePin, Millis, Monotonic, Prefetch, PrefetchReport,
    PrefetchState,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::item::Item;
use crate::driver::Shared;
use crate::facts::disk_low;

/// How long a pull goes on that is not wanted any more: a coordinator that is connected to again may take a moment to say that it still is.
const DOUBT: Millis = Millis::seconds(5);

/// The task that fetches ahead.
pub(crate) struct Prefetcher {
    host: HostId,
    shared: Shared,
    /// What the coordinator wants fetched, newest only.
    announced: watch::Receiver<Vec<Prefetch>>,
    /// What it wants run, newest only.
    assigned: watch::Receiver<Vec<Assignment>>,
    items: BTreeMap<AppKey, Item>,
}

/// How an attempt ended, where nothing failed.
enum Brought {
    /// Every image is here.
    All,
    /// It is to be fetched no more, or the agent ends.
    Dropped,
}

impl Prefetcher {
    pub(crate) fn new(
        host: HostId,
        shared: Shared,
        announced: watch::Receiver<Vec<Prefetch>>,
        assigned: watch::Receiver<Vec<Assignment>>,
    ) -> Self {
        Self { host, shared, announced, assigned, items: BTreeMap::new() }
    }

    /// Until it is told to end. A pull under way is given up: it can be repeated.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        self.announced.mark_changed();
        while !shutdown.is_cancelled() {
            self.take_announcement();
            let now = self.shared.ticker.now();
            let next = self.items.iter().filter_map(|(key, item)| Some((item.due()?, key))).min();
            let tidy_at = self.shared.fetched.due().await;
            match next {
                Some((due, key)) if due <= now => self.attempt(&key.clone(), &shutdown).await,
                _ if tidy_at <= now => self.shared.fetched.tidy(&self.shared).await,
                _ => self.wait(next.map_or(tidy_at, |(due, _)| due.min(tidy_at)), &shutdown).await,
            }
        }
    }

    /// What is announced still goes on as it was; what is not any more is dropped.
    fn take_announcement(&mut self) {
        if !self.announced.has_changed().unwrap_or(false) {
            return;
        }
        let announced = self.announced.borrow_and_update().clone();
        self.keep(&announced);
        let (now, mut before) = (self.shared.ticker.now(), std::mem::take(&mut self.items));
        for prefetch in announced {
            let key = prefetch.key.clone();
            let item = if let Some(item) = before.remove(&key).filter(|item| item.is_for(&prefetch)) {
                item.announced_again(prefetch)
            } else {
                tracing::info!(app = %key, release = %prefetch.release, "a release is to be fetched ahead");
                Item::new(prefetch, &self.host, now)
            };
            self.items.insert(key.clone(), item);
            self.report(&key);
        }
        for key in before.keys() {
            self.shared.reports.prefetch(key, None);
        }
    }

    /// What is announced is needed, whatever else is under way: tidying must not take it.
    fn keep(&self, announced: &[Prefetch]) {
        let images = announced.iter().flat_map(|prefetch| &prefetch.images).map(|image| image.digest().clone());
        self.shared.needs.set_ahead(images.collect::<BTreeSet<_>>());
    }

    async fn wait(&mut self, until: Monotonic, shutdown: &CancellationToken) {
        let timer = sleep_until(self.shared.ticker.instant(until));
        // However it ends, the loop looks again; being dropped loses nothing.
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            Ok(()) = self.announced.changed() => self.announced.mark_changed(),
            () = timer => {}
        }
    }

    /// One attempt at what is due, and its report.
    async fn attempt(&mut self, key: &AppKey, shutdown: &CancellationToken) {
        let Some(wanted) = self.items.get(key).map(|item| item.wanted().clone()) else { return };
        let brought = self.bring(&wanted, shutdown).await;
        let now = self.shared.ticker.now();
        let Some(item) = self.items.get_mut(key) else { return };
        match brought {
            Ok(Brought::All) => {
                if *item.state() != PrefetchState::Present {
                    tracing::info!(app = %key, release = %wanted.release, "a release was fetched ahead");
                }
                item.succeeded(now);
            }
            Ok(Brought::Dropped) => return,
            Err(failure) => {
                tracing::warn!(app = %key, release = %wanted.release, %failure, "a release could not be fetched ahead");
                item.failed(failure, &self.host, now);
            }
        }
        self.report(key);
    }

    async fn bring(&mut self, wanted: &Prefetch, shutdown: &CancellationToken) -> Result<Brought, Failure> {
        let sight = self.shared.runtime.observe(&wanted.key, &wanted.images).await;
        if let Engine::Down { message } = sight.engine {
            return Err(Failure::plain(CauseKind::EngineUnavailable, message));
        }
        for image in wanted.images.iter().filter(|image| !sight.images.contains_key(image.digest())) {
            if let Some(item) = self.items.get_mut(&wanted.key).filter(|item| item.lost()) {
                item.begin_anew();
                self.report(&wanted.key);
            }
            if let Some(full) = disk_low(&*self.shared.facts, self.shared.min_free_disk) {
                return Err(Failure::plain(CauseKind::DiskFull, full));
            }
            self.shared.fetched.note(&wanted.key, image, &self.shared).await?;
            let brought = self.pull(wanted, image, shutdown).await?;
            if let Brought::Dropped = brought {
                return Ok(Brought::Dropped);
            }
            self.shared.fetched.brought(image, &self.shared).await;
            if !self.announced.borrow().iter().any(|prefetch| is_same(prefetch, wanted)) {
                return Ok(Brought::Dropped);
            }
        }
        Ok(Brought::All)
    }

    /// One pull. It is given up when it is withdrawn or replaced, unless because its turn has come: then the driver needs it, and shares what is
    /// here already.
    async fn pull(
        &self,
        wanted: &Prefetch,
        image: &ImagePin,
        shutdown: &CancellationToken,
    ) -> Result<Brought, Failure> {
        let action = Action::Pull { image: image.clone(), timeout: wanted.pull_deadline };
        let runtime = Arc::clone(&self.shared.runtime);
        self.shared.failpoint.reached("before:prefetch");
        let mut pull = pin!(runtime.perform(&wanted.key, &action));
        let (mut announced, mut doubted) = (self.announced.clone(), None);
        let outcome = loop {
            let given_up = async move {
                match doubted {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(Brought::Dropped),
                Ok(()) = announced.changed() => {
                    let all = announced.borrow_and_update().clone();
                    self.keep(&all);
                    let newest = all.iter().find(|other| other.key == wanted.key);
                    let is_wanted = newest.is_some_and(|newest| is_same(newest, wanted)) || self.is_assigned(wanted);
                    let wait = if newest.is_some() { Millis(0) } else { DOUBT };
                    doubted = (!is_wanted).then(|| Instant::now() + wait.to_std());
                }
                outcome = &mut pull => break outcome,
                () = given_up => {
                    tracing::info!(app = %wanted.key, release = %wanted.release, "a fetch ahead that is not wanted any more is given up");
                    return Ok(Brought::Dropped);
                }
            }
        };
        self.shared.failpoint.reached("after:prefetch");
        match outcome {
            Outcome::Failed(failure) => Err(*failure),
            _ => Ok(Brought::All),
        }
    }

    fn is_assigned(&self, wanted: &Prefetch) -> bool {
        let is_it = |assignment: &Assignment| {
            let release = assignment.content.as_ref().map(|content| content.release);
            assignment.key == wanted.key && release == Some(wanted.release)
        };
        self.assigned.borrow().iter().any(is_it)
    }

    fn report(&self, key: &AppKey) {
        let Some(item) = self.items.get(key) else { return };
        let (release, state) = (item.wanted().release, item.state().clone());
        self.shared.reports.prefetch(key, Some(PrefetchReport { key: key.clone(), release, state }));
    }
}

/// Whether nothing has to begin anew. A deadline that was changed counts from the next pull on.
fn is_same(one: &Prefetch, other: &Prefetch) -> bool {
    (&one.key, one.release, &one.images) == (&other.key, other.release, &other.images)
}

#[cfg(test)]
mod tests;
