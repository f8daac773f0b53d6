//! Second step: whether a rollout rests: an operator's pause, an analysis that said nothing, a freeze. Then nothing new is ordered, nothing is committed, and no
//! deadline runs; hosts in trial go on proving themselves. Not here: a pause by `on_failure` (step `judge`), gates (step `gate`).

use crate::{Input, Kind, Rollout, State, WaitingOn};

/// Why the rollout rests, if it does. Takes note of a freeze that begins or ends: the deadline runs anew after it.
pub(crate) fn hold(input: &Input<'_>, rollout: &mut Rollout) -> Option<WaitingOn> {
    if rollout.state != State::Advancing {
        return None;
    }
    // A rollback leads to safety: no freeze keeps it.
    let is_kept = rollout.kind == Kind::Deploy && rollout.freeze_override.is_none();
    let freeze = input.frozen.filter(|_| is_kept);
    if rollout.frozen != freeze.is_some() {
        rollout.frozen = freeze.is_some();
        rollout.progressed = input.now;
    }
    if let Some(hold) = &rollout.hold {
        return Some(WaitingOn::Paused { by: hold.by.clone(), why: hold.why.clone() });
    }
    freeze.map(|freeze| WaitingOn::Frozen { until: freeze.until, by: freeze.by.clone(), why: freeze.why.clone() })
}

#[cfg(test)]
mod tests;
