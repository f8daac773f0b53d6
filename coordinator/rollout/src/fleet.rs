//! The fleet during a plan: its rows, and the count that every act is weighed against. Not here: who is acted on (the steps).

use evenkeel_model::{Failure, HostId, Manifest, Policy, ReleaseNumber, UnixMillis};

use crate::begin::matches;
use crate::row::{Row, Standing};
use crate::steps::gate::AtGate;
use crate::{HostProgress, HostState, Input, Order, Outcome, Rollout, State, WaitingOn};

/// The fleet during a plan.
#[derive(Debug)]
pub(crate) struct Fleet<'a> {
    /// What the plan is made from.
    pub(crate) input: &'a Input<'a>,
    /// The hosts, in the order of their ids.
    pub(crate) rows: Vec<Row<'a>>,
    /// How many hosts may be unavailable.
    pub(crate) budget: usize,
    /// How many are. Kept right by [`Self::order`].
    pub(crate) unavailable: usize,
    /// How many live hosts are on their way back now.
    pub(crate) going_back: usize,
    /// Whether the budget alone keeps a host from being ordered.
    pub(crate) held_back: bool,
    /// A host that failed on its way back, with its failure.
    pub(crate) lost: Option<Failure>,
    /// Why the rollout rests.
    pub(crate) held: Option<WaitingOn>,
    /// What the rollout waits for at its gates.
    pub(crate) at_gate: AtGate,
}

impl<'a> Fleet<'a> {
    /// Joins hosts and rollout. The hosts of a rollout that goes on are moved into the rows until [`Self::give_back`]; those that have left the fleet
    /// are dropped from it.
    pub(crate) fn new(input: &'a Input<'a>, rollout: Option<&mut Rollout>) -> Self {
        let mut rows: Vec<Row<'a>> =
            input.hosts.iter().map(|view| Row { view, order: None, progress: None, covered: false }).collect();
        let mut budget = 0;
        if let Some(rollout) = rollout {
            let going = rollout.outcome().is_none();
            for row in &mut rows {
                row.progress = if going {
                    rollout.hosts.remove(&row.view.host)
                } else {
                    rollout.hosts.get(&row.view.host).cloned()
                };
                row.covered = going && row.progress.is_some();
            }
            if going {
                rollout.dropped.extend(std::mem::take(&mut rollout.hosts).into_keys());
                let covered = rows.iter().filter(|row| row.covered).count();
                budget = rollout.budget_of(covered + rollout.dropped.len());
            }
        }
        Self {
            input,
            rows,
            budget,
            unavailable: 0,
            going_back: 0,
            held_back: false,
            lost: None,
            held: None,
            at_gate: AtGate::default(),
        }
    }

    /// The time now.
    pub(crate) fn now(&self) -> UnixMillis {
        self.input.now
    }

    /// The hosts that the rollout covers, with how far they are.
    pub(crate) fn covered(&self) -> impl Iterator<Item = (&Row<'a>, HostState)> {
        self.rows.iter().filter_map(|row| row.progress.as_ref().map(|progress| (row, progress.state)))
    }

    /// How many hosts the rollout covered when it began.
    pub(crate) fn total(&self, rollout: &Rollout) -> usize {
        self.rows.iter().filter(|row| row.progress.is_some()).count() + rollout.dropped.len()
    }

    /// Counts afresh: after reports were taken in, and when a rollout ends.
    pub(crate) fn recount(&mut self) {
        self.unavailable = self.rows.iter().filter(|row| row.standing() == Standing::Unavailable).count();
        self.going_back = self.rows.iter().filter(|row| is_going_back(row)).count();
    }

    /// Goes on without a rollout: under the policy by which hosts join.
    pub(crate) fn leave_rollout(&mut self, policy: &Policy, current: Option<ReleaseNumber>) {
        let hosts = self.rows.iter().filter(|row| current.is_some_and(|release| self.release_matches(release, row)));
        self.budget = policy.budget(hosts.count(), None);
        for row in &mut self.rows {
            row.covered = false;
        }
        self.recount();
    }

    /// Whether a release has a service for this host. One whose manifest is not kept is taken to: nothing is removed on a guess.
    pub(crate) fn release_matches(&self, release: ReleaseNumber, row: &Row<'_>) -> bool {
        release_matches(self.input, release, row)
    }

    /// Whether the budget allows an act on this host. One that has not answered to its last order may well serve, and obeys when it hears this one.
    pub(crate) fn may_act(&self, index: usize) -> bool {
        let row = &self.rows[index];
        match row.standing() {
            Standing::Available => self.unavailable < self.budget,
            Standing::Unavailable if !row.is_live() || !row.answers() => self.unavailable <= self.budget,
            Standing::Unavailable | Standing::Empty => true,
        }
    }

    /// Whether the budget allows to take this host back: of those heard one at a time always, and whoever was ordered and never heard healthy since.
    pub(crate) fn may_take_back(&self, index: usize) -> bool {
        let row = &self.rows[index];
        let never_proven = |progress: &HostProgress| progress.state == HostState::Ordered && !progress.proven;
        let is_first = row.is_live() && self.going_back == 0;
        is_first || row.progress.as_ref().is_some_and(never_proven) || self.may_act(index)
    }

    /// Orders a host, and keeps the counts right.
    pub(crate) fn order(&mut self, index: usize, order: Order) {
        let row = &mut self.rows[index];
        let (was_unavailable, was_going_back) = (row.standing() == Standing::Unavailable, is_going_back(row));
        row.order = Some(order);
        self.account(index, was_unavailable, was_going_back);
    }

    /// Orders a host for the rollout that covers it.
    pub(crate) fn order_for(&mut self, index: usize, order: Order, state: HostState) {
        let now = self.now();
        let row = &mut self.rows[index];
        let (was_unavailable, was_going_back) = (row.standing() == Standing::Unavailable, is_going_back(row));
        row.order = Some(order);
        if let Some(progress) = &mut row.progress {
            progress.generation = Some(order.generation);
            progress.obstacle = None;
            if progress.state != state {
                progress.state = state;
                progress.since = now;
            }
        }
        self.account(index, was_unavailable, was_going_back);
    }

    fn account(&mut self, index: usize, was_unavailable: bool, was_going_back: bool) {
        let row = &self.rows[index];
        let is_unavailable = row.standing() == Standing::Unavailable;
        self.unavailable = self.unavailable + usize::from(is_unavailable) - usize::from(was_unavailable);
        self.going_back = self.going_back + usize::from(is_going_back(row)) - usize::from(was_going_back);
    }

    /// Gives the hosts back to the rollout that they were taken from.
    pub(crate) fn give_back(&mut self, rollout: &mut Rollout) {
        let hosts = self.rows.iter_mut().filter_map(|row| Some((row.view.host.clone(), row.progress.take()?)));
        rollout.hosts = hosts.collect();
    }
}

/// Whether a release has a service for this host.
pub(crate) fn release_matches(input: &Input<'_>, release: ReleaseNumber, row: &Row<'_>) -> bool {
    let manifest: Option<&Manifest> = input.releases.get(&release).map(AsRef::as_ref);
    manifest.is_none_or(|manifest| matches(manifest, &row.view.labels))
}

/// Where this host goes on the way back: the release before, if that has a service for it.
pub(crate) fn release_before(input: &Input<'_>, rollout: &Rollout, row: &Row<'_>) -> Option<ReleaseNumber> {
    rollout.from.filter(|from| release_matches(input, *from, row))
}

/// Ends a rollout.
pub(crate) fn end(rollout: &mut Rollout, outcome: Outcome, now: UnixMillis) {
    rollout.state = State::Ended { outcome };
    rollout.ended = Some(now);
    rollout.healthy_since = None;
}

/// The ids of some hosts.
pub(crate) fn ids<'r>(rows: impl Iterator<Item = &'r Row<'r>>) -> Vec<HostId> {
    rows.map(|row| row.view.host.clone()).collect()
}

fn is_going_back(row: &Row<'_>) -> bool {
    let returning = row.progress.as_ref().is_some_and(|progress| progress.state == HostState::Returning);
    row.covered && returning && row.is_live() && row.standing() == Standing::Unavailable
}
