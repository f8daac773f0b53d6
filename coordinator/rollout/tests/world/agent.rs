//! What agents do with orders: they accept or refuse them, go as far as they can, fail, and report. Not here: the wire (`world.rs`).

use evenkeel_model::{
    AppReport, CauseKind, Failure, Phase, PrefetchReport, PrefetchState, Refusal, ReleaseNumber, Share, Stage,
};
use evenkeel_rollout::Order;

use super::releases::{key, service_report, version};

/// What an agent does with orders for the one app.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agent {
    pub(crate) accepted: Option<Order>,
    pub(crate) stage: Option<Stage>,
    /// The release committed here before the accepted one; of a committed one, itself.
    pub(crate) base: Option<ReleaseNumber>,
    /// How much of what is new the accepted release gets.
    pub(crate) share: Share,
    /// Whether that which serves is healthy.
    pub(crate) well: bool,
    pub(crate) failure: Option<Failure>,
    pub(crate) refuses_next: bool,
    /// What it was told to fetch ahead, and how far it is with that.
    pub(crate) prefetch: Option<(ReleaseNumber, PrefetchState)>,
}

impl Agent {
    pub(super) fn accept(&mut self, order: Order) -> Option<Refusal> {
        match self.accepted {
            Some(accepted) if order.generation < accepted.generation => {
                return Some(Refusal::Stale { accepted: version(accepted.generation) });
            }
            Some(accepted) if order.generation == accepted.generation => return self.accept_phase(order),
            _ => {}
        }
        if std::mem::take(&mut self.refuses_next) {
            return Some(Refusal::Malformed { message: "no manifest at all".to_owned() });
        }
        let never_tried = order.phase == Phase::Withdrawn;
        self.accepted = Some(order);
        self.stage = Some(if never_tried { Stage::Reverted } else { Stage::Working });
        (self.failure, self.well, self.share) = (None, true, Share::NONE);
        None
    }

    fn accept_phase(&mut self, order: Order) -> Option<Refusal> {
        match (order.phase, self.stage?) {
            (Phase::Committed, Stage::Reverting | Stage::Reverted) => return Some(Refusal::AlreadyReverted),
            (Phase::Withdrawn, Stage::Committed) => return Some(Refusal::AlreadyCommitted),
            (Phase::Committed, Stage::Trial) if self.well => {
                self.stage = Some(Stage::Committed);
                self.base = order.release;
            }
            (Phase::Trial | Phase::Committed, _) | (Phase::Withdrawn, Stage::Reverting | Stage::Reverted) => {}
            (Phase::Withdrawn, _) => {
                self.stage = Some(Stage::Reverting);
                self.failure = Some(Failure::plain(CauseKind::Withdrawn, "the rollout was given up"));
            }
        }
        self.accepted = Some(order);
        None
    }

    /// Goes on as far as it can, with containers that are healthy or not.
    pub(crate) fn obey(&mut self, healthy: bool) {
        let (Some(accepted), Some(stage)) = (self.accepted, self.stage) else { return };
        self.well = healthy;
        if matches!(stage, Stage::Working | Stage::Trial) {
            self.failure = None;
        }
        let proven = healthy && matches!(stage, Stage::Working | Stage::Trial);
        if proven {
            self.share = accepted.share;
        }
        self.stage = Some(match stage {
            Stage::Working | Stage::Trial if proven && accepted.phase == Phase::Committed => {
                self.base = accepted.release;
                Stage::Committed
            }
            Stage::Working if proven => Stage::Trial,
            Stage::Working => {
                self.well = true;
                Stage::Working
            }
            Stage::Reverting => Stage::Reverted,
            same => same,
        });
    }

    /// Fails: goes back from what is not committed.
    pub(crate) fn fail(&mut self, failure: Failure) {
        match self.stage {
            Some(Stage::Working | Stage::Trial) => {
                self.stage = Some(Stage::Reverted);
                self.failure = Some(failure);
                self.well = true;
            }
            Some(Stage::Committed) => self.well = false,
            _ => {}
        }
    }

    pub(crate) fn prefetch_report(&self) -> Option<PrefetchReport> {
        self.prefetch.clone().map(|(release, state)| PrefetchReport { key: key(), release, state })
    }

    pub(crate) fn report(&self) -> Option<AppReport> {
        let (accepted, stage) = (self.accepted?, self.stage?);
        let is_new = matches!(stage, Stage::Trial | Stage::Committed);
        let serving = if is_new { accepted.release } else { self.base };
        let service = serving.map(|release| ("app".parse().unwrap(), service_report(release, self.well)));
        Some(AppReport {
            key: key(),
            version: version(accepted.generation),
            release: accepted.release,
            stage,
            share: match stage {
                Stage::Working | Stage::Trial => self.share,
                Stage::Committed => Share::ALL,
                Stage::Reverting | Stage::Reverted => Share::NONE,
            },
            base: self.base,
            healthy: is_new && (self.well || accepted.release.is_none()),
            failure: self.failure.clone(),
            services: service.into_iter().collect(),
            why: String::new(),
        })
    }
}
