//! Notes what happens: from what changed of the rollout between two plans, and from what befell hosts. Not here: changing anything.

use evenkeel_model::{Failure, HostId, Millis, OnFailure, Share, UnixMillis};
use evenkeel_rollout::{HostState, HostView, Rollout, State, WaitingOn};

use crate::timeline::{End, Entry, FailedHost, Then, What};
use crate::totals::WaveTotals;

mod few;
mod gate;

use few::Few;
use gate::Gate;

pub(crate) use few::Kind as Befell;

/// What was noted so far.
#[derive(Debug)]
pub(crate) struct News {
    start: UnixMillis,
    now: UnixMillis,
    entries: Vec<Entry>,
    few: Few,
    gate: Gate,
    /// For each wave the value of the policy's label that all its hosts have.
    values: Vec<Option<String>>,
    sizes: Vec<usize>,
    waves: Vec<WaveTotals>,
}

/// How far the hosts of one wave are.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    undecided: usize,
    committed: usize,
    failed: usize,
}

impl News {
    /// A rollout began.
    pub(crate) fn begin(rollout: &Rollout, views: &[HostView], silent: usize) -> Self {
        let mut sizes = vec![0; rollout.waves];
        let mut values: Vec<Option<Option<String>>> = vec![None; rollout.waves];
        for view in views {
            let Some(progress) = rollout.hosts.get(&view.host) else { continue };
            sizes[progress.wave] += 1;
            let value = rollout.policy.by.as_ref().and_then(|by| view.labels.get(by).cloned());
            match &mut values[progress.wave] {
                Some(known) if *known != value => *known = None,
                Some(_) => {}
                unknown => *unknown = Some(value),
            }
        }
        let values = values.into_iter().map(Option::flatten).collect();
        let (few, gate) = (Few::default(), Gate::default());
        let mut news = Self {
            start: rollout.began,
            now: rollout.began,
            entries: Vec::new(),
            few,
            gate,
            values,
            sizes,
            waves: Vec::new(),
        };
        let (hosts, waves, budget) = (rollout.total(), rollout.waves, rollout.budget());
        news.push(What::Began { hosts, waves, budget, silent });
        news
    }

    /// From now on it is then.
    pub(crate) fn at(&mut self, now: UnixMillis) {
        self.now = now;
    }

    fn elapsed(&self) -> Millis {
        self.now.since(self.start)
    }

    /// Something happened.
    pub(crate) fn push(&mut self, what: What) {
        let at = self.elapsed();
        self.entries.extend(self.few.take_untold().map(|what| Entry { at, what }));
        self.entries.push(Entry { at, what });
    }

    /// Something befell hosts.
    pub(crate) fn push_hosts(&mut self, kind: Befell, hosts: Vec<HostId>) {
        if let Some(what) = self.few.hosts(kind, hosts) {
            self.push(what);
        }
    }

    /// What a plan changed. Answers which hosts failed.
    pub(crate) fn note(&mut self, before: &Rollout, after: &Rollout, waiting: &[WaitingOn]) -> Vec<HostId> {
        let (failed, tallies) = compare(before, after);
        let ids = failed.iter().map(|failed| failed.host.clone()).collect();
        if let Some(what) = self.few.failed(failed) {
            self.push(what);
        }
        if let Some(hold) = after.hold.as_ref().filter(|_| before.hold.is_none()) {
            self.push(What::Rests { why: hold.why.clone() });
        }
        let is_broken = is_broken(before, after);
        let at = self.elapsed();
        if let Some(what) = self.gate.note(after, is_broken, at, &mut self.waves) {
            self.push(what);
        }
        self.note_committed(&tallies);
        if is_broken {
            self.push(What::BakeBroken { wave: after.wave });
        }
        let is_through = tallies.iter().all(|tally| tally.undecided == 0);
        if let Some(what) = failure(before, after, is_through) {
            self.push(what);
        }
        self.note_wave(before, after);
        if let Some(what) = self.gate.opened(after, waiting, at) {
            self.push(what);
        }
        ids
    }

    /// Waves that are through.
    fn note_committed(&mut self, tallies: &[Tally]) {
        let at = self.elapsed();
        let mut through = Vec::new();
        for wave in &mut self.waves {
            let Tally { undecided, committed, failed } = tallies[wave.wave];
            if wave.took.is_some() {
                continue;
            }
            (wave.committed, wave.failed) = (committed, failed);
            if undecided == 0 && committed > 0 {
                let took = Millis(at.0 - wave.began.0);
                wave.took = Some(took);
                through.push(What::WaveCommitted { wave: wave.wave, committed, failed, took });
            }
        }
        for what in through {
            self.push(what);
        }
    }

    /// A wave that begins, gets more, or is healthy.
    fn note_wave(&mut self, before: &Rollout, after: &Rollout) {
        let (wave, share) = (after.wave, after.share());
        let is_moved = before.wave != wave;
        if after.begun && (is_moved || !before.begun) {
            let (hosts, value) = (self.sizes[wave], self.values[wave].clone());
            let began = self.elapsed();
            let waited_at_gates = self.gate.take_waited_before(wave);
            let new = WaveTotals { wave, hosts, committed: 0, failed: 0, began, took: None, waited_at_gates };
            self.waves.push(new);
            self.push(What::WaveBegan { wave, hosts, value });
        }
        if !is_moved && before.step != after.step {
            self.push(What::ShareShifted { wave, share });
        }
        let is_elsewhere = is_moved || before.step != after.step;
        let is_new = after.healthy_since.is_some() && (before.healthy_since.is_none() || is_elsewhere);
        if is_new && share > Share::NONE && after.state == State::Advancing {
            self.push(What::WaveHealthy { wave, share, bake: after.bake() });
        }
    }

    /// The run is over: all that was noted.
    pub(crate) fn end(mut self, end: End, failure: Option<Failure>, waiting: Vec<WaitingOn>) -> Noted {
        let at = self.elapsed();
        self.gate.close(at, &mut self.waves);
        self.push(What::Ended { end, failure, waiting });
        Noted { entries: self.entries, waves: self.waves, waited: self.gate.waited() }
    }
}

/// All that was noted.
pub(crate) struct Noted {
    pub(crate) entries: Vec<Entry>,
    pub(crate) waves: Vec<WaveTotals>,
    pub(crate) waited: Millis,
}

/// Who failed since, and how far each wave is.
fn compare(before: &Rollout, after: &Rollout) -> (Vec<FailedHost>, Vec<Tally>) {
    let mut failed = Vec::new();
    let mut tallies = vec![Tally::default(); after.waves];
    for (host, progress) in &after.hosts {
        let tally = &mut tallies[progress.wave];
        match progress.state {
            HostState::Committed => tally.committed += 1,
            HostState::Failed => tally.failed += 1,
            _ => tally.undecided += 1,
        }
        let Some(failure) = progress.failure.as_ref().filter(|_| progress.state == HostState::Failed) else { continue };
        if before.hosts.get(host).is_none_or(|before| before.state != HostState::Failed) {
            failed.push(FailedHost { host: host.clone(), failure: failure.clone() });
        }
    }
    (failed, tallies)
}

/// Whether a wave that was healthy is not any more.
fn is_broken(before: &Rollout, after: &Rollout) -> bool {
    let is_there = (before.wave, before.step) == (after.wave, after.step) && after.state == State::Advancing;
    is_there && before.healthy_since.is_some() && after.healthy_since.is_none()
}

/// `is_through`: every host has committed or failed, so that failures were put up with.
fn failure(before: &Rollout, after: &Rollout, is_through: bool) -> Option<What> {
    let goes_forward = |rollout: &Rollout| rollout.state == State::Advancing;
    let failure = after.failure.as_ref().filter(|_| goes_forward(before) && !goes_forward(after))?;
    if is_through && matches!(after.state, State::Ended { .. }) {
        return None;
    }
    let then = match after.state {
        State::Paused => Then::Pauses,
        State::Withdrawing => Then::Withdraws,
        State::RollingBack => Then::RollsBack,
        // Nothing was left to do.
        State::Ended { .. } | State::Advancing | State::Queued => match after.policy.on_failure {
            OnFailure::Rollback => Then::RollsBack,
            OnFailure::RevertFailed => Then::Withdraws,
            OnFailure::Pause => Then::Pauses,
        },
    };
    Some(What::Failed { failure: failure.clone(), then })
}
