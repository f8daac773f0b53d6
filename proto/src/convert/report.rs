//! What a host says of its apps, on its way up.

use std::collections::BTreeMap;

use evenkeel_model::{
    AppReport, Refusal, RefusedAssignment, ReleaseNumber, ServiceName, ServiceReport, Stage, Version,
};

use super::{Malformed, parse, present, share_from_wire};
use crate::v1;

impl From<Stage> for v1::Stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Working => Self::Working,
            Stage::Trial => Self::Trial,
            Stage::Committed => Self::Committed,
            Stage::Reverting => Self::Reverting,
            Stage::Reverted => Self::Reverted,
        }
    }
}

fn stage(wire: v1::Stage) -> Result<Stage, Malformed> {
    match wire {
        v1::Stage::Unspecified => Err(Malformed::new("stage", &"is none that this version knows")),
        v1::Stage::Working => Ok(Stage::Working),
        v1::Stage::Trial => Ok(Stage::Trial),
        v1::Stage::Committed => Ok(Stage::Committed),
        v1::Stage::Reverting => Ok(Stage::Reverting),
        v1::Stage::Reverted => Ok(Stage::Reverted),
    }
}

impl From<&AppReport> for v1::AppReport {
    fn from(report: &AppReport) -> Self {
        Self {
            key: Some((&report.key).into()),
            version: Some(report.version.into()),
            release: report.release.map(|release| release.0),
            stage: v1::Stage::from(report.stage).into(),
            base: report.base.map(|release| release.0),
            healthy: report.healthy,
            failure: report.failure.as_ref().map(Into::into),
            services: report.services.iter().map(|(name, service)| service_to_wire(name, service)).collect(),
            why: report.why.clone(),
            share: Some(report.share.percent()),
        }
    }
}

fn service_to_wire(name: &ServiceName, service: &ServiceReport) -> v1::ServiceReport {
    v1::ServiceReport {
        service: name.to_string(),
        release: service.release.0,
        pin: service.pin.to_string(),
        image_id: service.image_id.clone(),
        running: service.running,
        healthy: service.healthy,
        restarts: service.restarts,
    }
}

impl TryFrom<&v1::AppReport> for AppReport {
    type Error = Malformed;

    fn try_from(wire: &v1::AppReport) -> Result<Self, Malformed> {
        Ok(Self {
            key: present("key", wire.key.as_ref())?.try_into()?,
            version: Version::from(present("version", wire.version.as_ref())?),
            release: wire.release.map(ReleaseNumber),
            stage: stage(wire.stage())?,
            share: share_from_wire(wire.share)?,
            base: wire.base.map(ReleaseNumber),
            healthy: wire.healthy,
            failure: wire.failure.as_ref().map(TryInto::try_into).transpose()?,
            services: wire.services.iter().map(service_from_wire).collect::<Result<BTreeMap<_, _>, _>>()?,
            why: wire.why.clone(),
        })
    }
}

fn service_from_wire(wire: &v1::ServiceReport) -> Result<(ServiceName, ServiceReport), Malformed> {
    let report = ServiceReport {
        release: ReleaseNumber(wire.release),
        pin: parse("services.pin", &wire.pin)?,
        image_id: wire.image_id.clone(),
        running: wire.running,
        healthy: wire.healthy,
        restarts: wire.restarts,
    };
    Ok((parse("services.service", &wire.service)?, report))
}

impl From<&RefusedAssignment> for v1::RefusedAssignment {
    fn from(refused: &RefusedAssignment) -> Self {
        use v1::refused_assignment::Refusal as Wire;
        let refusal = match &refused.refusal {
            Refusal::Stale { accepted } => Wire::Stale((*accepted).into()),
            Refusal::Changed => Wire::Changed(v1::Unit {}),
            Refusal::AlreadyReverted => Wire::AlreadyReverted(v1::Unit {}),
            Refusal::AlreadyCommitted => Wire::AlreadyCommitted(v1::Unit {}),
            Refusal::Malformed { message } => Wire::Malformed(message.clone()),
        };
        Self { key: Some((&refused.key).into()), version: Some(refused.version.into()), refusal: Some(refusal) }
    }
}

impl TryFrom<&v1::RefusedAssignment> for RefusedAssignment {
    type Error = Malformed;

    fn try_from(wire: &v1::RefusedAssignment) -> Result<Self, Malformed> {
        use v1::refused_assignment::Refusal as Wire;
        let refusal = match present("refusal", wire.refusal.as_ref())? {
            Wire::Stale(accepted) => Refusal::Stale { accepted: accepted.into() },
            Wire::Changed(_) => Refusal::Changed,
            Wire::AlreadyReverted(_) => Refusal::AlreadyReverted,
            Wire::AlreadyCommitted(_) => Refusal::AlreadyCommitted,
            Wire::Malformed(message) => Refusal::Malformed { message: message.clone() },
        };
        Ok(Self {
            key: present("key", wire.key.as_ref())?.try_into()?,
            version: Version::from(present("version", wire.version.as_ref())?),
            refusal,
        })
    }
}
