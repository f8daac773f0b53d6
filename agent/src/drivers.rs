//! A driver for each app that the ledgers or the coordinator name. Not here: what a driver does.

use std::collections::BTreeMap;

use evenkeel_machine::Ledger;
use evenkeel_model::{AppKey, Assignment};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::driver::{Driver, Shared};

/// The drivers of this host.
pub(crate) struct Drivers {
    shared: Shared,
    assigned: BTreeMap<AppKey, watch::Sender<Option<Assignment>>>,
    tasks: JoinSet<()>,
    shutdown: CancellationToken,
}

impl Drivers {
    /// Starts a driver for each ledger: what a host runs does not wait for a coordinator.
    pub(crate) fn start(shared: Shared, ledgers: BTreeMap<AppKey, Ledger>, shutdown: CancellationToken) -> Self {
        let mut drivers = Self { shared, assigned: BTreeMap::new(), tasks: JoinSet::new(), shutdown };
        for (key, ledger) in ledgers {
            drivers.add(key, ledger, None);
        }
        drivers
    }

    /// Hands on what is wanted until told to end, then waits for the drivers.
    pub(crate) async fn keep(mut self, mut desired: watch::Receiver<Vec<Assignment>>) {
        let shutdown = self.shutdown.clone();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                changed = desired.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let assignments = desired.borrow_and_update().clone();
                    self.assign(assignments);
                }
                // A driver ends early only by a panic. Going on without one would be silence where work is expected.
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a driver broke; the agent ends, to be started again by its supervisor");
                        shutdown.cancel();
                        break;
                    }
                }
            }
        }
        while self.tasks.join_next().await.is_some() {}
    }

    fn assign(&mut self, assignments: Vec<Assignment>) {
        for assignment in assignments {
            match self.assigned.get(&assignment.key) {
                Some(assigned) => {
                    assigned.send_if_modified(|current| {
                        let changed = current.as_ref() != Some(&assignment);
                        if changed {
                            *current = Some(assignment);
                        }
                        changed
                    });
                }
                None => self.add(assignment.key.clone(), Ledger::default(), Some(assignment)),
            }
        }
    }

    fn add(&mut self, key: AppKey, ledger: Ledger, assignment: Option<Assignment>) {
        let (sender, assigned) = watch::channel(assignment);
        let driver = Driver::new(self.shared.clone(), key.clone(), ledger, assigned);
        self.assigned.insert(key, sender);
        self.tasks.spawn(driver.run(self.shutdown.clone()));
    }
}
