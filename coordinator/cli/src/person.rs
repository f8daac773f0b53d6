//! What a rollout that goes on waits for that only a person can give, and what that person types. Not here: with which code that ends who
//! watches (`exit.rs`), and what is left to do after the end (`progress/ending.rs`).

use evenkeel_proto::v1::{RolloutView, WaitingView};

use crate::format::{environment_option, printable};

/// What a person has to do. The first of them goes before the others: while it rests, nothing else helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Decide what follows from its failure.
    Decide,
    /// Have it go on.
    Resume,
    /// Lift a freeze that has no end.
    Lift,
    /// Consent.
    Approve,
    /// Promote it.
    Promote,
    /// Do something about a window that does not open.
    Reopen,
    /// See to the rollout before it.
    GoBefore,
}

/// What the rollout needs of a person. None: it goes on by itself, has ended, or goes back (which is not interrupted).
pub(crate) fn need(view: &RolloutView) -> Option<Need> {
    match view.state.as_str() {
        "queued" => view.waiting.iter().filter_map(before_its_turn).min(),
        "paused" if has_failed(view) => Some(Need::Decide),
        "paused" => Some(Need::Resume),
        "advancing" => view.waiting.iter().filter_map(by_itself).min(),
        _ => None,
    }
}

/// Whether a rollout that is paused is so because it failed. Hosts whose failure was put up with fail nothing that a person paused.
fn has_failed(view: &RolloutView) -> bool {
    let rests = view.waiting.iter().any(|waiting| waiting.kind == "paused");
    view.failure.is_some() || (!rests && view.hosts.iter().any(|host| host.failure.is_some()))
}

/// Whether a person has to give what is waited for here.
pub(crate) fn is_for_a_person(waiting: &WaitingView) -> bool {
    by_itself(waiting).is_some() || waiting.kind == "person"
}

fn by_itself(waiting: &WaitingView) -> Option<Need> {
    match (waiting.kind.as_str(), waiting.until) {
        ("paused", _) => Some(Need::Resume),
        // With an end it passes without anybody.
        ("frozen", None) => Some(Need::Lift),
        ("approval", _) => Some(Need::Approve),
        ("promotion", _) => Some(Need::Promote),
        ("window", None) => Some(Need::Reopen),
        _ => None,
    }
}

/// One that waits for its turn is told what the one before it waits for.
fn before_its_turn(waiting: &WaitingView) -> Option<Need> {
    match by_itself(waiting) {
        Some(Need::Lift) => Some(Need::Lift),
        Some(_) => Some(Need::GoBefore),
        None => (waiting.kind == "person").then_some(Need::GoBefore),
    }
}

impl Need {
    /// What the rollout is because of it, for the beginning of a sentence.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Decide | Self::Resume => "paused",
            Self::Lift => "frozen",
            Self::Approve => "waiting for approval",
            Self::Promote => "waiting for promotion",
            Self::Reopen => "waiting for a window that does not open",
            Self::GoBefore => "queued",
        }
    }

    /// What to type, as a sentence.
    pub(crate) fn next(self, view: &RolloutView) -> String {
        let (id, app) = (view.rollout, printable(&view.app));
        let again = format!("evenkeel rollout watch {id} attaches again");
        match self {
            Self::Decide => format!(
                "Next: look at evenkeel rollout show {id}, then evenkeel rollout resume {id} (hosts that failed are tried once more), \
                 evenkeel rollout abort {id} (hosts in trial go back) or evenkeel rollout abort {id} --rollback (all go back)"
            ),
            Self::Resume => {
                format!("Next: evenkeel rollout resume {id}, or evenkeel rollout abort {id} to give it up; {again}")
            }
            Self::Lift => format!("Next: evenkeel freeze ls, then evenkeel freeze lift N; {again}"),
            Self::Approve => {
                format!("Next: evenkeel rollout approve {id}, by somebody who is approver or admin; {again}")
            }
            Self::Promote => {
                format!("Next: evenkeel rollout promote {id}, or evenkeel rollout abort {id} to give it up; {again}")
            }
            Self::Reopen => format!("Next: evenkeel rollout abort {id}, then correct the window in the Compose file"),
            Self::GoBefore => {
                format!("Next: evenkeel rollouts --app {app}{}; {again}", environment_option(&view.environment))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_proto::v1::{FailureView, RolloutHostView};

    use super::*;

    fn waiting_for(state: &str, kinds: &[&str]) -> RolloutView {
        let waiting = |kind: &&str| WaitingView { kind: (*kind).to_owned(), ..WaitingView::default() };
        RolloutView {
            rollout: 7,
            environment: "staging".to_owned(),
            app: "shop".to_owned(),
            state: state.to_owned(),
            waiting: kinds.iter().map(waiting).collect(),
            ..RolloutView::default()
        }
    }

    #[test]
    fn of_several_needs_the_one_that_goes_before_is_told() {
        assert_eq!(need(&waiting_for("advancing", &["approval", "unhealthy", "paused"])), Some(Need::Resume));
        assert_eq!(need(&waiting_for("advancing", &["promotion", "approval"])), Some(Need::Approve));
        assert_eq!(need(&waiting_for("advancing", &["bake", "unhealthy"])), None);
        assert_eq!(need(&waiting_for("withdrawing", &["person"])), None);
    }

    #[test]
    fn a_failure_that_was_put_up_with_is_not_why_a_person_paused() {
        let mut view = waiting_for("paused", &["paused"]);
        view.hosts.push(RolloutHostView { failure: Some(FailureView::default()), ..RolloutHostView::default() });
        assert_eq!(need(&view), Some(Need::Resume));
        assert_eq!(need(&RolloutView { waiting: Vec::new(), ..view }), Some(Need::Decide));
    }

    #[test]
    fn whoever_stands_in_the_queue_is_sent_to_the_one_before() {
        let view = waiting_for("queued", &["queue", "approval"]);
        assert_eq!(need(&view), Some(Need::GoBefore));
        assert_eq!(
            Need::GoBefore.next(&view),
            "Next: evenkeel rollouts --app shop -e staging; evenkeel rollout watch 7 attaches again"
        );
    }
}
