//! Whether a host counts as unavailable, worked out from what is known of it apart from the planner, so that the planner can be checked by it. The
//! rule is in the documentation of crate `evenkeel-rollout`. Not here: the budget (module `defect`), how long (module `totals`).

use evenkeel_model::{AppReport, Phase, Refusal, ReleaseNumber, Stage};
use evenkeel_rollout::{Contact, HostView};

/// Whether it counts: it is not heard, or would count if it were.
pub(crate) fn is_down(view: &HostView) -> bool {
    view.contact != Contact::Live || is_down_if_heard(view)
}

/// Whether it has something to lose, and does not say that it serves on its newest order.
pub(crate) fn is_down_if_heard(view: &HostView) -> bool {
    base(view).is_some() && !view.report.as_ref().is_some_and(|report| serves(view, report))
}

/// What it would lose, as far as is known.
pub(crate) fn base(view: &HostView) -> Option<ReleaseNumber> {
    let report = view.report.as_ref()?;
    match report.stage {
        Stage::Committed => report.release,
        // It may have committed since it spoke.
        Stage::Trial if was_told_more(view, report) => report.base.or(report.release),
        _ => report.base,
    }
}

fn was_told_more(view: &HostView, report: &AppReport) -> bool {
    let is_newer = view.ordered.is_some_and(|ordered| {
        ordered.version.generation != report.version.generation || ordered.phase == Phase::Committed
    });
    is_newer || kept_its_commit(view)
}

fn kept_its_commit(view: &HostView) -> bool {
    view.refused.as_ref().is_some_and(|refused| refused.refusal == Refusal::AlreadyCommitted)
}

fn serves(view: &HostView, report: &AppReport) -> bool {
    let Some(ordered) = view.ordered else { return true };
    let healthy = report.healthy || report.release.is_none();
    let speaks_of_it = ordered.version.generation == report.version.generation;
    speaks_of_it
        && match report.stage {
            Stage::Committed => healthy,
            Stage::Trial => healthy && (ordered.phase != Phase::Withdrawn || kept_its_commit(view)),
            Stage::Reverted => !report.services.is_empty() && report.services.values().all(|service| service.healthy),
            Stage::Working | Stage::Reverting => false,
        }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::{Generation, Policy, Share, UnixMillis};
    use evenkeel_rollout::{Order, Ordered};

    use super::*;
    use crate::Settings;
    use crate::agent::version;
    use crate::fleet::{NEW, Services, hosts};

    /// A host that has accepted this order, is so far with it, and has said so.
    fn view(order: (u64, Phase), said: (u64, Stage)) -> HostView {
        let services = Services::new();
        let settings = Settings { hosts: 1, ..Settings::default() };
        let (mut view, mut host) = hosts(&settings, &Policy::default(), &services).remove(0);
        let generation = Generation(order.0);
        view.ordered =
            Some(Ordered { version: version(generation), release: Some(NEW), phase: order.1, share: Share::ALL });
        let accepted =
            Order { generation: Generation(said.0), release: Some(NEW), phase: Phase::Trial, share: Share::ALL };
        (host.agent.accepted, host.agent.stage, host.agent.share) = (Some(accepted), said.1, Share::ALL);
        view.report = host.report(&services);
        view
    }

    #[test]
    fn from_its_order_until_it_serves_a_host_counts() {
        let cases = [
            ((2, Phase::Trial), (1, Stage::Committed), true),
            ((2, Phase::Trial), (2, Stage::Working), true),
            ((2, Phase::Trial), (2, Stage::Trial), false),
            ((2, Phase::Committed), (2, Stage::Trial), false),
            ((2, Phase::Committed), (2, Stage::Committed), false),
            ((2, Phase::Withdrawn), (2, Stage::Trial), true),
            ((2, Phase::Trial), (2, Stage::Reverting), true),
            ((2, Phase::Trial), (2, Stage::Reverted), false),
        ];
        for (order, said, expected) in cases {
            let mut view = view(order, said);
            assert_eq!(is_down(&view), expected, "{order:?} {said:?}");
            view.contact = Contact::Silent { since: UnixMillis(0) };
            assert!(is_down(&view), "nobody hears it");
        }
    }

    #[test]
    fn a_host_that_has_nothing_to_lose_does_not_count() {
        let settings = Settings { hosts: 1, first_deploy: true, ..Settings::default() };
        let (view, _) = hosts(&settings, &Policy::default(), &Services::new()).remove(0);
        assert!(!is_down(&view));
    }
}
