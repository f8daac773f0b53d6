//! The verdict on one container of a release that is not final yet, and the failure it makes. Not here: what follows from either (`forward`).

use evenkeel_model::{CauseKind, Evidence, Failure, Millis, Monotonic};

use crate::memory::Seen;
use crate::{Container, ContainerState};

/// What is known of one container in this engine session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It does not run, and has not run in this session: it is to be started.
    Idle,
    /// It runs, and has not answered well often enough yet; it may until then.
    Proving {
        /// When its time is up.
        deadline: Monotonic,
    },
    /// It is proven, and has not said no too often since.
    Healthy,
    /// It is of no use.
    Failed(CauseKind),
}

/// The verdict on `container`, which has `health_deadline` from its start, as seen in this session, to be proven.
pub(crate) fn verdict(container: &Container, seen: Option<&Seen>, health_deadline: Millis, now: Monotonic) -> Verdict {
    if seen.is_some_and(|seen| seen.crashed) {
        return Verdict::Failed(CauseKind::Exited);
    }
    let healthy = seen.and_then(|seen| seen.healthy);
    let since = seen.and_then(|seen| seen.since);
    let deadline = since.unwrap_or(now) + health_deadline;
    match (&container.state, since, healthy) {
        (ContainerState::Exited { oom_killed: true, .. }, Some(_), _) => Verdict::Failed(CauseKind::OutOfMemory),
        (ContainerState::Exited { .. }, Some(_), _) => Verdict::Failed(CauseKind::Exited),
        (ContainerState::Running, _, Some(true)) => Verdict::Healthy,
        (ContainerState::Running, _, Some(false)) => Verdict::Failed(CauseKind::Unhealthy),
        (ContainerState::Running | ContainerState::Created, Some(_), _) if now >= deadline => {
            Verdict::Failed(CauseKind::HealthTimeout)
        }
        (ContainerState::Running, _, None) => Verdict::Proving { deadline },
        (ContainerState::Created | ContainerState::Exited { .. }, _, _) => Verdict::Idle,
    }
}

/// The failure of `container`, with what was collected of it, what the engine says of it and what it answered last.
pub(crate) fn failure(
    kind: CauseKind,
    container: &Container,
    seen: Option<&Seen>,
    collected: &Evidence,
    health_deadline: Millis,
) -> Failure {
    let mut evidence = collected.clone();
    if let ContainerState::Exited { code, oom_killed } = container.state {
        evidence.exit_code = evidence.exit_code.or(Some(code));
        evidence.oom_killed |= oom_killed;
    }
    evidence.probe = seen.and_then(|seen| seen.evidence.clone()).or(evidence.probe);
    let message = message(kind, &evidence, health_deadline);
    Failure { kind, service: Some(container.place.service.clone()), message, evidence }
}

fn message(kind: CauseKind, evidence: &Evidence, health_deadline: Millis) -> String {
    let answer = match &evidence.probe {
        Some(probe) => format!("{} answered: {}", probe.request, probe.answer),
        None => "it never answered a probe".to_owned(),
    };
    match (kind, evidence.exit_code) {
        (CauseKind::OutOfMemory, _) => "it was killed because it used more memory than it may".to_owned(),
        (CauseKind::Exited, None) => "it ended by itself, and the engine started it again".to_owned(),
        (CauseKind::Exited, Some(code)) => format!("it exited with code {code}"),
        (CauseKind::HealthTimeout, _) => format!("it was not healthy within {health_deadline}; {answer}"),
        (CauseKind::Unhealthy, _) => format!("it had been healthy, and is not any more; {answer}"),
        (kind, _) => format!("it failed: {kind}"),
    }
}
