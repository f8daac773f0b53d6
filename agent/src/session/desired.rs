//! Reading what a host should run and fetch ahead. One assignment that can't be read is refused by itself: the host's other apps go on.
//! Not here: whether a readable one is accepted (crate `evenkeel-machine`).

use evenkeel_model::{AppKey, Assignment, Prefetch, Refusal, RefusedAssignment, Version};
use evenkeel_proto::v1;

/// The assignments that can be read, and refusals of the others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) assignments: Vec<Assignment>,
    pub(crate) refused: Vec<RefusedAssignment>,
    pub(crate) prefetch: Vec<Prefetch>,
}

/// Reads each by itself. One without a readable key can't even be refused; it is said in the log.
pub(crate) fn read(desired: &v1::Desired) -> Read {
    let mut read = Read::default();
    for wire in &desired.assignments {
        match Assignment::try_from(wire) {
            Ok(assignment) => read.assignments.push(assignment),
            Err(error) => {
                tracing::warn!(%error, "an assignment can't be read: is the coordinator of a newer version?");
                read.refused.extend(refusal(wire, &error));
            }
        }
    }
    // One that can't be read is as good as none: the app's turn comes without it.
    let unread = |error: &evenkeel_proto::Malformed| tracing::warn!(%error, "what to fetch ahead can't be read");
    read.prefetch =
        desired.prefetch.iter().filter_map(|wire| Prefetch::try_from(wire).inspect_err(unread).ok()).collect();
    read
}

fn refusal(wire: &v1::Assignment, error: &evenkeel_proto::Malformed) -> Option<RefusedAssignment> {
    let key = AppKey::try_from(wire.key.as_ref()?).ok()?;
    let version = Version::from(wire.version.as_ref()?);
    Some(RefusedAssignment { key, version, refusal: Refusal::Malformed { message: error.to_string() } })
}

#[cfg(test)]
mod tests {
    use evenkeel_model::{EnvironmentName, Epoch, Generation, Millis, Phase, Share, Terms};

    use super::*;

    fn wire(app: &str) -> v1::Assignment {
        let (health_deadline, pull_deadline, orphan_after) = (Millis(1), Millis(1), Millis(1));
        let terms = Terms { health_deadline, pull_deadline, orphan_after, keep_blue: Millis(0) };
        (&Assignment {
            key: AppKey { environment: EnvironmentName::default(), app: app.parse().unwrap() },
            version: Version { epoch: Epoch(1), generation: Generation(1) },
            content: None,
            phase: Phase::Trial,
            share: Share::ALL,
            terms,
        })
            .into()
    }

    #[test]
    fn one_that_can_not_be_read_does_not_keep_the_others_from_the_host() {
        let newer = v1::Assignment { phase: 99, ..wire("new") };
        let nameless = v1::Assignment { key: None, ..wire("lost") };
        let nothing = v1::Prefetch::default();
        let read = read(&v1::Desired { assignments: vec![newer, nameless, wire("old")], prefetch: vec![nothing] });
        assert!(read.prefetch.is_empty());
        assert_eq!(read.assignments.len(), 1);
        assert_eq!(read.assignments[0].key.app.as_str(), "old");
        assert_eq!(read.refused.len(), 1);
        assert_eq!(read.refused[0].key.app.as_str(), "new");
        assert!(matches!(&read.refused[0].refusal, Refusal::Malformed { message } if message.contains("phase")));
    }
}
