//! All that the controller knows. The durable half changes by [`Write`]s alone, each of which is noted to be stored, and can be
//! taken back as long as it is not; what is derived from it follows in the same step. Not here: which writes to make.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use evenkeel_model::{AppKey, EnvironmentName, Epoch, HostId, Manifest, RolloutId, UnixMillis};
use evenkeel_rollout::{HostView, Rollout, State as RolloutState};

use super::app::App;
use super::event::RolloutSnapshot;
use super::live::Live;
use crate::gauge::Lines;
use crate::store::{Host, Release, Snapshot, Write};

/// All that the controller knows.
#[derive(Debug)]
pub(super) struct State {
    /// What is durable, and what is about to be.
    pub(super) stored: Snapshot,
    /// What is not stored yet, in its order.
    pub(super) batch: Vec<Write>,
    undo: Vec<Write>,
    /// Derived: the apps. Never stored as such.
    pub(super) apps: BTreeMap<AppKey, App>,
    /// Derived: which hosts are in which environment.
    pub(super) environments: BTreeMap<EnvironmentName, BTreeSet<HostId>>,
    /// The hosts as they are heard.
    pub(super) live: Live,
    /// The apps to be planned.
    pub(super) dirty: BTreeSet<AppKey>,
    /// The apps that were planned since the last batch was stored.
    pub(super) planned: BTreeSet<AppKey>,
    /// The hosts of which something else is wanted since the last batch was stored.
    pub(super) ordered: BTreeSet<HostId>,
    /// Who watches which rollout.
    pub(super) watchers: BTreeMap<RolloutId, watch::Sender<RolloutSnapshot>>,
}

impl State {
    /// From what is stored. The manifests in it must be readable.
    pub(super) fn new(stored: Snapshot, lease: Duration, lines: Lines, now: UnixMillis) -> Self {
        let mut state = Self {
            stored: Snapshot::default(),
            batch: Vec::new(),
            undo: Vec::new(),
            apps: BTreeMap::new(),
            environments: BTreeMap::new(),
            live: Live::new(lease, lines, now),
            dirty: BTreeSet::new(),
            planned: BTreeSet::new(),
            ordered: BTreeSet::new(),
            watchers: BTreeMap::new(),
        };
        state.stored = stored;
        for host in state.stored.hosts.values().cloned().collect::<Vec<_>>() {
            state.derive_host(&host);
        }
        for (key, releases) in state.stored.releases.clone() {
            for release in releases.values() {
                state.derive_release(&key, release);
            }
        }
        for rollout in state.stored.rollouts.values().cloned().collect::<Vec<_>>() {
            state.derive_rollout(&rollout);
        }
        state.dirty.extend(state.apps.keys().cloned());
        state
    }

    /// Makes one change, here and in the batch that is stored next. The caller has checked what the write refers to.
    pub(super) fn write(&mut self, write: Write) {
        self.change(write.clone());
        self.batch.push(write);
    }

    /// The batch is durable.
    pub(super) fn keep(&mut self) {
        self.batch.clear();
        self.undo.clear();
    }

    /// The batch could not be stored: everything is as it was before it, and the apps that were planned in it are to be again.
    pub(super) fn take_back(&mut self) {
        let undo = std::mem::take(&mut self.undo);
        for write in undo.into_iter().rev() {
            self.change(write);
        }
        self.keep();
        self.ordered.clear();
        for key in std::mem::take(&mut self.planned) {
            if let Some(app) = self.apps.get_mut(&key) {
                // What it waits for now is the store.
                app.waiting.clear();
                app.wake_at = None;
            }
            self.dirty.insert(key);
        }
    }

    /// The coordinator's reign.
    pub(super) fn epoch(&self) -> Epoch {
        self.stored.fleet.as_ref().map_or(Epoch(0), |fleet| fleet.epoch)
    }

    /// The newest rollout of an app, going on or ended.
    pub(super) fn newest_rollout(&self, key: &AppKey) -> Option<&Arc<Rollout>> {
        self.stored.rollouts.get(&self.apps.get(key)?.newest()?)
    }

    /// The rollout of an app that goes on.
    pub(super) fn going_rollout(&self, key: &AppKey) -> Option<&Arc<Rollout>> {
        self.newest_rollout(key).filter(|rollout| rollout.outcome().is_none())
    }

    /// Brings a host's contact into every app of its environment, which is to be planned then.
    pub(super) fn contact_changed(&mut self, id: &HostId) {
        let Some(host) = self.stored.hosts.get(id) else { return };
        let Some(live) = self.live.hosts.get(id) else { return };
        let (contact, conflict) = (live.contact(), live.highest_epoch > self.epoch());
        for (key, app) in self.apps.iter_mut().filter(|(key, _)| key.environment == host.environment) {
            let Some(view) = app.host_mut(id) else { continue };
            view.contact = contact;
            view.conflict = conflict;
            // A report is believed as long as the stream by which it came.
            view.report = None;
            view.refused = None;
            view.prefetch = None;
            self.dirty.insert(key.clone());
        }
    }

    fn change(&mut self, write: Write) {
        let derived = Derived::of(&write);
        self.stored.absorb(write, &mut self.undo).expect("what a write refers to was checked before it was made");
        match derived {
            Derived::Host(host) => self.derive_host(&host),
            Derived::NoHost(host) => self.derive_no_host(&host),
            Derived::Order(host, key) => self.derive_order(&host, &key),
            Derived::NoOrders(host) => self.derive_no_orders(&host),
            Derived::Release(key, release) => self.derive_release(&key, &release),
            Derived::NoRelease(key, number) => {
                if let Some(app) = self.apps.get_mut(&key) {
                    app.manifests.remove(&number);
                }
            }
            Derived::Rollout(rollout) => self.derive_rollout(&rollout),
            Derived::NoRollout(id) => {
                for app in self.apps.values_mut() {
                    app.rollouts.remove(&id);
                    app.queued.remove(&id);
                }
            }
            // Who is kept by it is not looked up: there are few, and they are planned for nothing.
            Derived::Freeze => self.dirty.extend(self.apps.keys().cloned()),
            Derived::Nothing => {}
        }
    }

    fn derive_host(&mut self, host: &Host) {
        self.environments.entry(host.environment.clone()).or_default().insert(host.host.clone());
        let view = self.view(host);
        let is_new = |app: &App| app.host(&host.host).is_none();
        if self.apps.iter().any(|(key, app)| key.environment == host.environment && is_new(app)) {
            // A host that was heard before it was here: its removal was taken back. What it said is forgotten, so it has to
            // say it again, by a new stream.
            self.live.end_stream(&host.host);
        }
        for (key, app) in self.apps.iter_mut().filter(|(key, _)| key.environment == host.environment) {
            match app.host_mut(&host.host) {
                Some(view) if view.labels == host.labels && view.duty == host.duty() => continue,
                Some(view) => {
                    view.duty = host.duty();
                    view.labels.clone_from(&host.labels);
                    // Labels decide which services it runs, and so what it fetches ahead.
                    self.ordered.insert(host.host.clone());
                }
                None => app.add_host(view.clone()),
            }
            self.dirty.insert(key.clone());
        }
    }

    fn derive_no_host(&mut self, host: &HostId) {
        for hosts in self.environments.values_mut() {
            hosts.remove(host);
        }
        self.environments.retain(|_, hosts| !hosts.is_empty());
        for (key, app) in &mut self.apps {
            if app.host(host).is_some() {
                app.remove_host(host);
                self.dirty.insert(key.clone());
            }
        }
    }

    fn derive_order(&mut self, host: &HostId, key: &AppKey) {
        let order = self.stored.orders.get(host).and_then(|orders| orders.get(key));
        if let Some(app) = self.apps.get_mut(key) {
            app.set_ordered(host, order.map(AsRef::as_ref));
        }
        self.ordered.insert(host.clone());
    }

    fn derive_no_orders(&mut self, host: &HostId) {
        for app in self.apps.values_mut() {
            app.set_ordered(host, None);
        }
        self.ordered.insert(host.clone());
    }

    fn derive_release(&mut self, key: &AppKey, release: &Release) {
        let manifest = Manifest::decode(&release.manifest).expect("made here, or read when it was loaded");
        if !self.apps.contains_key(key) {
            let app = self.new_app(key);
            self.apps.insert(key.clone(), app);
        }
        if let Some(app) = self.apps.get_mut(key) {
            app.manifests.insert(release.number, Arc::new(manifest));
        }
    }

    fn derive_rollout(&mut self, rollout: &Rollout) {
        let Some(app) = self.apps.get_mut(&rollout.key) else { return };
        let is_queued = rollout.state == RolloutState::Queued;
        let (into, out_of) =
            if is_queued { (&mut app.queued, &mut app.rollouts) } else { (&mut app.rollouts, &mut app.queued) };
        into.insert(rollout.id);
        out_of.remove(&rollout.id);
    }

    fn new_app(&mut self, key: &AppKey) -> App {
        let mut app = App { hosts: self.hosts_of(&key.environment), ..App::default() };
        let ids: Vec<HostId> = app.hosts.iter().map(|view| view.host.clone()).collect();
        for id in ids {
            let order = self.stored.orders.get(&id).and_then(|orders| orders.get(key));
            app.set_ordered(&id, order.map(AsRef::as_ref));
            if let Some(live) = self.live.hosts.get_mut(&id) {
                let refused = live.refused.iter().find(|refused| refused.key == *key).cloned();
                app.hear(&id, live.strays.remove(key), refused);
            }
        }
        app
    }

    /// The hosts of an environment, as an app that has nothing to do with them sees them.
    pub(super) fn hosts_of(&self, environment: &EnvironmentName) -> Vec<HostView> {
        let ids = self.environments.get(environment).into_iter().flatten();
        ids.filter_map(|id| self.stored.hosts.get(id)).map(|host| self.view(host)).collect()
    }

    /// A host as an app that has nothing to do with it sees it.
    fn view(&self, host: &Host) -> HostView {
        let live = self.live.hosts.get(&host.host);
        HostView {
            host: host.host.clone(),
            labels: host.labels.clone(),
            duty: host.duty(),
            contact: live.map_or_else(|| self.live.never_heard(), super::live::LiveHost::contact),
            conflict: live.is_some_and(|live| live.highest_epoch > self.epoch()),
            ordered: None,
            report: None,
            refused: None,
            prefetch: None,
        }
    }
}

/// What follows from a write, taken from it before it is absorbed.
enum Derived {
    Host(Arc<Host>),
    NoHost(HostId),
    Order(HostId, AppKey),
    NoOrders(HostId),
    Release(AppKey, Arc<Release>),
    NoRelease(AppKey, evenkeel_model::ReleaseNumber),
    Rollout(Arc<Rollout>),
    NoRollout(RolloutId),
    Freeze,
    Nothing,
}

impl Derived {
    fn of(write: &Write) -> Self {
        match write {
            Write::PutHost(host) => Self::Host(Arc::clone(host)),
            Write::DeleteHost(host) => Self::NoHost(host.clone()),
            Write::PutOrder(host, key, _) | Write::DeleteOrder(host, key) => Self::Order(host.clone(), key.clone()),
            Write::DeleteOrders(host) => Self::NoOrders(host.clone()),
            Write::PutRelease(key, release) => Self::Release(key.clone(), Arc::clone(release)),
            Write::DeleteRelease(key, number) => Self::NoRelease(key.clone(), *number),
            Write::PutRollout(rollout) => Self::Rollout(Arc::clone(rollout)),
            Write::DeleteRollout(id) => Self::NoRollout(*id),
            Write::PutFreeze(_) | Write::DeleteFreeze(_) => Self::Freeze,
            Write::PutFleet(_)
            | Write::PutToken(_)
            | Write::DeleteToken(_)
            | Write::PutCurrent(..)
            | Write::DeleteCurrent(_)
            | Write::PutOperator(_)
            | Write::DeleteOperator(_)
            | Write::PutRemoved(_)
            | Write::DeleteRemoved(_) => Self::Nothing,
        }
    }
}
