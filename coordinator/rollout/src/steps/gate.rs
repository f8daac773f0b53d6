//! The gates: whether a wave may go past a point of its way. Asked by the steps that come to such a point; what it waits for is kept for step
//! `waiting`. Consent and readings are never asked for before the wave stands there.
//! Not here: taking in consent and readings (module `words`), the bake (step `advance`).

use evenkeel_model::gate::{Check, Window};
use evenkeel_model::window::Opening;
use evenkeel_model::{Analysis, CauseKind, Evidence, Failure, GatePoint, HostId, OperatorName, UnixMillis};

use super::judge::fail;
use crate::fleet::{Fleet, ids};
use crate::words::needs_promotion;
use crate::{GateId, GateRecord, Hold, HostState, Measure, Reading, Rollout, State, Verdict, WaitingOn};

/// What a rollout waits for at the gates where it stands.
#[derive(Debug, Default)]
pub(crate) struct AtGate {
    pub(crate) reasons: Vec<WaitingOn>,
    pub(crate) measures: Vec<Measure>,
    pub(crate) wake_at: Option<UnixMillis>,
}

impl AtGate {
    fn wake(&mut self, at: Option<UnixMillis>) {
        self.wake_at = self.wake_at.into_iter().chain(at).min();
    }
}

/// Whether all gates at this point of the wave are passed. What is measured comes after consent and windows, so that it is fresh; a person's
/// promotion comes last, so that they see all the rest.
pub(crate) fn passes(fleet: &mut Fleet<'_>, rollout: &mut Rollout, point: GatePoint) -> bool {
    let mut at = AtGate::default();
    let here = gates_at(rollout, point);
    for id in &here {
        match &rollout.policy.gates[id.gate].check {
            Check::Approval(asked) => {
                let (needed, starter_may) = (asked.needed(), asked.starter_may());
                approval(&mut at, rollout, *id, needed, starter_may, fleet.now());
            }
            Check::Window(window) => at_window(&mut at, window, fleet.now()),
            Check::Analysis(_) => {}
        }
    }
    if at.reasons.is_empty() {
        for id in &here {
            if let Check::Analysis(analysis) = &rollout.policy.gates[id.gate].check {
                let analysis = analysis.clone();
                measure(&mut at, fleet, rollout, *id, &analysis);
            }
        }
    }
    if at.reasons.is_empty() && rollout.state == State::Advancing && needs_promotion(rollout, point) {
        at.reasons.push(WaitingOn::Promotion);
    }
    if let Some(hold) = &rollout.hold {
        fleet.held = Some(WaitingOn::Paused { by: hold.by.clone(), why: hold.why.clone() });
    }
    rollout.waits_at_gate = !at.reasons.is_empty();
    fleet.at_gate = at;
    !rollout.waits_at_gate && rollout.state == State::Advancing && rollout.hold.is_none()
}

fn gates_at(rollout: &Rollout, point: GatePoint) -> Vec<GateId> {
    let (wave, step) = (rollout.wave, rollout.step);
    let is_here = |gate: &evenkeel_model::Gate| gate.at == point && gate.waves.has(wave, rollout.waves);
    let gates = rollout.policy.gates.iter().enumerate().filter(|(_, gate)| is_here(gate));
    gates.map(|(gate, _)| GateId { gate, wave, step }).collect()
}

fn record(rollout: &mut Rollout, id: GateId, now: UnixMillis) -> &mut GateRecord {
    let index = rollout.gates.iter().position(|record| record.id == id).unwrap_or_else(|| {
        rollout.gates.push(GateRecord::new(id, now));
        rollout.gates.len() - 1
    });
    &mut rollout.gates[index]
}

fn approval(at: &mut AtGate, rollout: &mut Rollout, id: GateId, needed: usize, starter_may: bool, now: UnixMillis) {
    let starter = rollout.by.clone();
    let given: Vec<OperatorName> =
        record(rollout, id, now).approvals.iter().map(|approved| approved.by.clone()).collect();
    let needed = needed.saturating_sub(given.len());
    if needed > 0 {
        let except = (!starter_may).then_some(starter);
        at.reasons.push(WaitingOn::Approval { needed, given, except });
    }
}

fn at_window(at: &mut AtGate, window: &Window, now: UnixMillis) {
    if let Opening::Closed { until } = window.opening(now) {
        at.reasons.push(WaitingOn::Window { window: window.to_string(), opens: until });
        at.wake(until);
    }
}

fn measure(at: &mut AtGate, fleet: &Fleet<'_>, rollout: &mut Rollout, id: GateId, analysis: &Analysis) {
    let now = fleet.now();
    let record = record(rollout, id, now);
    let (bad, silent) = (record.count(Verdict::Bad), record.count(Verdict::Inconclusive));
    let (taken, samples) = (record.readings.len(), analysis.samples as usize);
    if bad > analysis.max_bad as usize {
        let failure = failed(analysis, record);
        return fail(rollout, failure, now);
    }
    if silent > analysis.max_inconclusive as usize {
        let why = format!("analysis {} says nothing: {}", analysis.name, last(record, Verdict::Inconclusive));
        rollout.hold = Some(Hold { by: None, since: now, why });
        return;
    }
    if taken >= samples {
        return;
    }
    at.reasons.push(WaitingOn::Analysis { name: analysis.name.clone(), taken, samples, bad });
    match record.readings.last().map(|reading| reading.at + analysis.interval).filter(|due| now < *due) {
        Some(due) => at.wake(Some(due)),
        None => at.measures.push(measurement(fleet, rollout, id, taken, analysis)),
    }
}

fn measurement(fleet: &Fleet<'_>, rollout: &Rollout, id: GateId, number: usize, analysis: &Analysis) -> Measure {
    let in_state = |wanted: &dyn Fn(HostState) -> bool| -> Vec<HostId> {
        ids(fleet.covered().filter(|(_, state)| wanted(*state)).map(|(row, _)| row))
    };
    Measure {
        id,
        number,
        key: rollout.key.clone(),
        release: rollout.to,
        source: analysis.source.clone(),
        hosts: in_state(&|state| matches!(state, HostState::Healthy | HostState::Committing | HostState::Committed)),
        others: in_state(&|state| state == HostState::Waiting),
        began: rollout.began,
    }
}

fn failed(analysis: &Analysis, record: &GateRecord) -> Failure {
    let (bad, taken) = (record.count(Verdict::Bad), record.readings.len());
    let message =
        format!("analysis {}: {bad} of {taken} readings bad, the last: {}", analysis.name, last(record, Verdict::Bad));
    let log = last_reading(record, Verdict::Bad).map(|reading| reading.lines.clone()).unwrap_or_default();
    Failure { evidence: Evidence { log, ..Evidence::default() }, ..Failure::plain(CauseKind::AnalysisFailed, message) }
}

fn last(record: &GateRecord, verdict: Verdict) -> &str {
    last_reading(record, verdict).map_or("nothing was read", |reading| reading.said.as_str())
}

fn last_reading(record: &GateRecord, verdict: Verdict) -> Option<&Reading> {
    record.readings.iter().rev().find(|reading| reading.verdict == verdict)
}

#[cfg(test)]
mod tests;
