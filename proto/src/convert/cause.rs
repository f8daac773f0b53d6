//! Failures and their proof, on their way up.

use evenkeel_model::{CauseKind, Evidence, Failure, Pressure, ProbeEvidence};

use super::{Malformed, parse};
use crate::v1;

impl From<&Failure> for v1::Failure {
    fn from(failure: &Failure) -> Self {
        Self {
            kind: failure.kind.as_str().to_owned(),
            service: failure.service.as_ref().map(ToString::to_string),
            message: failure.message.clone(),
            evidence: Some((&failure.evidence).into()),
        }
    }
}

impl From<&Evidence> for v1::Evidence {
    fn from(evidence: &Evidence) -> Self {
        Self {
            exit_code: evidence.exit_code,
            oom_killed: evidence.oom_killed,
            log: evidence.log.clone(),
            probe: evidence
                .probe
                .as_ref()
                .map(|probe| v1::ProbeEvidence { request: probe.request.clone(), answer: probe.answer.clone() }),
            pressure: evidence.pressure.map(|pressure| v1::Pressure {
                load_hundredths: pressure.load_hundredths,
                memory_available: pressure.memory_available,
                memory_total: pressure.memory_total,
                disk_available: pressure.disk_available,
            }),
        }
    }
}

impl TryFrom<&v1::Failure> for Failure {
    type Error = Malformed;

    fn try_from(wire: &v1::Failure) -> Result<Self, Malformed> {
        // A newer agent may know more kinds. The release's class is the one that never lets a rollout go on unnoticed.
        let known = CauseKind::ALL.into_iter().find(|kind| kind.as_str() == wire.kind);
        Ok(Self {
            kind: known.unwrap_or(CauseKind::Unstartable),
            service: wire.service.as_deref().map(|service| parse("failure.service", service)).transpose()?,
            message: wire.message.clone(),
            evidence: wire.evidence.as_ref().map(Into::into).unwrap_or_default(),
        })
    }
}

impl From<&v1::Evidence> for Evidence {
    fn from(wire: &v1::Evidence) -> Self {
        Self {
            exit_code: wire.exit_code,
            oom_killed: wire.oom_killed,
            log: wire.log.clone(),
            probe: wire
                .probe
                .as_ref()
                .map(|probe| ProbeEvidence { request: probe.request.clone(), answer: probe.answer.clone() }),
            pressure: wire.pressure.as_ref().map(|pressure| Pressure {
                load_hundredths: pressure.load_hundredths,
                memory_available: pressure.memory_available,
                memory_total: pressure.memory_total,
                disk_available: pressure.disk_available,
            }),
        }
    }
}
