//! Assignments, on their way down.

use evenkeel_model::{Assignment, Content, Millis, Phase, ReleaseNumber, Terms, Version};

use super::{Malformed, duration_from_wire, duration_to_wire, parse, present, share_from_wire};
use crate::v1;

impl From<Phase> for v1::Phase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Trial => Self::Trial,
            Phase::Committed => Self::Committed,
            Phase::Withdrawn => Self::Withdrawn,
        }
    }
}

impl From<&Assignment> for v1::Assignment {
    fn from(assignment: &Assignment) -> Self {
        Self {
            key: Some((&assignment.key).into()),
            version: Some(assignment.version.into()),
            phase: v1::Phase::from(assignment.phase).into(),
            content: assignment.content.as_ref().map(Into::into),
            health_deadline: Some(duration_to_wire(assignment.terms.health_deadline)),
            pull_deadline: Some(duration_to_wire(assignment.terms.pull_deadline)),
            orphan_after: Some(duration_to_wire(assignment.terms.orphan_after)),
            share: Some(assignment.share.percent()),
            keep_blue: Some(duration_to_wire(assignment.terms.keep_blue)),
        }
    }
}

impl From<&Content> for v1::Content {
    fn from(content: &Content) -> Self {
        Self {
            release: content.release.0,
            digest: content.digest.to_string(),
            manifest: content.manifest.clone(),
            services: content.services.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<&v1::Assignment> for Assignment {
    type Error = Malformed;

    fn try_from(wire: &v1::Assignment) -> Result<Self, Malformed> {
        let phase = match wire.phase() {
            v1::Phase::Unspecified => return Err(Malformed::new("phase", &"is none that this version knows")),
            v1::Phase::Trial => Phase::Trial,
            v1::Phase::Committed => Phase::Committed,
            v1::Phase::Withdrawn => Phase::Withdrawn,
        };
        Ok(Self {
            key: present("key", wire.key.as_ref())?.try_into()?,
            version: Version::from(present("version", wire.version.as_ref())?),
            content: wire.content.as_ref().map(TryInto::try_into).transpose()?,
            phase,
            share: share_from_wire(wire.share)?,
            terms: Terms {
                health_deadline: duration_from_wire("health_deadline", wire.health_deadline.as_ref())?,
                pull_deadline: duration_from_wire("pull_deadline", wire.pull_deadline.as_ref())?,
                orphan_after: duration_from_wire("orphan_after", wire.orphan_after.as_ref())?,
                keep_blue: wire
                    .keep_blue
                    .as_ref()
                    .map_or(Ok(Millis(0)), |keep| duration_from_wire("keep_blue", Some(keep)))?,
            },
        })
    }
}

impl TryFrom<&v1::Content> for Content {
    type Error = Malformed;

    fn try_from(wire: &v1::Content) -> Result<Self, Malformed> {
        Ok(Self {
            release: ReleaseNumber(wire.release),
            digest: parse("content.digest", &wire.digest)?,
            manifest: wire.manifest.clone(),
            services: wire
                .services
                .iter()
                .map(|service| parse("content.services", service))
                .collect::<Result<_, _>>()?,
        })
    }
}
