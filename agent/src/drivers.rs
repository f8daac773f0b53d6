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
        let ready: Vec<_> = ledgers.into_iter().map(|(key, ledger)| drivers.make(key, ledger, None)).collect();
        // Only once all are known: an app must not take away an image of which it does not know yet that another needs it.
        for driver in ready {
            drivers.spawn(driver);
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
            let Some(assigned) = self.assigned.get(&assignment.key) else {
                let driver = self.make(assignment.key.clone(), Ledger::default(), Some(assignment));
                self.spawn(driver);
                continue;
            };
            assigned.send_if_modified(|current| {
                let changed = current.as_ref() != Some(&assignment);
                if changed {
                    *current = Some(assignment);
                }
                changed
            });
        }
    }

    fn make(&mut self, key: AppKey, ledger: Ledger, assignment: Option<Assignment>) -> Driver {
        let (sender, assigned) = watch::channel(assignment);
        self.assigned.insert(key.clone(), sender);
        Driver::new(self.shared.clone(), key, ledger, assigned)
    }

    fn spawn(&mut self, driver: Driver) {
        self.tasks.spawn(driver.run(self.shutdown.clone()));
    }
}
