//! What is told to those who wait for it, after it is durable: assignments by host, rollouts by watcher. Not here: the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use evenkeel_model::{AppKey, Assignment, Content, HostId, RolloutId};
use evenkeel_rollout::Rollout;

use super::event::{Pick, RolloutSnapshot};
use super::refusal::RolloutError;
use super::state::State;
use crate::store::Order;

impl State {
    /// All that the host should run, now and whenever it changes.
    pub(super) fn subscribe(&mut self, host: &HostId) -> watch::Receiver<Arc<Vec<Assignment>>> {
        let assignments = self.live.hosts.get(host).and_then(|live| live.assignments.as_ref());
        if let Some(sender) = assignments {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(Arc::new(self.assignments(host)));
        // For a host that does not exist the sender is dropped at once: there will never be anything.
        if self.stored.hosts.contains_key(host) {
            self.live.host_mut(host).assignments = Some(sender);
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

    /// Tells everybody what the stored batch changed for them.
    pub(super) fn publish(&mut self) {
        for host in std::mem::take(&mut self.ordered) {
            let Some(live) = self.live.hosts.get(&host) else { continue };
            let Some(sender) = &live.assignments else { continue };
            if sender.receiver_count() > 0 {
                sender.send_replace(Arc::new(self.assignments(&host)));
            } else {
                self.live.host_mut(&host).assignments = None;
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

    /// A rollout with what goes with it at this moment.
    pub(super) fn snapshot(&self, rollout: Arc<Rollout>) -> RolloutSnapshot {
        let app = self.apps.get(&rollout.key).filter(|app| app.newest() == Some(rollout.id));
        let Some(app) = app.filter(|_| rollout.outcome().is_none()) else {
            return RolloutSnapshot { rollout, waiting: Vec::new(), whys: BTreeMap::new() };
        };
        let why = |host: &HostId| Some((host.clone(), app.host(host)?.report.as_ref()?.why.clone()));
        let whys = rollout.hosts.keys().filter_map(why).collect();
        RolloutSnapshot { waiting: app.waiting.clone(), whys, rollout }
    }

    fn assignments(&self, host: &HostId) -> Vec<Assignment> {
        let orders = self.stored.orders.get(host).into_iter().flatten();
        orders.map(|(key, order)| self.assignment(key, order)).collect()
    }

    fn assignment(&self, key: &AppKey, order: &Order) -> Assignment {
        let content = order.release.and_then(|number| self.stored.release(key, number)).map(|release| Content {
            release: release.number,
            digest: release.digest.clone(),
            manifest: release.manifest.clone(),
            services: order.services.clone(),
        });
        Assignment { key: key.clone(), version: order.version, content, phase: order.phase, terms: order.terms }
    }
}
