//! The planner's invariants that are checked on the way. They see what is known and what is ordered; what they find is a fault of ours, never of the
//! policy that is tried. Not here: the full list (`tests/invariants.rs` of crate `evenkeel-rollout`).

use evenkeel_model::{HostId, Phase, Share, Stage, UnixMillis};
use evenkeel_rollout::{Contact, HostState, HostView, Order, Outcome, Rollout, State};

use crate::availability::{base, is_down, is_down_if_heard};
use crate::host::Host;

/// Something that must not happen, whatever the policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// More hosts are down by our hand than may be.
    #[error("hosts were ordered with {down} unavailable, and {budget} may be: {}", list(taken))]
    Budget {
        /// Who was ordered.
        taken: Vec<HostId>,
        /// How many were unavailable then.
        down: usize,
        /// How many may be.
        budget: usize,
    },
    /// A host was told to commit before it had been healthy through the bake.
    #[error("host {host} was told to commit without its bake")]
    Bake {
        /// Which.
        host: HostId,
    },
    /// A host was ordered before its wave.
    #[error("host {host} was ordered before its wave")]
    Ahead {
        /// Which.
        host: HostId,
    },
    /// A rollout has succeeded that has not.
    #[error("the rollout has succeeded, and host {host} has not got the release")]
    Success {
        /// Where.
        host: HostId,
    },
}

/// An order, with what was known of its host before.
#[derive(Debug, Clone)]
pub(crate) struct Ordering {
    pub(crate) host: usize,
    pub(crate) order: Order,
    /// Whether it takes down a host that serves.
    takes_down: bool,
    healthy_since: Option<UnixMillis>,
    /// Whether the host has all that is new, by its own word.
    is_whole: bool,
}

impl Ordering {
    /// `view` is what was known before the order was stored.
    pub(crate) fn new(
        host: usize,
        order: Order,
        view: &HostView,
        there: &Host,
        rollout: &Rollout,
        now: UnixMillis,
    ) -> Self {
        let is_new = view.ordered.is_none_or(|ordered| ordered.version.generation != order.generation);
        let stage = view.report.as_ref().map(|report| report.stage);
        // A withdrawal that comes too late is refused, and moves nothing.
        let is_withdrawal = order.phase == Phase::Withdrawn && stage != Some(Stage::Committed);
        // A silent host may serve, too.
        let serves = base(view).is_some() && !is_down_if_heard(view);
        let takes_down = (is_new || is_withdrawal) && serves && !is_told_for_later(view, rollout, now);
        let is_whole = view.report.as_ref().is_some_and(|report| report.share == Share::ALL);
        Self { host, order, takes_down, healthy_since: there.healthy_since, is_whole }
    }
}

/// Whether a silent host may be ordered back whatever the budget: it was never heard healthy in this trial, or the way back's deadline is due.
fn is_told_for_later(view: &HostView, rollout: &Rollout, now: UnixMillis) -> bool {
    let Some(progress) = rollout.hosts.get(&view.host).filter(|_| view.contact != Contact::Live) else { return false };
    let is_due = now.since(rollout.progressed) >= rollout.policy.progress_deadline;
    is_due || (progress.state == HostState::Ordered && !progress.proven)
}

/// One plan: orders stored and not sent yet.
#[derive(Debug)]
pub(crate) struct Step<'s> {
    pub(crate) before: &'s Rollout,
    pub(crate) after: &'s Rollout,
    pub(crate) orders: &'s [Ordering],
    pub(crate) views: &'s [HostView],
    pub(crate) hosts: &'s [Host],
    /// How many hosts count as unavailable with the orders stored.
    pub(crate) down: usize,
    pub(crate) now: UnixMillis,
}

impl Step<'_> {
    /// Whether all is as it must be.
    pub(crate) fn check(&self) -> Result<(), Defect> {
        self.check_budget()?;
        self.check_bake()?;
        self.check_waves()?;
        self.check_success()
    }

    fn id(&self, ordering: &Ordering) -> HostId {
        self.views[ordering.host].host.clone()
    }

    fn check_budget(&self) -> Result<(), Defect> {
        let taken: Vec<&Ordering> = self.orders.iter().filter(|ordering| ordering.takes_down).collect();
        if taken.is_empty() {
            return Ok(());
        }
        let live = taken.iter().filter(|ordering| self.views[ordering.host].contact == Contact::Live).count();
        let goes_back = !matches!(self.after.state, State::Advancing | State::Paused);
        // On the way back one live host may always go, whoever else is unavailable.
        let always = usize::from(goes_back && live == 1 && !self.has_one_going_back());
        let budget = self.before.budget().max(self.after.budget());
        if taken.len() == always || self.down <= budget + always {
            return Ok(());
        }
        Err(Defect::Budget { taken: taken.into_iter().map(|it| self.id(it)).collect(), down: self.down, budget })
    }

    /// Whether a live host is on its way back already that is not ordered anew.
    fn has_one_going_back(&self) -> bool {
        let is_ordered = |place: usize| self.orders.iter().any(|ordering| ordering.host == place);
        let returns = |rollout: &Rollout, view: &HostView| {
            rollout.hosts.get(&view.host).is_some_and(|progress| progress.state == HostState::Returning)
        };
        self.views.iter().enumerate().any(|(place, view)| {
            let is_on_its_way = returns(self.before, view) && returns(self.after, view);
            is_on_its_way && view.contact == Contact::Live && is_down(view) && !is_ordered(place)
        })
    }

    fn check_bake(&self) -> Result<(), Defect> {
        let commits = |ordering: &&Ordering| ordering.order.phase == Phase::Committed;
        if self.after.state != State::Advancing {
            return Ok(());
        }
        for ordering in self.orders.iter().filter(commits) {
            let host = self.id(ordering);
            let Some(progress) = self.after.hosts.get(&host) else { continue };
            let rule = self.after.rules.get(progress.wave).copied().flatten();
            let bake = self.after.policy.bake(rule.and_then(|rule| self.after.policy.waves.get(rule)));
            let baked = ordering.healthy_since.is_some_and(|since| self.now.since(since) >= bake);
            if !baked || !ordering.is_whole {
                return Err(Defect::Bake { host });
            }
        }
        Ok(())
    }

    fn check_waves(&self) -> Result<(), Defect> {
        if self.after.state != State::Advancing {
            return Ok(());
        }
        let is_ahead = |ordering: &&Ordering| {
            let progress = self.after.hosts.get(&self.views[ordering.host].host);
            !self.after.begun || progress.is_some_and(|progress| progress.wave > self.after.wave)
        };
        match self.orders.iter().find(is_ahead) {
            Some(ordering) => Err(Defect::Ahead { host: self.id(ordering) }),
            None => Ok(()),
        }
    }

    fn check_success(&self) -> Result<(), Defect> {
        if self.after.outcome() != Some(Outcome::Succeeded) {
            return Ok(());
        }
        let has_it = |host: &Host| {
            let accepted = host.agent.accepted.map(|accepted| accepted.release);
            host.agent.stage == Stage::Committed && accepted == Some(Some(self.after.to))
        };
        match self.views.iter().zip(self.hosts).find(|(view, host)| view.contact != Contact::Live || !has_it(host)) {
            Some((view, _)) => Err(Defect::Success { host: view.host.clone() }),
            None => Ok(()),
        }
    }
}

/// A few hosts by name, for a message.
fn list(hosts: &[HostId]) -> String {
    /// So many are named; more are counted.
    const NAMED: usize = 5;
    let mut names: Vec<String> = hosts.iter().take(NAMED).map(ToString::to_string).collect();
    if hosts.len() > NAMED {
        names.push(format!("{} more", hosts.len() - NAMED));
    }
    names.join(", ")
}
