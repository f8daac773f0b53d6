//! All that is stored, in memory: what `load` gives, what the memory store holds, and the durable half of the controller's state.
//! Not here: live knowledge (`controller/`).

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::{AppKey, Digest, HostId, OperatorName, ReleaseNumber, RolloutId};
use evenkeel_rollout::Rollout;

use super::{Current, Fleet, Freeze, Host, Operator, Order, Release, Removed, Subject, Token, Violation, Write};

/// All that is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The fleet; none before the first start.
    pub fleet: Option<Fleet>,
    /// The hosts that have joined and were not removed.
    pub hosts: BTreeMap<HostId, Arc<Host>>,
    /// The join tokens, used and unused, by their secrets' digests.
    pub tokens: BTreeMap<Digest, Token>,
    /// The releases of each app.
    pub releases: BTreeMap<AppKey, BTreeMap<ReleaseNumber, Arc<Release>>>,
    /// The rollouts, going on and ended.
    pub rollouts: BTreeMap<RolloutId, Arc<Rollout>>,
    /// What each host was last ordered for each app.
    pub orders: BTreeMap<HostId, BTreeMap<AppKey, Arc<Order>>>,
    /// The current release of each app that has one.
    pub current: BTreeMap<AppKey, Current>,
    /// The operators.
    pub operators: BTreeMap<OperatorName, Operator>,
    /// The hosts and operators that were removed, and are refused since.
    pub removed: BTreeMap<Subject, Removed>,
    /// The freezes, by their numbers; also some that have ended.
    pub freezes: BTreeMap<u64, Freeze>,
}

impl Snapshot {
    /// Makes one change, and adds to `undo` the writes that take it back (to be absorbed from the last to the first).
    /// A violation changes nothing.
    pub fn absorb(&mut self, write: Write, undo: &mut Vec<Write>) -> Result<(), Violation> {
        self.check(&write)?;
        match write {
            Write::PutFleet(fleet) => undo.extend(self.fleet.replace(fleet).map(Write::PutFleet)),
            Write::PutHost(host) => {
                let id = host.host.clone();
                let old = self.hosts.insert(id.clone(), host);
                undo.push(old.map_or(Write::DeleteHost(id), Write::PutHost));
            }
            Write::DeleteHost(host) => undo.extend(self.hosts.remove(&host).map(Write::PutHost)),
            Write::PutToken(token) => {
                let digest = token.digest.clone();
                let old = self.tokens.insert(digest.clone(), token);
                undo.push(old.map_or(Write::DeleteToken(digest), Write::PutToken));
            }
            Write::DeleteToken(digest) => undo.extend(self.tokens.remove(&digest).map(Write::PutToken)),
            Write::PutRelease(key, release) => self.put_release(key, release, undo),
            Write::DeleteRelease(key, number) => self.delete_release(key, number, undo),
            Write::PutRollout(rollout) => {
                let id = rollout.id;
                let old = self.rollouts.insert(id, rollout);
                undo.push(old.map_or(Write::DeleteRollout(id), Write::PutRollout));
            }
            Write::DeleteRollout(id) => undo.extend(self.rollouts.remove(&id).map(Write::PutRollout)),
            Write::PutOrder(host, key, order) => self.put_order(host, key, order, undo),
            Write::DeleteOrder(host, key) => self.delete_order(host, key, undo),
            Write::DeleteOrders(host) => {
                let old = self.orders.remove(&host).unwrap_or_default();
                undo.extend(old.into_iter().map(|(key, order)| Write::PutOrder(host.clone(), key, order)));
            }
            Write::PutCurrent(key, current) => {
                let old = self.current.insert(key.clone(), current);
                undo.push(match old {
                    Some(old) => Write::PutCurrent(key, old),
                    None => Write::DeleteCurrent(key),
                });
            }
            Write::DeleteCurrent(key) => {
                undo.extend(self.current.remove(&key).map(|old| Write::PutCurrent(key, old)));
            }
            Write::PutOperator(operator) => {
                let name = operator.name.clone();
                let old = self.operators.insert(name.clone(), operator);
                undo.push(old.map_or(Write::DeleteOperator(name), Write::PutOperator));
            }
            Write::DeleteOperator(name) => undo.extend(self.operators.remove(&name).map(Write::PutOperator)),
            Write::PutRemoved(removed) => {
                let subject = removed.subject.clone();
                let old = self.removed.insert(subject.clone(), removed);
                undo.push(old.map_or(Write::DeleteRemoved(subject), Write::PutRemoved));
            }
            Write::DeleteRemoved(subject) => undo.extend(self.removed.remove(&subject).map(Write::PutRemoved)),
            Write::PutFreeze(freeze) => {
                let id = freeze.id;
                let old = self.freezes.insert(id, freeze);
                undo.push(old.map_or(Write::DeleteFreeze(id), Write::PutFreeze));
            }
            Write::DeleteFreeze(id) => undo.extend(self.freezes.remove(&id).map(Write::PutFreeze)),
        }
        Ok(())
    }

    /// Absorbs a whole batch, or nothing of it.
    pub fn absorb_all(&mut self, writes: &[Write]) -> Result<(), Violation> {
        let mut undo = Vec::new();
        for write in writes {
            if let Err(violation) = self.absorb(write.clone(), &mut undo) {
                self.take_back(undo);
                return Err(violation);
            }
        }
        Ok(())
    }

    /// The release, if it is there.
    pub fn release(&self, key: &AppKey, number: ReleaseNumber) -> Option<&Arc<Release>> {
        self.releases.get(key)?.get(&number)
    }

    fn take_back(&mut self, undo: Vec<Write>) {
        for write in undo.into_iter().rev() {
            self.absorb(write, &mut Vec::new()).expect("taking back in reverse order breaks no reference");
        }
    }

    /// The references between what is stored, as the databases hold them.
    fn check(&self, write: &Write) -> Result<(), Violation> {
        match write {
            Write::PutOrder(host, key, order) => {
                if !self.hosts.contains_key(host) {
                    return Err(Violation::Missing(format!("host {host}")));
                }
                order.release.map_or(Ok(()), |release| self.release_is_there(key, release))
            }
            Write::PutRollout(rollout) => self.release_is_there(&rollout.key, rollout.to),
            Write::PutCurrent(key, current) => self.release_is_there(key, current.release),
            Write::DeleteHost(host) if self.orders.contains_key(host) => {
                Err(Violation::Referred(format!("host {host}")))
            }
            Write::DeleteRelease(key, number) if self.is_referred_to(key, *number) => {
                Err(Violation::Referred(format!("release {number} of {key}")))
            }
            _ => Ok(()),
        }
    }

    fn release_is_there(&self, key: &AppKey, number: ReleaseNumber) -> Result<(), Violation> {
        match self.release(key, number) {
            Some(_) => Ok(()),
            None => Err(Violation::Missing(format!("release {number} of {key}"))),
        }
    }

    fn is_referred_to(&self, key: &AppKey, number: ReleaseNumber) -> bool {
        let ordered = |order: &Arc<Order>| order.release == Some(number);
        self.current.get(key).is_some_and(|current| current.release == number)
            || self.rollouts.values().any(|rollout| rollout.key == *key && rollout.to == number)
            || self.orders.values().any(|orders| orders.get(key).is_some_and(ordered))
    }

    fn put_release(&mut self, key: AppKey, release: Arc<Release>, undo: &mut Vec<Write>) {
        let number = release.number;
        let old = self.releases.entry(key.clone()).or_default().insert(number, release);
        undo.push(match old {
            Some(old) => Write::PutRelease(key, old),
            None => Write::DeleteRelease(key, number),
        });
    }

    fn delete_release(&mut self, key: AppKey, number: ReleaseNumber, undo: &mut Vec<Write>) {
        let Some(releases) = self.releases.get_mut(&key) else { return };
        let old = releases.remove(&number);
        if releases.is_empty() {
            self.releases.remove(&key);
        }
        undo.extend(old.map(|old| Write::PutRelease(key, old)));
    }

    fn put_order(&mut self, host: HostId, key: AppKey, order: Arc<Order>, undo: &mut Vec<Write>) {
        let old = self.orders.entry(host.clone()).or_default().insert(key.clone(), order);
        undo.push(match old {
            Some(old) => Write::PutOrder(host, key, old),
            None => Write::DeleteOrder(host, key),
        });
    }

    fn delete_order(&mut self, host: HostId, key: AppKey, undo: &mut Vec<Write>) {
        let Some(orders) = self.orders.get_mut(&host) else { return };
        let old = orders.remove(&key);
        if orders.is_empty() {
            self.orders.remove(&host);
        }
        undo.extend(old.map(|old| Write::PutOrder(host, key, old)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    #[test]
    fn every_write_is_taken_back_by_what_it_adds_to_undo() {
        let mut snapshot = Snapshot::default();
        let mut states = Vec::new();
        let mut undo = Vec::new();
        let deletes = [
            Write::DeleteOrders("h1".parse().unwrap()),
            Write::DeleteOrder("h2".parse().unwrap(), crate::fixture::app()),
            Write::DeleteHost("h1".parse().unwrap()),
            Write::DeleteRollout(RolloutId(1)),
            Write::DeleteCurrent(crate::fixture::app()),
            Write::DeleteRelease(crate::fixture::app(), ReleaseNumber(2)),
            Write::DeleteOperator("ada".parse().unwrap()),
            Write::DeleteToken(Digest::of(b"used")),
            Write::DeleteRemoved(Subject::Host("h3".parse().unwrap())),
            Write::DeleteFreeze(1),
        ];
        let twice = [contract::everything(), contract::everything(), deletes.to_vec()].concat();
        // The fleet is there from the start on: nothing deletes it.
        snapshot.absorb(twice[0].clone(), &mut Vec::new()).unwrap();
        for write in twice {
            states.push((snapshot.clone(), undo.len()));
            snapshot.absorb(write, &mut undo).unwrap();
        }
        for (before, mark) in states.into_iter().rev() {
            for write in undo.split_off(mark).into_iter().rev() {
                snapshot.absorb(write, &mut Vec::new()).unwrap();
            }
            assert_eq!(snapshot, before);
        }
    }
}
