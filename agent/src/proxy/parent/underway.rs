//! What workers that do not lead still have under way, so that the leader can say it: a container must not be stopped while one of them
//! still serves from it. Not here: who is told.

use std::collections::BTreeMap;

use super::crew::Id;

/// An owner and a container.
type Key = (String, String);

/// By worker.
#[derive(Debug, Default)]
pub(super) struct Underway(BTreeMap<Id, BTreeMap<Key, u64>>);

impl Underway {
    /// A worker's newest count.
    pub(super) fn set(&mut self, id: Id, key: Key, in_flight: u64) {
        let counts = self.0.entry(id).or_default();
        if in_flight == 0 {
            counts.remove(&key);
        } else {
            counts.insert(key, in_flight);
        }
    }

    /// A worker has ended, or leads. What it had.
    pub(super) fn forget(&mut self, id: Id) -> Vec<Key> {
        self.0.remove(&id).unwrap_or_default().into_keys().collect()
    }

    /// Everything that anyone has.
    pub(super) fn all(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.0.values().flat_map(|counts| counts.keys().cloned()).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// At one container, together.
    pub(super) fn sum(&self, owner: &str, container: &str) -> u64 {
        let key = (owner.to_owned(), container.to_owned());
        self.0.values().filter_map(|counts| counts.get(&key)).sum()
    }
}
