//! What is fetched ahead, on its way down, and how far that is, on its way up.

use evenkeel_model::{CauseKind, Failure, ImagePin, Prefetch, PrefetchReport, PrefetchState, ReleaseNumber};

use super::{Malformed, duration_from_wire, duration_to_wire, parse, present};
use crate::v1;

impl From<&Prefetch> for v1::Prefetch {
    fn from(prefetch: &Prefetch) -> Self {
        Self {
            key: Some((&prefetch.key).into()),
            release: prefetch.release.0,
            images: prefetch.images.iter().map(Into::into).collect(),
            pull_deadline: Some(duration_to_wire(prefetch.pull_deadline)),
        }
    }
}

impl TryFrom<&v1::Prefetch> for Prefetch {
    type Error = Malformed;

    fn try_from(wire: &v1::Prefetch) -> Result<Self, Malformed> {
        Ok(Self {
            key: present("prefetch.key", wire.key.as_ref())?.try_into()?,
            release: ReleaseNumber(wire.release),
            images: wire.images.iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            pull_deadline: duration_from_wire("prefetch.pull_deadline", wire.pull_deadline.as_ref())?,
        })
    }
}

impl From<&ImagePin> for v1::PinnedImage {
    fn from(image: &ImagePin) -> Self {
        let repository = match image {
            ImagePin::Registry { repository, .. } => Some(repository.clone()),
            ImagePin::Local { .. } => None,
        };
        Self { reference: image.reference().to_owned(), repository, digest: image.digest().to_string() }
    }
}

impl TryFrom<&v1::PinnedImage> for ImagePin {
    type Error = Malformed;

    fn try_from(wire: &v1::PinnedImage) -> Result<Self, Malformed> {
        let (reference, digest) = (wire.reference.clone(), parse("prefetch.images.digest", &wire.digest)?);
        Ok(match wire.repository.clone() {
            Some(repository) => Self::Registry { reference, repository, digest },
            None => Self::Local { reference, id: digest },
        })
    }
}

impl From<&PrefetchReport> for v1::PrefetchReport {
    fn from(report: &PrefetchReport) -> Self {
        Self {
            key: Some((&report.key).into()),
            release: report.release.0,
            present: report.state == PrefetchState::Present,
            given_up: matches!(report.state, PrefetchState::GivenUp { .. }),
            failure: report.state.failure().map(Into::into),
        }
    }
}

impl TryFrom<&v1::PrefetchReport> for PrefetchReport {
    type Error = Malformed;

    fn try_from(wire: &v1::PrefetchReport) -> Result<Self, Malformed> {
        let failure = wire.failure.as_ref().map(Failure::try_from).transpose()?;
        let unsaid = || Failure::plain(CauseKind::EngineUnavailable, "it was given up, and nothing was said of why");
        let state = match (wire.present, wire.given_up) {
            (true, _) => PrefetchState::Present,
            (false, true) => PrefetchState::GivenUp { failure: failure.unwrap_or_else(unsaid) },
            (false, false) => PrefetchState::Fetching { failure },
        };
        let key = present("prefetch.key", wire.key.as_ref())?.try_into()?;
        Ok(Self { key, release: ReleaseNumber(wire.release), state })
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::{AppKey, Digest, EnvironmentName, Millis};

    use super::*;

    fn key() -> AppKey {
        AppKey { environment: EnvironmentName::default(), app: "shop".parse().unwrap() }
    }

    #[test]
    fn what_is_fetched_ahead_survives_the_wire() {
        let (reference, digest) = ("r.example/web:1".to_owned(), Digest::of(b"web"));
        let images = vec![
            ImagePin::Registry { reference, repository: "r.example/web".to_owned(), digest },
            ImagePin::Local { reference: "tool".to_owned(), id: Digest::of(b"tool") },
        ];
        let prefetch = Prefetch { key: key(), release: ReleaseNumber(2), images, pull_deadline: Millis::minutes(10) };
        assert_eq!(Prefetch::try_from(&v1::Prefetch::from(&prefetch)), Ok(prefetch));
    }

    #[test]
    fn how_far_it_is_survives_the_wire() {
        let failure = Failure::plain(CauseKind::DiskFull, "99 MiB are free");
        for state in [
            PrefetchState::Fetching { failure: None },
            PrefetchState::Fetching { failure: Some(failure.clone()) },
            PrefetchState::Present,
            PrefetchState::GivenUp { failure },
        ] {
            let report = PrefetchReport { key: key(), release: ReleaseNumber(2), state };
            assert_eq!(PrefetchReport::try_from(&v1::PrefetchReport::from(&report)), Ok(report));
        }
    }

    #[test]
    fn an_older_peer_passes_over_what_is_fetched_ahead() {
        use prost::Message as _;
        // As they were before: field 1 of each alone.
        #[derive(Clone, PartialEq, prost::Message)]
        struct OldDesired {
            #[prost(message, repeated, tag = "1")]
            assignments: Vec<v1::Assignment>,
        }
        let prefetch = vec![v1::Prefetch { release: 2, ..v1::Prefetch::default() }];
        let newer = v1::Desired { assignments: vec![v1::Assignment::default()], prefetch };
        let read = OldDesired::decode(newer.encode_to_vec().as_slice()).unwrap();
        assert_eq!(read.assignments.len(), 1);
        let older = OldDesired { assignments: vec![v1::Assignment::default()] };
        assert!(v1::Desired::decode(older.encode_to_vec().as_slice()).unwrap().prefetch.is_empty());
    }
}
