//! Notes when a rollout stands before a closed gate, when it is past it, and how long it stood there. Not here: gates (crate `evenkeel-rollout`).

use evenkeel_model::Millis;
use evenkeel_rollout::{Outcome, Rollout, State, WaitingOn};

use crate::timeline::What;
use crate::totals::WaveTotals;

/// Where it stands.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    open: Option<Standing>,
    waited: Millis,
    /// What was waited before a wave that has not begun.
    before: Option<(usize, Millis)>,
}

#[derive(Debug)]
struct Standing {
    wave: usize,
    step: usize,
    since: Millis,
    /// What it waits for, in short: so that one reading more is no news.
    kinds: Vec<String>,
}

impl Gate {
    /// Notes that gates are passed.
    pub(crate) fn note(
        &mut self,
        after: &Rollout,
        is_broken: bool,
        at: Millis,
        waves: &mut [WaveTotals],
    ) -> Option<What> {
        let standing = self.open.as_ref()?;
        let is_there = (standing.wave, standing.step) == (after.wave, after.step);
        // One that is kept by a freeze meanwhile stands there still.
        if is_there && after.waits_at_gate && after.state == State::Advancing {
            return None;
        }
        let (wave, waited) = (standing.wave, Millis(at.0 - standing.since.0));
        self.close(at, waves);
        let goes_on = matches!(after.state, State::Advancing | State::Ended { outcome: Outcome::Succeeded });
        (goes_on && after.hold.is_none() && !is_broken).then_some(What::GatePassed { wave, waited })
    }

    /// Notes that it stands before a closed gate, if that is news.
    pub(crate) fn opened(&mut self, after: &Rollout, waiting: &[WaitingOn], at: Millis) -> Option<What> {
        let on = reasons(waiting);
        if !after.waits_at_gate || after.state != State::Advancing || on.is_empty() {
            return None;
        }
        let kinds: Vec<String> = on.iter().map(kind).collect();
        let standing =
            self.open.get_or_insert(Standing { wave: after.wave, step: after.step, since: at, kinds: Vec::new() });
        if standing.kinds == kinds {
            return None;
        }
        standing.kinds = kinds;
        Some(What::GateWaits { wave: after.wave, on })
    }

    /// It does not stand there any more.
    pub(crate) fn close(&mut self, at: Millis, waves: &mut [WaveTotals]) {
        let Some(standing) = self.open.take() else { return };
        let waited = Millis(at.0 - standing.since.0);
        self.waited = self.waited.plus(waited);
        match waves.iter_mut().find(|wave| wave.wave == standing.wave) {
            Some(wave) => wave.waited_at_gates = wave.waited_at_gates.plus(waited),
            None => self.before = Some((standing.wave, waited)),
        }
    }

    /// What was waited before this wave, which begins.
    pub(crate) fn take_waited_before(&mut self, wave: usize) -> Millis {
        self.before.take_if(|(before, _)| *before == wave).map(|(_, waited)| waited).unwrap_or_default()
    }

    /// How long it stood before closed gates, in all.
    pub(crate) fn waited(&self) -> Millis {
        self.waited
    }
}

/// What of it gates wait for.
fn reasons(waiting: &[WaitingOn]) -> Vec<WaitingOn> {
    let is_gate = |reason: &&WaitingOn| {
        matches!(
            reason,
            WaitingOn::Approval { .. } | WaitingOn::Window { .. } | WaitingOn::Analysis { .. } | WaitingOn::Promotion
        )
    };
    waiting.iter().filter(is_gate).cloned().collect()
}

fn kind(reason: &WaitingOn) -> String {
    match reason {
        WaitingOn::Approval { .. } => "approval".to_owned(),
        WaitingOn::Window { window, .. } => window.clone(),
        WaitingOn::Analysis { name, .. } => format!("analysis {name}"),
        _ => "promotion".to_owned(),
    }
}
