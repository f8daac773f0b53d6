//! One look at all that a decision is based on: engine, proxy, disk, and what the other apps need. Not here: how old a look may be.

use evenkeel_machine::{Observed, Proxy};
use evenkeel_model::AppKey;
use tokio::sync::watch;

use super::Shared;
use super::needs::Named;
use crate::facts;
use crate::runtime::Sight;

/// Where it is looked, and what is remembered from one look to the next.
#[derive(Debug)]
pub(super) struct Lookout {
    /// That something changed at the engine.
    engine: watch::Receiver<()>,
    /// That something changed at the proxy.
    router: watch::Receiver<()>,
    /// Whether the proxy had anything to do for this app when it was asked last: routes, or the rest of what they brought.
    is_at_work: bool,
}

impl Lookout {
    pub(super) fn new(shared: &Shared) -> Self {
        let (engine, mut router) = (shared.runtime.wakeups(), shared.router.wakeups());
        // What an earlier life of this agent left at the proxy must be seen, whatever the ledger names.
        router.mark_changed();
        Self { engine, router, is_at_work: false }
    }

    /// Whether something has changed since the last look.
    pub(super) fn has_news(&self) -> bool {
        // A port that is gone can't tell any more: then each look is due.
        [&self.engine, &self.router].into_iter().any(|port| port.has_changed().unwrap_or(true))
    }

    /// Until something changes. It stays news until the next look. Being given up loses nothing.
    pub(super) async fn news(&mut self) {
        tokio::select! {
            biased;
            Ok(()) = self.engine.changed() => self.engine.mark_changed(),
            Ok(()) = self.router.changed() => self.router.mark_changed(),
            else => std::future::pending().await,
        }
    }

    /// Looks at everything. A port that does not answer is a sight too.
    pub(super) async fn look(&mut self, shared: &Shared, key: &AppKey, named: &Named) -> Observed {
        // Seen before it is looked: what happens meanwhile wakes the loop again.
        self.engine.mark_unchanged();
        let Sight { engine, containers, images } = shared.runtime.observe(key, &named.pins).await;
        Observed {
            engine,
            containers,
            images,
            proxy: self.look_at_proxy(shared, key, named).await,
            disk_low: facts::disk_low(&*shared.facts, shared.min_free_disk),
            needed_elsewhere: shared.needs.elsewhere(key),
            heard: shared.contact.line().heard,
        }
    }

    /// An app without routed ports does not depend on a proxy, and most hosts' apps are looked at often: it asks once, and when there is news.
    async fn look_at_proxy(&mut self, shared: &Shared, key: &AppKey, named: &Named) -> Proxy {
        let is_news = self.router.has_changed().unwrap_or(false);
        self.router.mark_unchanged();
        let needs_it = named.routed || self.is_at_work;
        if !is_news && !needs_it {
            return Proxy::default();
        }
        let proxy = shared.router.observe(key).await;
        match &proxy {
            Proxy::Up { mark, in_flight, .. } => self.is_at_work = mark.is_some() || !in_flight.is_empty(),
            Proxy::Down { .. } if !needs_it => return Proxy::default(),
            Proxy::Down { .. } => {}
        }
        proxy
    }
}
