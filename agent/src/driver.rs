//! One task for each app on this host: read, decide, make durable, do one thing, record, publish, and again. The decisions are
//! `evenkeel-machine`'s; this is the thin part that acts. A restart needs no other code: it is the same loop with an empty memory.
//!
//! Deliberately not here: any rule about containers, and the stream (`session.rs`).

mod act;
mod look;
mod needs;

use std::net::IpAddr;
use std::sync::Arc;

use evenkeel_machine::{Action, Decision, Inputs, Ledger, Memory, Observed, Offer, Outcome, decide, offer};
use evenkeel_model::{AppKey, Assignment, CauseKind, Failure, Millis, Monotonic, RefusedAssignment};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::look::Lookout;
use self::needs::Named;
use crate::contact::Contact;
use crate::facts::Facts;
use crate::failpoint::Failpoint;
use crate::fetched::FetchedImages;
use crate::ledger::LedgerStore;
use crate::probe::Prober;
use crate::reports::{Reports, hinder};
use crate::router::Router;
use crate::runtime::Runtime;
use crate::ticker::Ticker;

pub(crate) use self::needs::{Claim, Needs};

/// How old a look at the engine may be to ask the next container, or to find that nothing is to be done: for no longer than it takes to ask a
/// few. Whatever changes something is decided on a new look, and an event of the engine asks for one at once.
const RECENT: Millis = Millis(500);
/// After a ledger that could not be saved: nothing is done without it, so it is tried again soon.
const SAVE_RETRY: Millis = Millis::seconds(1);

/// What all drivers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) router: Arc<dyn Router>,
    pub(crate) prober: Arc<dyn Prober>,
    pub(crate) facts: Arc<dyn Facts>,
    /// No image is pulled while less is free where the engine keeps them, in bytes.
    pub(crate) min_free_disk: u64,
    pub(crate) needs: Needs,
    pub(crate) fetched: FetchedImages,
    pub(crate) ledgers: Arc<dyn LedgerStore>,
    pub(crate) failpoint: Arc<dyn Failpoint>,
    pub(crate) reports: Reports,
    pub(crate) contact: Contact,
    pub(crate) ticker: Ticker,
}

/// Runs one app on this host.
pub(crate) struct Driver {
    pub(crate) shared: Shared,
    pub(crate) key: AppKey,
    pub(crate) ledger: Ledger,
    /// What the coordinator wants, newest only.
    pub(crate) assigned: watch::Receiver<Option<Assignment>>,
    lookout: Lookout,
    /// What the ledger names: worked out when it changes, and not at each look.
    named: Named,
    /// The last look, unless something was done since.
    seen: Option<(Monotonic, Observed)>,
    /// Why the newest assignment could not be made durable; it is tried again. None: it was, or was refused.
    hindered: Option<Failure>,
}

/// Whether the loop goes round again.
enum Next {
    Again,
    End,
}

impl Driver {
    pub(crate) fn new(
        shared: Shared,
        key: AppKey,
        ledger: Ledger,
        assigned: watch::Receiver<Option<Assignment>>,
    ) -> Self {
        let (lookout, named) = (Lookout::new(&shared), Named::by(&ledger));
        shared.needs.set(&key, &named);
        Self { shared, key, ledger, assigned, lookout, named, seen: None, hindered: None }
    }

    /// Until it is told to end. An action under way is given up: each can be repeated.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut memory = Memory::default();
        self.assigned.mark_changed();
        loop {
            self.take_offer().await;
            let turn = self.turn(&mut memory, &shutdown);
            match turn.await {
                Next::Again => {}
                Next::End => return,
            }
        }
    }

    /// Accepts or refuses the newest assignment, if there is a new one, or one that could not be made durable. Until it is, what was
    /// accepted before is looked after as ever: a full disk must not stop the probes, and leave the last good report standing.
    async fn take_offer(&mut self) {
        if self.hindered.take().is_none() && !self.assigned.has_changed().unwrap_or(false) {
            return;
        }
        let Some(assignment) = self.assigned.borrow_and_update().clone() else { return };
        let refused = match offer(&self.ledger, &assignment) {
            Ok(Offer::Unchanged) => None,
            Ok(Offer::Accepted(ledger)) => {
                tracing::info!(app = %self.key, version = %assignment.version, phase = ?assignment.phase, "an assignment was accepted");
                if let Err(failure) = self.save(*ledger).await {
                    self.hindered = Some(failure);
                    return;
                }
                None
            }
            Err(refusal) => {
                tracing::warn!(app = %self.key, version = %assignment.version, %refusal, "an assignment was refused");
                Some(RefusedAssignment { key: self.key.clone(), version: assignment.version, refusal })
            }
        };
        self.shared.reports.refuse(&self.key, refused);
    }

    async fn turn(&mut self, memory: &mut Memory, shutdown: &CancellationToken) -> Next {
        let now = self.shared.ticker.now();
        let decision = match self.decide_by_the_last_look(memory, now) {
            Some(decision) => decision,
            None => self.look_and_decide(memory).await,
        };
        let Decision { action, ledger, report, wake_at, why } = decision;
        tracing::debug!(app = %self.key, action = action.name(), why, "decided");
        let address = self.seen.as_ref().and_then(|(_, observed)| act::address(observed, &action));
        if ledger != self.ledger
            && let Err(failure) = self.save(ledger).await
        {
            self.shared.reports.hinder(&self.key, &failure);
            return self.pause(SAVE_RETRY, shutdown).await;
        }
        if let Some(mut report) = report {
            if let Some(failure) = &self.hindered {
                hinder(&mut report, failure);
            }
            self.shared.reports.report(&self.key, report);
        }
        if action == Action::Wait {
            let retry = self.hindered.is_some().then(|| now + SAVE_RETRY);
            let wake_at = wake_at.into_iter().chain(retry).min();
            return self.wait(wake_at.map(|at| self.shared.ticker.instant(at)), shutdown).await;
        }
        self.act(&action, address, memory, shutdown).await
    }

    async fn look_and_decide(&mut self, memory: &mut Memory) -> Decision {
        let observed = self.lookout.look(&self.shared, &self.key, &self.named).await;
        let now = self.shared.ticker.now();
        let decision = self.decide(memory, &observed, now);
        self.seen = Some((now, observed));
        decision
    }

    /// Each look costs several calls of the engine, and probes come in groups: one look serves a group. None: look again.
    fn decide_by_the_last_look(&self, memory: &mut Memory, now: Monotonic) -> Option<Decision> {
        let (at, observed) = self.seen.as_ref()?;
        if now > *at + RECENT || self.lookout.has_news() {
            return None;
        }
        let observed = Observed { heard: self.shared.contact.line().heard, ..observed.clone() };
        let decision = self.decide(memory, &observed, now);
        let harmless = matches!(decision.action, Action::Probe { .. } | Action::Wait);
        (harmless && decision.ledger == self.ledger).then_some(decision)
    }

    fn decide(&self, memory: &mut Memory, observed: &Observed, now: Monotonic) -> Decision {
        memory.observe(&self.ledger, observed, now);
        decide(&Inputs { ledger: &self.ledger, observed, memory, now })
    }

    async fn act(
        &mut self,
        action: &Action,
        address: Option<IpAddr>,
        memory: &mut Memory,
        shutdown: &CancellationToken,
    ) -> Next {
        if !matches!(action, Action::Probe { .. }) {
            self.seen = None;
        }
        self.shared.failpoint.reached(&format!("before:{}", action.name()));
        let outcome = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Next::End,
            // A pull may take minutes; a newer assignment makes it pointless. All other actions are short, and end first.
            Ok(()) = self.assigned.changed(), if matches!(action, Action::Pull { .. }) => {
                self.assigned.mark_changed();
                return Next::Again;
            }
            outcome = act::perform(&self.shared, &self.key, action, address) => outcome,
        };
        self.shared.failpoint.reached(&format!("after:{}", action.name()));
        if let Outcome::Failed(failure) = &outcome {
            tracing::warn!(app = %self.key, action = action.name(), %failure, "an action failed");
        } else if !matches!(action, Action::Probe { .. }) {
            tracing::info!(app = %self.key, action = action.name(), "done");
        }
        memory.record(action, &outcome, self.shared.ticker.now());
        Next::Again
    }

    async fn wait(&mut self, until: Option<tokio::time::Instant>, shutdown: &CancellationToken) -> Next {
        let timer = async {
            match until {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Next::End,
            changed = self.assigned.changed() => {
                if changed.is_ok() {
                    self.assigned.mark_changed();
                    Next::Again
                } else {
                    Next::End
                }
            }
            () = self.lookout.news() => Next::Again,
            () = timer => Next::Again,
        }
    }

    async fn pause(&self, pause: Millis, shutdown: &CancellationToken) -> Next {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Next::End,
            () = tokio::time::sleep(pause.to_std()) => Next::Again,
        }
    }

    /// Makes a ledger durable, and only then ours. An error: it could not be, and nothing may be done by it.
    async fn save(&mut self, ledger: Ledger) -> Result<(), Failure> {
        self.shared.failpoint.reached("before:save");
        if let Err(error) = self.shared.ledgers.save(&self.key, &ledger).await {
            let trouble = crate::session::chain(&error);
            tracing::error!(app = %self.key, trouble, "the ledger can't be saved: free some space, or mend the disk");
            // A disk that is broken in another way has no kind of its own; the message tells which it is.
            return Err(Failure::plain(CauseKind::DiskFull, format!("the ledger can't be saved: {trouble}")));
        }
        self.shared.failpoint.reached("after:save");
        self.named = Named::by(&ledger);
        self.shared.needs.set(&self.key, &self.named);
        self.seen = None;
        self.ledger = ledger;
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
