//! One host during a plan: what it was ordered last (by this plan or before), and what its own word on that is.
//! Not here: what follows from it (the steps), the counting (`fleet`).

use evenkeel_model::{AppReport, Failure, Generation, Phase, Refusal, ReleaseNumber, Stage};

use crate::{Contact, Duty, HostProgress, HostView, Order};

/// How a host counts against the budget. The rule is in the crate's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It serves what it should.
    Available,
    /// It does not, or nobody knows.
    Unavailable,
    /// It is live and has nothing to lose.
    Empty,
}

/// One host during a plan.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// What is known of it.
    pub(crate) view: &'a HostView,
    /// What this plan orders it.
    pub(crate) order: Option<Order>,
    /// How far it is in the newest rollout, if that covers it.
    pub(crate) progress: Option<HostProgress>,
    /// Whether a rollout that goes on covers it.
    pub(crate) covered: bool,
}

impl Row<'_> {
    /// Whether it is heard and may be given orders.
    pub(crate) fn is_live(&self) -> bool {
        self.view.contact == Contact::Live && !self.view.conflict
    }

    /// What it was ordered last, by this plan or before.
    pub(crate) fn last(&self) -> Option<Order> {
        self.order.or_else(|| {
            let ordered = self.view.ordered?;
            let generation = ordered.version.generation;
            Some(Order { generation, release: ordered.release, phase: ordered.phase, share: ordered.share })
        })
    }

    /// The number of its next order: above all that it was ordered or speaks of.
    pub(crate) fn next_generation(&self) -> Generation {
        let ordered = self.last().map(|last| last.generation);
        let reported = self.view.report.as_ref().map(|report| report.version.generation);
        let accepted = self.view.refused.as_ref().and_then(|refused| match refused.refusal {
            Refusal::Stale { accepted } => Some(accepted.generation),
            _ => None,
        });
        ordered.max(reported).max(accepted).unwrap_or_default().next()
    }

    /// Its own word, whatever on; none while it is not heard.
    fn report(&self) -> Option<&AppReport> {
        self.view.report.as_ref().filter(|_| self.is_live())
    }

    /// Its own word on what it was ordered last.
    pub(crate) fn heard(&self) -> Option<&AppReport> {
        let last = self.last()?;
        // A host that was removed and has joined again may still speak of its former life, in which numbers were counted too.
        let is_of_now = |report: &&AppReport| {
            let ordered = self.view.ordered.filter(|ordered| ordered.version.generation == last.generation);
            ordered.is_none_or(|ordered| ordered.version.epoch == report.version.epoch)
        };
        self.report()
            .filter(|report| report.version.generation == last.generation && report.release == last.release)
            .filter(is_of_now)
    }

    /// Whether a trial gets as much of what is new as it was ordered. Of nothing, all is all.
    pub(crate) fn has_its_share(&self, report: &AppReport) -> bool {
        report.release.is_none() || self.last().is_some_and(|last| last.share == report.share)
    }

    /// Whether it is well, and has only to give what is new another share.
    pub(crate) fn has_to_take_its_share(&self) -> bool {
        let is_well = |report: &&AppReport| report.stage == Stage::Trial && is_healthy(report);
        self.heard().filter(is_well).is_some_and(|report| !self.has_its_share(report))
    }

    /// Its refusal of what it was ordered last.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        let last = self.last()?;
        let refused = self.view.refused.as_ref().filter(|_| self.is_live() && self.order.is_none())?;
        (refused.version.generation == last.generation).then_some(&refused.refusal)
    }

    /// Whether it refused what it was ordered last without ever having had it.
    pub(crate) fn never_accepted(&self) -> bool {
        matches!(self.refusal(), Some(Refusal::Stale { .. } | Refusal::Changed | Refusal::Malformed { .. }))
    }

    /// Whether the word of a host that refused its newest order is on the order before: if not, it may have accepted that one, and not said so yet.
    fn speaks_of_now(&self) -> bool {
        let last = self.last().map(|last| last.generation);
        self.report().is_some_and(|report| Some(report.version.generation.next()) >= last)
    }

    /// Whether it refused its newest order, and says that it has committed this, and is healthy.
    pub(crate) fn kept(&self, release: Option<ReleaseNumber>) -> bool {
        let says =
            |report: &AppReport| report.stage == Stage::Committed && report.release == release && is_healthy(report);
        self.never_accepted() && self.speaks_of_now() && self.report().is_some_and(says)
    }

    /// Its word that it is back from what it was ordered last; its base says where.
    pub(crate) fn reverted(&self) -> Option<&AppReport> {
        self.heard().filter(|report| report.stage == Stage::Reverted)
    }

    /// What it would lose: the release committed there, as far as is known.
    pub(crate) fn base(&self) -> Option<ReleaseNumber> {
        match &self.view.report {
            Some(report) if report.stage == Stage::Committed => report.release,
            // It may have committed since it spoke.
            Some(report) if report.stage == Stage::Trial && self.was_told_more(report) => {
                report.base.or(report.release)
            }
            Some(report) => report.base,
            None => self.last().filter(|last| last.phase == Phase::Committed).and_then(|last| last.release),
        }
    }

    /// Whether it was told to commit what it reports in trial, or has been ordered something newer since.
    fn was_told_more(&self, report: &AppReport) -> bool {
        self.last().is_some_and(|last| {
            last.generation != report.version.generation || last.phase == Phase::Committed || self.kept_its_commit()
        })
    }

    /// Whether it refused a withdrawal because it had committed: its word from before that is true still.
    fn kept_its_commit(&self) -> bool {
        self.refusal() == Some(&Refusal::AlreadyCommitted)
    }

    /// Whether what it says is said after what it was ordered last, accepted or refused.
    pub(crate) fn answers(&self) -> bool {
        self.last().is_none() || self.heard().is_some() || (self.never_accepted() && self.speaks_of_now())
    }

    /// Whether it says that it serves, on what it was ordered last.
    pub(crate) fn is_whole(&self) -> bool {
        let withdrawn = self.last().is_some_and(|last| last.phase == Phase::Withdrawn);
        let says = |report: &AppReport| match report.stage {
            Stage::Committed => is_healthy(report),
            Stage::Trial => is_healthy(report) && (!withdrawn || self.kept_its_commit()),
            Stage::Reverted => is_serving(report),
            Stage::Working | Stage::Reverting => false,
        };
        self.answers() && self.report().is_some_and(says)
    }

    /// Whether it was ordered to have nothing.
    pub(crate) fn was_told_to_have_nothing(&self) -> bool {
        self.last().is_some_and(|last| last.release.is_none() && last.phase != Phase::Withdrawn)
    }

    /// How it counts against the budget.
    pub(crate) fn standing(&self) -> Standing {
        // One that was emptied is down by our hand as long as it is kept empty.
        if self.view.duty == Duty::Drained && self.was_told_to_have_nothing() {
            return Standing::Unavailable;
        }
        let was_given = self.last().is_some_and(|last| last.release.is_some());
        if !self.covered && !was_given && self.base().is_none() {
            return Standing::Empty;
        }
        if !self.is_live() {
            return Standing::Unavailable;
        }
        if self.base().is_none() {
            return Standing::Empty;
        }
        if self.is_whole() { Standing::Available } else { Standing::Unavailable }
    }
}

/// Whether a report says that all of the accepted release is healthy. Of nothing, all is.
pub(crate) fn is_healthy(report: &AppReport) -> bool {
    report.healthy || report.release.is_none()
}

/// Whether a report says that something serves, and all that does is healthy. What a revert brought back is not the accepted release.
fn is_serving(report: &AppReport) -> bool {
    !report.services.is_empty() && report.services.values().all(|service| service.running && service.healthy)
}

/// Puts the host's name before a failure, for where it is shown without the host beside it.
pub(crate) fn named(host: &evenkeel_model::HostId, failure: &Failure) -> Failure {
    Failure { message: format!("host {host}: {}", failure.message), ..failure.clone() }
}

#[cfg(test)]
mod tests;
