//! What was seen of one container in this engine session, and what it answered. Not here: what follows from it (`health`).

use evenkeel_model::{Health, Millis, Monotonic, Probe, ProbeEvidence};

use crate::{Outcome, Place};

/// After so long without a bad answer, what it was restarted for before is past.
const LONG_WELL: Millis = Millis::minutes(10);

/// The part of the health rule that makes a verdict of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rule {
    successes: u32,
    failures: u32,
    pub(super) start_period: Millis,
}

impl Rule {
    pub(crate) fn of(health: &Health) -> Self {
        // A rule of no answers at all would call anything healthy, or unhealthy.
        Self { successes: health.successes.max(1), failures: health.failures.max(1), start_period: health.start_period }
    }
}

/// One container, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) place: Place,
    pub(crate) rule: Rule,
    /// When it was started, or first seen running, in this session; none: it has not run in this session.
    pub(crate) since: Option<Monotonic>,
    /// The verdict; none until it has been healthy once since it began to run.
    pub(crate) healthy: Option<bool>,
    /// When it was last asked.
    pub(crate) asked: Option<Monotonic>,
    /// What it answered last.
    pub(crate) evidence: Option<ProbeEvidence>,
    /// Whether it ended by itself in this session, and the engine started it again.
    pub(crate) crashed: bool,
    /// Since when it has been seen to get nothing new from the proxy; none: it gets what is new.
    pub(crate) unrouted_since: Option<Monotonic>,
    /// Whether it was stopped in this session, by this process: it did not end by itself.
    pub(crate) stopped: bool,
    /// How often that was done since it was last well for long.
    pub(crate) revivals: u32,
    /// When that was done last.
    pub(crate) revived: Monotonic,
    /// Since when it has not answered well any more, though it was asked; none: its last answer was good, or it was not asked.
    pub(crate) bad_since: Option<Monotonic>,
    well_since: Option<Monotonic>,
    running: bool,
    restarts: u64,
    good: u32,
    bad: u32,
}

impl Seen {
    pub(crate) fn new(place: Place, restarts: u64) -> Self {
        Self {
            place,
            rule: Rule::default(),
            since: None,
            healthy: None,
            asked: None,
            evidence: None,
            crashed: false,
            unrouted_since: None,
            stopped: false,
            revivals: 0,
            revived: Monotonic::default(),
            bad_since: None,
            well_since: None,
            running: false,
            restarts,
            good: 0,
            bad: 0,
        }
    }

    /// Whether it ran in this session, so that an end of it is a crash and not a restart of the engine.
    pub(crate) fn has_run(&self) -> bool {
        self.since.is_some()
    }

    /// Whether it says no persistently, whether or not it has ever been healthy.
    pub(crate) fn says_no(&self) -> bool {
        self.bad >= self.rule.failures.max(1)
    }

    /// Whether it is proven, and its last answer was good.
    pub(crate) fn is_well(&self) -> bool {
        self.healthy == Some(true) && self.bad == 0
    }

    /// It begins to run: whatever it answered before is of no account.
    pub(crate) fn begin(&mut self, now: Monotonic) {
        *self = Self {
            since: Some(now),
            running: true,
            rule: self.rule,
            unrouted_since: self.unrouted_since,
            revivals: self.revivals,
            revived: self.revived,
            ..Self::new(self.place.clone(), self.restarts)
        };
    }

    /// It is judged anew, and was proven until now: one good answer is enough.
    pub(crate) fn vouch(&mut self, now: Monotonic) {
        self.begin(now);
        self.good = self.rule.successes.saturating_sub(1);
    }

    /// It was stopped; if it was of no use any more, that counts as a restart of it.
    pub(crate) fn end(&mut self, now: Monotonic) {
        self.stopped = true;
        if self.says_no() {
            self.revived = now;
            self.revivals = self.revivals.saturating_add(1);
        }
    }

    pub(crate) fn look_at_routes(&mut self, is_routed: bool, now: Monotonic) {
        self.unrouted_since = if is_routed { None } else { self.unrouted_since.or(Some(now)) };
    }

    /// A restart by the engine is another beginning too: what answered well before is not what runs now.
    pub(crate) fn look(&mut self, running: bool, restarts: u64, now: Monotonic) {
        let restarted = restarts > self.restarts;
        self.restarts = restarts;
        if running && (!self.running || restarted) {
            let crashed = self.crashed || (restarted && self.has_run());
            self.begin(now);
            self.crashed = crashed;
        }
        self.running = running;
    }

    pub(crate) fn answer(&mut self, probe: &Probe, outcome: &Outcome, now: Monotonic) {
        self.asked = Some(now);
        match outcome {
            Outcome::Probed { healthy, evidence } => {
                self.evidence = Some(evidence.clone());
                if *healthy { self.good_answer(now) } else { self.bad_answer(now) }
            }
            // The question was never put: that says nothing of the container.
            Outcome::Failed(failure) if failure.kind.is_passing() => {}
            Outcome::Failed(failure) => {
                self.evidence = Some(ProbeEvidence { request: format!("{probe:?}"), answer: failure.message.clone() });
                self.bad_answer(now);
            }
            Outcome::Done | Outcome::Collected(_) => {}
        }
    }

    fn good_answer(&mut self, now: Monotonic) {
        self.bad = 0;
        self.bad_since = None;
        self.good = self.good.saturating_add(1);
        if self.good >= self.rule.successes {
            self.healthy = Some(true);
            let well_since = *self.well_since.get_or_insert(now);
            if now >= well_since + LONG_WELL {
                self.revivals = 0;
            }
        }
    }

    fn bad_answer(&mut self, now: Monotonic) {
        self.good = 0;
        self.well_since = None;
        self.bad_since.get_or_insert(now);
        if self.since.is_some_and(|since| now < since + self.rule.start_period) {
            return;
        }
        self.bad = self.bad.saturating_add(1);
        if self.bad >= self.rule.failures && self.healthy.is_some() {
            self.healthy = Some(false);
        }
    }
}
