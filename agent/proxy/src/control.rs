//! The one place where who serves what is changed. Each change builds a new table beside the one in use and swaps them.
//! Not here: anything on a request's way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio_util::task::TaskTracker;

use crate::ApplyError;
use crate::entry::{Choice, Entry, RouteKey, RouteState};
use crate::listener::Listener;
use crate::route::{ReadinessRule, Route};
use crate::shared::Shared;
use crate::sockets::Sockets;
use crate::status::{RouteStatus, UpstreamStatus};
use crate::table::{self, Table};
use crate::upstream::{Live, Wake};

/// What was asked for, and what came of it.
#[derive(Debug)]
pub(crate) struct Control {
    shared: Arc<Shared>,
    sockets: Arc<dyn Sockets>,
    known: BTreeMap<RouteKey, Known>,
    listeners: HashMap<SocketAddr, Listener>,
    readiness: HashMap<SocketAddr, ReadinessRule>,
    acceptors: TaskTracker,
    shut: bool,
}

/// A route that is asked for, or was and still has something in flight.
#[derive(Debug)]
struct Known {
    state: Arc<RouteState>,
    /// None: no longer asked for.
    entry: Option<Arc<Entry>>,
}

impl Control {
    /// No routes.
    pub(crate) fn new(shared: Arc<Shared>, sockets: Arc<dyn Sockets>) -> Self {
        Self {
            shared,
            sockets,
            known: BTreeMap::new(),
            listeners: HashMap::new(),
            readiness: HashMap::new(),
            acceptors: TaskTracker::new(),
            shut: false,
        }
    }

    /// Replaces all routes of one owner, or changes nothing.
    pub(crate) fn apply(&mut self, owner: &str, routes: Vec<Route>) -> Result<(), ApplyError> {
        if let Some(route) = routes.iter().find(|route| route.owner != owner) {
            let what = "it names another owner than the one it is applied for";
            return Err(ApplyError::Invalid { name: route.name.clone(), listen: route.listen, what });
        }
        let others = self.entries().map(|entry| &entry.route).filter(|route| route.owner != owner);
        let all = others.chain(&routes);
        table::check(all.clone(), self.shared.tls.is_some())?;
        let wanted: BTreeSet<SocketAddr> = all.map(|route| route.listen).collect();
        let opened = if self.shut { vec![] } else { self.open(&wanted)? };
        self.replace(owner, routes);
        // After the table: whoever is accepted finds a route.
        for (address, listener) in opened {
            listener.start(self.shared.clone(), &self.acceptors);
            self.listeners.insert(address, listener);
        }
        self.close_all_but(&wanted);
        Ok(())
    }

    /// Sets or removes the path on a port that we answer ourselves.
    pub(crate) fn set_readiness(&mut self, listen: SocketAddr, rule: Option<ReadinessRule>) {
        if self.readiness.get(&listen) == rule.as_ref() {
            return;
        }
        match rule {
            Some(rule) => self.readiness.insert(listen, rule),
            None => self.readiness.remove(&listen),
        };
        self.publish();
    }

    /// Ends all that is in flight on a draining upstream. Says how many that were.
    pub(crate) fn cut(&self, owner: &str, id: &str) -> u64 {
        let states = self.known.iter().filter(|(key, _)| key.owner == owner).map(|(_, known)| &known.state);
        states.map(|state| state.known().iter().filter(|live| live.id == id).map(|live| live.cut()).sum::<u64>()).sum()
    }

    /// Every route.
    pub(crate) fn status(&mut self) -> Vec<RouteStatus> {
        self.forget();
        self.known.iter().map(|(key, known)| known.status(key)).collect()
    }

    /// Stops accepting for good. Await the result: then nothing more is accepted.
    pub(crate) fn shut(&mut self) -> TaskTracker {
        self.shut = true;
        for listener in self.listeners.drain().map(|(_, listener)| listener) {
            listener.close();
        }
        self.acceptors.close();
        self.acceptors.clone()
    }

    fn open(&mut self, wanted: &BTreeSet<SocketAddr>) -> Result<Vec<(SocketAddr, Listener)>, ApplyError> {
        let missing: Vec<_> = wanted.iter().filter(|address| !self.listeners.contains_key(address)).copied().collect();
        let (mut opened, mut parted) = (vec![], vec![]);
        for address in missing {
            parted.extend(self.part_with_what_is_in_the_way(address, wanted));
            match self.listen(address) {
                Ok(listener) => opened.push((address, listener)),
                Err(source) => {
                    for (address, listener) in opened {
                        listener.close();
                        self.sockets.close(address);
                    }
                    self.take_back(parted);
                    return Err(ApplyError::opening(address, source));
                }
            }
        }
        Ok(opened)
    }

    fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        self.sockets.open(address).and_then(|socket| Listener::new(address, socket, &self.shared.connections))
    }

    /// Closes those of ours that are to go anyway and are in this one's way: a port cannot be had on one address and on all. For a moment
    /// nobody listens there.
    fn part_with_what_is_in_the_way(&mut self, address: SocketAddr, wanted: &BTreeSet<SocketAddr>) -> Vec<SocketAddr> {
        let overlaps = |other: &SocketAddr| {
            other.port() == address.port() && (other.ip().is_unspecified() || address.ip().is_unspecified())
        };
        let sockets = &self.sockets;
        let parted = self.listeners.extract_if(|other, _| overlaps(other) && !wanted.contains(other));
        parted
            .map(|(other, listener)| {
                listener.close();
                sockets.close(other);
                other
            })
            .collect()
    }

    /// Opens again what was closed for a change that could not be.
    fn take_back(&mut self, parted: Vec<SocketAddr>) {
        for address in parted {
            match self.listen(address) {
                Ok(listener) => {
                    listener.start(self.shared.clone(), &self.acceptors);
                    self.listeners.insert(address, listener);
                }
                Err(error) => {
                    tracing::error!(%address, %error, "a port that was closed for a moment can't be opened again");
                }
            }
        }
    }

    fn close_all_but(&mut self, wanted: &BTreeSet<SocketAddr>) {
        let sockets = &self.sockets;
        self.listeners.retain(|address, listener| {
            let keep = wanted.contains(address);
            if !keep {
                listener.close();
                sockets.close(*address);
            }
            keep
        });
    }

    /// What is asked for.
    fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> + Clone {
        self.known.values().filter_map(|known| known.entry.as_ref())
    }

    /// Makes an owner's entries anew; those of others stay as they are. The order is what a drain relies on: whoever serves again is
    /// revived before the new table is seen, and whoever leaves is retired after; so a request that finds its upstream retired finds
    /// another in the newer table.
    fn replace(&mut self, owner: &str, routes: Vec<Route>) {
        let mut old: BTreeMap<_, _> = self.known.extract_if(.., |key, _| key.owner == owner).collect();
        let mut entries = vec![];
        for route in routes {
            let key = RouteKey::of(&route);
            let state = old.remove(&key).map_or_else(Arc::default, |known| known.state);
            let choices = choices(&route, &state, &self.shared);
            let entry = Arc::new(Entry { route, state: state.clone(), choices });
            entries.push(entry.clone());
            self.known.insert(key, Known { state, entry: Some(entry) });
        }
        self.publish();
        for entry in &entries {
            let serves = |live: &Arc<Live>| entry.choices.iter().any(|choice| Arc::ptr_eq(&choice.live, live));
            entry.state.known().iter().filter(|live| !serves(live)).for_each(|live| live.retire());
            entry.state.changed.send_replace(());
        }
        for (key, removed) in old {
            removed.state.known().iter().for_each(|live| live.retire());
            removed.state.changed.send_replace(());
            self.known.insert(key, Known { state: removed.state, entry: None });
        }
        self.forget();
    }

    /// Makes the table anew: requests see it from now on.
    fn publish(&self) {
        self.shared.table.store(Arc::new(Table::new(self.entries().cloned(), &self.readiness)));
    }

    /// Drops what is neither asked for nor in flight.
    fn forget(&mut self) {
        self.known.retain(|_, known| {
            let asked = known.entry.as_ref();
            let is_asked = |live: &Live| asked.is_some_and(|entry| is_of(live, &entry.route) && !live.is_cut());
            known.state.known().retain(|live| live.in_flight() > 0 || is_asked(live));
            asked.is_some() || !known.state.known().is_empty()
        });
    }
}

/// Whoever serves the route now, known ones as they are.
fn choices(route: &Route, state: &RouteState, shared: &Shared) -> Vec<Choice> {
    let mut known = state.known();
    let mut choices = vec![];
    for upstream in &route.upstreams {
        let same = |live: &&Arc<Live>| live.id == upstream.id && live.address == upstream.address && !live.is_cut();
        let serves = route.serves() && upstream.weight > 0;
        let live = known.iter().find(same).cloned().unwrap_or_else(|| {
            let wake = Wake { drained: shared.drained.clone(), changed: state.changed.clone() };
            let live = Arc::new(Live::new(&upstream.id, upstream.address, wake));
            known.push(live.clone());
            live
        });
        if serves {
            live.revive();
            choices.push(Choice { live, weight: upstream.weight });
        }
    }
    choices
}

fn is_of(live: &Live, route: &Route) -> bool {
    route.upstreams.iter().any(|upstream| upstream.id == live.id && upstream.address == live.address)
}

impl Known {
    fn status(&self, key: &RouteKey) -> RouteStatus {
        let known = self.state.known();
        let upstreams = known.iter().map(|live| {
            let asked = self.entry.iter().flat_map(|entry| &entry.route.upstreams);
            let weight = asked
                .filter(|upstream| upstream.id == live.id && upstream.address == live.address)
                .map(|upstream| upstream.weight);
            let (requests, failed) = live.totals();
            UpstreamStatus {
                id: live.id.clone(),
                address: live.address,
                weight: weight.sum(),
                draining: live.is_retired(),
                in_flight: live.in_flight(),
                requests,
                failed,
            }
        });
        RouteStatus {
            owner: key.owner.clone(),
            name: key.name.clone(),
            listen: key.listen,
            hosts: key.hosts.clone(),
            path: key.path.clone(),
            removed: self.entry.is_none(),
            holding: self.entry.as_ref().is_some_and(|entry| entry.route.holding),
            waiting: self.state.waiting.load(Ordering::SeqCst),
            upstreams: upstreams.collect(),
        }
    }
}

impl Drop for Control {
    /// The last handle is gone: nobody could ever end it otherwise.
    fn drop(&mut self) {
        self.shut();
        self.shared.end.cancel();
    }
}

#[cfg(test)]
mod tests;
