//! Gates, acts, freezes and duties as operators see them. Not here: why a rollout waits (`waiting`).

use evenkeel_model::gate::Check;
use evenkeel_proto::v1;
use evenkeel_rollout::{Act, Approved, GateRecord, Reading, Rollout};

use super::count;
use crate::store::{Freeze, Relieved};

/// What a rollout has come to at its gates, in the order in which it came to them. Windows leave nothing behind.
pub(super) fn gates(rollout: &Rollout) -> Vec<v1::GateView> {
    let view = |record: &GateRecord| {
        let gate = rollout.policy.gates.get(record.id.gate)?;
        let asks = match &gate.check {
            Check::Approval(_) | Check::Window(_) => gate.check.to_string(),
            Check::Analysis(analysis) => format!("{} of {} readings", record.readings.len(), analysis.samples),
        };
        Some(v1::GateView {
            wave: count(record.id.wave),
            at: gate.at.as_str().to_owned(),
            kind: gate.check.kind().to_owned(),
            asks,
            since: record.since.0,
            approvals: record.approvals.iter().map(approval).collect(),
            readings: record.readings.iter().map(reading).collect(),
        })
    };
    rollout.gates.iter().filter_map(view).collect()
}

fn approval(approved: &Approved) -> v1::ActView {
    v1::ActView {
        by: approved.by.to_string(),
        at: approved.at.0,
        why: approved.why.clone(),
        deed: "approved".to_owned(),
    }
}

fn reading(reading: &Reading) -> v1::ReadingView {
    let Reading { at, verdict, said, lines } = reading;
    v1::ReadingView { at: at.0, verdict: verdict.as_str().to_owned(), said: said.clone(), lines: lines.clone() }
}

/// Something that a person did to a rollout.
pub(super) fn act(act: &Act) -> v1::ActView {
    v1::ActView { by: act.by.to_string(), at: act.at.0, why: act.why.clone(), deed: act.deed.as_str().to_owned() }
}

/// By whom a host was cordoned or drained.
pub fn relieved(relieved: &Relieved) -> v1::ActView {
    let Relieved { duty, by, at, why } = relieved;
    v1::ActView { by: by.to_string(), at: at.0, why: why.clone(), deed: duty.as_str().to_owned() }
}

/// A freeze.
pub fn freeze(freeze: &Freeze) -> v1::FreezeView {
    let Freeze { id, environment, app, until, by, at, why } = freeze;
    v1::FreezeView {
        freeze: *id,
        environment: environment.as_ref().map(ToString::to_string).unwrap_or_default(),
        app: app.as_ref().map(ToString::to_string).unwrap_or_default(),
        until: until.map(|until| until.0),
        act: Some(v1::ActView { by: by.to_string(), at: at.0, why: why.clone(), deed: "froze".to_owned() }),
    }
}
