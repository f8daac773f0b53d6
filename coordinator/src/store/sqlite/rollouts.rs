//! Rollouts, of which only what has changed is written: what is stored of each is remembered, and compared. Not here: the statements
//! (`rows_in.rs`, `bulk.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{SqliteConnection, query};

use evenkeel_model::{HostId, RolloutId};
use evenkeel_rollout::{HostProgress, Rollout};

use super::bulk::put_rollout_hosts;
use super::rows_in::put_rollout;

type Hosts = BTreeMap<HostId, HostProgress>;

/// What is stored of the rollouts. One that is missing here may be stored nevertheless: it is then written whole.
#[derive(Debug, Default)]
pub(super) struct Rollouts {
    stored: BTreeMap<RolloutId, Arc<Rollout>>,
    /// What the transaction under way makes of them; none: it is deleted.
    pending: BTreeMap<RolloutId, Option<Arc<Rollout>>>,
}

/// What makes one set of hosts of another.
#[derive(Debug, Default, PartialEq, Eq)]
struct Difference<'a> {
    put: Vec<(&'a HostId, &'a HostProgress)>,
    gone: Vec<&'a HostId>,
}

impl Rollouts {
    /// These are stored, and no others.
    pub(super) fn are(&mut self, rollouts: &BTreeMap<RolloutId, Arc<Rollout>>) {
        *self = Self { stored: rollouts.clone(), pending: BTreeMap::new() };
    }

    /// The transaction is durable.
    pub(super) fn keep(&mut self) {
        for (id, rollout) in std::mem::take(&mut self.pending) {
            match rollout {
                Some(rollout) => self.stored.insert(id, rollout),
                None => self.stored.remove(&id),
            };
        }
    }

    /// The transaction was given up.
    pub(super) fn drop_pending(&mut self) {
        self.pending.clear();
    }

    /// Puts a rollout.
    pub(super) async fn put(
        &mut self,
        connection: &mut SqliteConnection,
        rollout: &Arc<Rollout>,
    ) -> Result<(), sqlx::Error> {
        let id = rollout.id;
        let mut head = Rollout::clone(rollout);
        head.hosts.clear();
        put_rollout(&head).execute(&mut *connection).await?;
        let before = self.pending.get(&id).map_or_else(|| self.stored.get(&id), Option::as_ref);
        if before.is_none() {
            delete_hosts(connection, id).await?;
        }
        let none = Hosts::new();
        let Difference { put, gone } = difference(before.map_or(&none, |before| &before.hosts), &rollout.hosts);
        for host in gone {
            let delete = query("DELETE FROM rollout_hosts WHERE rollout = ? AND host = ?");
            delete.bind(id.0.cast_signed()).bind(host.to_string()).execute(&mut *connection).await?;
        }
        put_rollout_hosts(connection, id, &put).await?;
        self.pending.insert(id, Some(Arc::clone(rollout)));
        Ok(())
    }

    /// Deletes a rollout.
    pub(super) async fn delete(&mut self, connection: &mut SqliteConnection, id: RolloutId) -> Result<(), sqlx::Error> {
        delete_hosts(connection, id).await?;
        query("DELETE FROM rollouts WHERE rollout = ?").bind(id.0.cast_signed()).execute(connection).await?;
        self.pending.insert(id, None);
        Ok(())
    }
}

async fn delete_hosts(connection: &mut SqliteConnection, id: RolloutId) -> Result<(), sqlx::Error> {
    query("DELETE FROM rollout_hosts WHERE rollout = ?").bind(id.0.cast_signed()).execute(connection).await.map(drop)
}

/// Both are in the order of their ids, so one walk along them finds it.
fn difference<'a>(before: &'a Hosts, after: &'a Hosts) -> Difference<'a> {
    let mut difference = Difference::default();
    let mut before = before.iter().peekable();
    for (host, progress) in after {
        while let Some((gone, _)) = before.next_if(|(old, _)| *old < host) {
            difference.gone.push(gone);
        }
        let same = before.next_if(|(old, _)| *old == host).is_some_and(|(_, old)| old == progress);
        if !same {
            difference.put.push((host, progress));
        }
    }
    difference.gone.extend(before.map(|(gone, _)| gone));
    difference
}

#[cfg(test)]
mod tests {
    use evenkeel_rollout::HostState;

    use super::*;
    use crate::fixture::{host_id, rollout};

    #[test]
    fn only_what_differs_is_put_and_only_what_is_missing_is_gone() {
        let (_, waiting) = rollout(1, 1).hosts.pop_first().unwrap();
        let moved = HostProgress { state: HostState::Ordered, ..waiting.clone() };
        let hosts = |all: &[(u32, &HostProgress)]| -> Hosts {
            all.iter().map(|(number, progress)| (host_id(*number), (*progress).clone())).collect()
        };
        let before = hosts(&[(1, &waiting), (2, &waiting), (4, &waiting), (6, &waiting)]);
        let after = hosts(&[(2, &waiting), (3, &waiting), (4, &moved)]);
        let found = difference(&before, &after);
        let put: Vec<_> = found.put.iter().map(|(host, progress)| (host.as_str(), progress.state)).collect();
        assert_eq!(put, [("h3", HostState::Waiting), ("h4", HostState::Ordered)]);
        assert_eq!(found.gone, [&host_id(1), &host_id(6)]);
        assert_eq!(difference(&after, &after), Difference::default());
    }
}
