//! One release that is to be fetched ahead: how far it is, and when it is tried next. Pure. Not here: trying it.

use evenkeel_model::{Failure, HostId, Millis, Monotonic, Prefetch, PrefetchState};

use super::{is_same, spread};

/// Attempts, with some four minutes of waiting between them. A registry that is away for longer is left to the host's turn, which has a budget of
/// its own for it.
pub(super) const MOST_ATTEMPTS: u32 = 8;
/// How often it is looked whether what was fetched is still here: somebody may tidy up the engine by hand.
pub(super) const LOOK: Millis = Millis::minutes(1);

/// One release.
#[derive(Debug)]
pub(super) struct Item {
    wanted: Prefetch,
    state: PrefetchState,
    /// Attempts that failed.
    failed: u32,
    /// When it is tried next; none: not any more.
    due: Option<Monotonic>,
}

impl Item {
    /// As it is announced.
    pub(super) fn new(wanted: Prefetch, host: &HostId, now: Monotonic) -> Self {
        let due = Some(now + spread::jitter(host, &wanted));
        Self { wanted, state: PrefetchState::Fetching { failure: None }, failed: 0, due }
    }

    /// Whether this is what is announced.
    pub(super) fn is_for(&self, announced: &Prefetch) -> bool {
        is_same(&self.wanted, announced)
    }

    /// With what may be otherwise this time: the deadline of the next pull.
    pub(super) fn announced_again(self, wanted: Prefetch) -> Self {
        Self { wanted, ..self }
    }

    pub(super) fn wanted(&self) -> &Prefetch {
        &self.wanted
    }

    pub(super) fn state(&self) -> &PrefetchState {
        &self.state
    }

    pub(super) fn due(&self) -> Option<Monotonic> {
        self.due
    }

    /// Whether it was here, so that an image that is missing was taken away since.
    pub(super) fn lost(&self) -> bool {
        self.state == PrefetchState::Present
    }

    /// It is fetched again, as if it had never been here.
    pub(super) fn begin_anew(&mut self) {
        self.state = PrefetchState::Fetching { failure: None };
        self.failed = 0;
    }

    /// Every image is here.
    pub(super) fn succeeded(&mut self, now: Monotonic) {
        self.state = PrefetchState::Present;
        self.failed = 0;
        self.due = Some(now + LOOK);
    }

    /// An attempt failed. What was here is taken to be here while the engine does not say otherwise.
    pub(super) fn failed(&mut self, failure: Failure, host: &HostId, now: Monotonic) {
        if self.lost() {
            self.due = Some(now + LOOK);
            return;
        }
        self.failed += 1;
        if failure.kind.is_passing() && self.failed < MOST_ATTEMPTS {
            self.due = Some(now + spread::backoff(host, &self.wanted, self.failed));
            self.state = PrefetchState::Fetching { failure: Some(failure) };
        } else {
            self.due = None;
            self.state = PrefetchState::GivenUp { failure };
        }
    }
}
