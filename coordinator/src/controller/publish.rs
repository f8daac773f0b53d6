//! What is told to those who wait for it, after it is durable: what is wanted by host, rollouts by watcher. Not here: the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use evenkeel_model::{
    AppKey, Assignment, Content, HostId, ImagePin, Prefetch, PrefetchState, ReleaseNumber, RolloutId,
};
use evenkeel_rollout::{Rollout, WaitingOn};

use super::app::App;
use super::event::{Pick, RolloutSnapshot, Wanted};
use super::refusal::RolloutError;
use super::state::State;
use crate::store::Order;

impl State {
    /// All that the host should run and fetch, now and whenever it changes.
    pub(super) fn subscribe(&mut self, host: &HostId) -> watch::Receiver<Arc<Wanted>> {
        let wanted = self.live.hosts.get(host).and_then(|live| live.wanted.as_ref());
        if let Some(sender) = wanted {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(Arc::new(self.wanted(host)));
        // For a host that does not exist the sender is dropped at once: there will never be anything.
        if self.stored.hosts.contains_key(host) {
            self.live.host_mut(host).wanted = Some(sender);
        }
        receiver
    }

    /// The rollout now, and whenever it changes. The sender of an ended one is gone already.
    pub(super) fn watch(&mut self, pick: &Pick) -> Result<watch::Receiver<RolloutSnapshot>, RolloutError> {
        let rollout = Arc::clone(self.pick(pick)?);
        let id = rollout.id;
        if let Some(sender) = self.watchers.get(&id) {
            return Ok(sender.subscribe());
        }
        let has_ended = rollout.outcome().is_some();
        let (sender, receiver) = watch::channel(self.snapshot(rollout));
        if !has_ended {
            self.watchers.insert(id, sender);
        }
        Ok(receiver)
    }

    /// Who fetches ahead, by the plans that are stored now. Published together with the orders of the same plans: where a fetch ahead is
    /// withdrawn because the host's turn has come, the order comes with it. Before streams are welcomed: the first word on one says it already.
    pub(super) fn renew_prefetch(&mut self) {
        for key in &self.planned {
            self.ordered.extend(self.apps.get_mut(key).map(App::renew_prefetch).into_iter().flatten());
        }
    }

    /// Tells everybody what the stored batch changed for them.
    pub(super) fn publish(&mut self) {
        for host in std::mem::take(&mut self.ordered) {
            let Some(live) = self.live.hosts.get(&host) else { continue };
            let Some(sender) = &live.wanted else { continue };
            if sender.receiver_count() > 0 {
                sender.send_replace(Arc::new(self.wanted(&host)));
            } else {
                self.live.host_mut(&host).wanted = None;
            }
        }
        let planned = std::mem::take(&mut self.planned);
        let watched: Vec<RolloutId> = self.watchers.keys().copied().collect();
        for id in watched {
            match self.stored.rollouts.get(&id) {
                Some(rollout) if planned.contains(&rollout.key) => self.publish_rollout(Arc::clone(rollout)),
                Some(_) => {}
                None => drop(self.watchers.remove(&id)),
            }
        }
    }

    fn publish_rollout(&mut self, rollout: Arc<Rollout>) {
        let (id, has_ended) = (rollout.id, rollout.outcome().is_some());
        let Some(sender) = self.watchers.remove(&id) else { return };
        if sender.receiver_count() == 0 {
            return;
        }
        let snapshot = self.snapshot(rollout);
        sender.send_if_modified(|published| {
            let is_new = *published != snapshot;
            *published = snapshot;
            is_new
        });
        if !has_ended {
            self.watchers.insert(id, sender);
        }
    }

    /// The app of a rollout that goes on.
    fn app_of(&self, rollout: &Rollout) -> Option<&App> {
        let app = self.apps.get(&rollout.key).filter(|app| app.newest() == Some(rollout.id));
        app.filter(|_| rollout.outcome().is_none())
    }

    /// Why no more is done for a rollout at this moment.
    pub(super) fn waiting(&self, rollout: &Rollout) -> &[WaitingOn] {
        self.app_of(rollout).map_or(&[], |app| &app.waiting)
    }

    /// A rollout with what goes with it at this moment.
    pub(super) fn snapshot(&self, rollout: Arc<Rollout>) -> RolloutSnapshot {
        if rollout.state == evenkeel_rollout::State::Queued {
            return self.queued_snapshot(rollout);
        }
        let Some(app) = self.app_of(&rollout) else {
            return RolloutSnapshot { rollout, waiting: Vec::new(), whys: BTreeMap::new(), prefetch: BTreeMap::new() };
        };
        let why = |host: &HostId| Some((host.clone(), app.host(host)?.report.as_ref()?.why.clone()));
        let whys = rollout.hosts.keys().filter_map(why).collect();
        let prefetch =
            app.prefetch.iter().map(|(host, release)| (host.clone(), prefetched(app, host, *release))).collect();
        RolloutSnapshot { waiting: app.waiting.clone(), whys, prefetch, rollout }
    }

    fn wanted(&self, host: &HostId) -> Wanted {
        let orders = self.stored.orders.get(host).into_iter().flatten();
        let assignments = orders.map(|(key, order)| self.assignment(key, order)).collect();
        let ahead = self.apps.iter().filter_map(|(key, app)| self.prefetch(host, key, app)).collect();
        Wanted { assignments, prefetch: ahead }
    }

    /// What the host should fetch ahead for the app: the images alone, of the services that it will run.
    fn prefetch(&self, host: &HostId, key: &AppKey, app: &App) -> Option<Prefetch> {
        let release = *app.prefetch.get(host)?;
        let manifest = app.manifests.get(&release)?;
        let mut images: Vec<ImagePin> = Vec::new();
        for service in manifest.services_for(&self.stored.hosts.get(host)?.labels) {
            let image = &manifest.services.get(&service)?.image;
            if !images.contains(image) {
                images.push(image.clone());
            }
        }
        let pull_deadline = self.going_rollout(key)?.policy.pull_deadline;
        Some(Prefetch { key: key.clone(), release, images, pull_deadline })
    }

    fn assignment(&self, key: &AppKey, order: &Order) -> Assignment {
        let content = order.release.and_then(|number| self.stored.release(key, number)).map(|release| Content {
            release: release.number,
            digest: release.digest.clone(),
            manifest: release.manifest.clone(),
            services: order.services.clone(),
        });
        let Order { version, phase, share, terms, .. } = *order;
        Assignment { key: key.clone(), version, content, phase, share, terms }
    }
}

/// How far a host says that it is; one that has not answered is taken to be at it.
fn prefetched(app: &App, host: &HostId, release: ReleaseNumber) -> PrefetchState {
    let said = app.host(host).and_then(|view| view.prefetched(release));
    said.cloned().unwrap_or(PrefetchState::Fetching { failure: None })
}
