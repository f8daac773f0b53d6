//! What the agent of an imagined host does with orders, one thing after the other. Not here: how long each takes, and whether it fails
//! (module `world`); the real one (crate `evenkeel-machine`).

use evenkeel_model::{CauseKind, Epoch, Failure, Generation, Phase, Refusal, ReleaseNumber, Share, Stage, Version};
use evenkeel_rollout::Order;

/// What an agent is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// It fetches the release's image.
    Pull,
    /// It starts and proves the release.
    Start,
    /// It gives the release another share of what is new.
    Shift,
    /// It makes the release final.
    Commit,
    /// It goes back to the release before.
    GoBack,
    /// It removes all that runs.
    Remove,
}

/// An agent.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    /// Its newest order.
    pub(crate) accepted: Option<Order>,
    /// How far it is with it.
    pub(crate) stage: Stage,
    /// The release committed here before the accepted one; of a committed one, itself.
    pub(crate) base: Option<ReleaseNumber>,
    /// How much of what is new the accepted release gets.
    pub(crate) share: Share,
    /// Whether what serves is healthy.
    pub(crate) well: bool,
    /// Why it goes back, or what stands in its way.
    pub(crate) failure: Option<Failure>,
    /// Whether the new release's image is here.
    pub(crate) has_image: bool,
}

impl Agent {
    /// One that has this release committed, or has nothing.
    pub(crate) fn with(release: Option<ReleaseNumber>) -> Self {
        let order = Order { generation: Generation(1), release, phase: Phase::Committed, share: Share::ALL };
        let (share, well, failure, has_image) = (Share::ALL, true, None, false);
        let accepted = release.is_some().then_some(order);
        Self { accepted, stage: Stage::Committed, base: release, share, well, failure, has_image }
    }

    /// Takes an order, or says why not. True: it is a new one.
    pub(crate) fn accept(&mut self, order: Order) -> Result<bool, Refusal> {
        let newest = self.accepted.map(|accepted| accepted.generation);
        if let Some(accepted) = newest.filter(|newest| order.generation < *newest) {
            return Err(Refusal::Stale { accepted: version(accepted) });
        }
        if newest == Some(order.generation) {
            return self.accept_phase(order).map(|()| false);
        }
        let never_tried = order.phase == Phase::Withdrawn;
        self.accepted = Some(order);
        self.stage = if never_tried { Stage::Reverted } else { Stage::Working };
        (self.failure, self.well, self.share) = (None, true, Share::NONE);
        Ok(true)
    }

    fn accept_phase(&mut self, order: Order) -> Result<(), Refusal> {
        match (order.phase, self.stage) {
            (Phase::Committed, Stage::Reverting | Stage::Reverted) => return Err(Refusal::AlreadyReverted),
            (Phase::Withdrawn, Stage::Committed) => return Err(Refusal::AlreadyCommitted),
            (Phase::Withdrawn, Stage::Working | Stage::Trial) => {
                self.fail(Failure::plain(CauseKind::Withdrawn, "the rollout was given up"));
            }
            _ => {}
        }
        self.accepted = Some(order);
        Ok(())
    }

    /// What it is at; none: nothing is left to do.
    pub(crate) fn task(&self, new: ReleaseNumber) -> Option<Task> {
        let accepted = self.accepted?;
        match self.stage {
            Stage::Working if accepted.release.is_none() => Some(Task::Remove),
            Stage::Working if accepted.release == Some(new) && !self.has_image => Some(Task::Pull),
            Stage::Working => Some(Task::Start),
            Stage::Trial if accepted.phase == Phase::Committed => Some(Task::Commit),
            Stage::Trial if accepted.share != self.share => Some(Task::Shift),
            Stage::Reverting => Some(Task::GoBack),
            Stage::Trial | Stage::Committed | Stage::Reverted => None,
        }
    }

    /// What it was at is done.
    pub(crate) fn finish(&mut self, task: Task) {
        let Some(accepted) = self.accepted else { return };
        match task {
            Task::Pull => (self.has_image, self.failure) = (true, None),
            Task::Start => (self.stage, self.share, self.failure) = (Stage::Trial, accepted.share, None),
            Task::Shift => self.share = accepted.share,
            Task::Commit | Task::Remove => {
                (self.stage, self.base, self.share) = (Stage::Committed, accepted.release, Share::ALL);
            }
            Task::GoBack => (self.stage, self.share, self.well) = (Stage::Reverted, Share::NONE, true),
        }
    }

    /// Goes back from what is not committed; what is committed stays, and is not well any more.
    pub(crate) fn fail(&mut self, failure: Failure) {
        match self.stage {
            Stage::Working | Stage::Trial => (self.stage, self.failure) = (Stage::Reverting, Some(failure)),
            Stage::Committed => (self.well, self.failure) = (false, Some(failure)),
            Stage::Reverting | Stage::Reverted => {}
        }
    }

    /// The release of its newest order, where that is what serves here, or some of what is new goes to it.
    pub(crate) fn serves(&self) -> Option<ReleaseNumber> {
        let accepted = self.accepted?;
        match self.stage {
            Stage::Trial if self.share > Share::NONE => accepted.release,
            Stage::Committed => accepted.release,
            _ => None,
        }
    }
}

/// The number by which a host tells orders apart. The imagined coordinator has one reign.
pub(crate) fn version(generation: Generation) -> Version {
    Version { epoch: Epoch(1), generation }
}

#[cfg(test)]
mod tests;
