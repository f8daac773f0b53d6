//! What this host has to say of its apps, gathered from the drivers; the session sends it whole whenever it changed.
//! Not here: the wire. What a reader misses in between is lost on purpose: only the newest state counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::{AppKey, AppReport, Failure, PrefetchReport, RefusedAssignment, Stage};
use tokio::sync::watch;

/// What is known of one app.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppState {
    /// The newest report; none: the driver has not come to its first decision.
    pub report: Option<AppReport>,
    /// The newest assignment's refusal; none: it was accepted.
    pub refused: Option<RefusedAssignment>,
    /// How far it is with what it should fetch ahead; none: nothing.
    pub prefetch: Option<PrefetchReport>,
}

/// Shared by the drivers, the session and the status socket.
#[derive(Debug, Clone)]
pub struct Reports {
    apps: Arc<watch::Sender<BTreeMap<AppKey, AppState>>>,
}

impl Default for Reports {
    fn default() -> Self {
        Self { apps: Arc::new(watch::Sender::new(BTreeMap::new())) }
    }
}

impl Reports {
    /// Publishes a driver's newest report, if it says anything new.
    pub(crate) fn report(&self, key: &AppKey, report: AppReport) {
        self.change(key, |state| state.report = Some(report));
    }

    /// Publishes that the newest assignment was refused, or that it was not.
    pub(crate) fn refuse(&self, key: &AppKey, refused: Option<RefusedAssignment>) {
        self.change(key, |state| state.refused = refused);
    }

    /// Publishes how far the host is with what it should fetch ahead for the app, or that there is nothing.
    pub(crate) fn prefetch(&self, key: &AppKey, prefetch: Option<PrefetchReport>) {
        self.change(key, |state| state.prefetch = prefetch);
    }

    /// The newest report is as far as it goes, because what follows from it can't be made durable. Nothing has been asked since, so
    /// nothing is called healthy.
    pub(crate) fn hinder(&self, key: &AppKey, failure: &Failure) {
        self.change(key, |state| {
            if let Some(report) = &mut state.report {
                report.healthy = false;
                hinder(report, failure);
            }
        });
    }

    fn change(&self, key: &AppKey, change: impl FnOnce(&mut AppState)) {
        self.apps.send_if_modified(|apps| {
            let state = apps.entry(key.clone()).or_default();
            let before = state.clone();
            change(state);
            *state != before
        });
    }

    /// To follow them.
    pub fn subscribe(&self) -> watch::Receiver<BTreeMap<AppKey, AppState>> {
        self.apps.subscribe()
    }
}

/// Says in a report what stands in the way. The reason of an end is kept.
pub(crate) fn hinder(report: &mut AppReport, failure: &Failure) {
    report.why.clone_from(&failure.message);
    if matches!(report.stage, Stage::Working | Stage::Trial) {
        report.failure = Some(failure.clone());
    }
}
