//! One app as the planner is to see it, kept up to date change by change, so that an event costs no work for hosts that it does
//! not concern. Not here: what is durable (`store::Snapshot`), from which all but the reports can be made anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use evenkeel_model::{
    AppReport, HostId, Manifest, PrefetchReport, RefusedAssignment, ReleaseNumber, RolloutId, ServiceName, UnixMillis,
};
use evenkeel_rollout::{HostView, Measure, Ordered, WaitingOn};

use crate::store::Order;

/// Rest of an app between two plans, for each host of its environment. A plan's work grows with the hosts; so do their reports,
/// of which one plan then answers many. Three hosts wait for nothing, 10,000 for 20 ms.
const REST_PER_HOST: Duration = Duration::from_micros(2);

/// How many times as long as planning it and telling its news took an app rests then: so a fleet whose hosts all speak at once, as after a restart, leaves
/// two thirds of the controller's time to hearing them.
const REST_FOR_WORK: u32 = 2;

/// One app.
#[derive(Debug, Default)]
pub(super) struct App {
    /// All hosts of the environment, in the order of their ids.
    pub(super) hosts: Vec<HostView>,
    /// The services that each host was ordered last.
    pub(super) services: BTreeMap<HostId, BTreeSet<ServiceName>>,
    /// The releases, read.
    pub(super) manifests: BTreeMap<ReleaseNumber, Arc<Manifest>>,
    /// Its rollouts, the newest last; those that wait for their turn are not among them.
    pub(super) rollouts: BTreeSet<RolloutId>,
    /// Its rollouts that wait for their turn, the next one first.
    pub(super) queued: BTreeSet<RolloutId>,
    /// What analysis gates asked to be measured when it was planned last.
    pub(super) measures: Vec<Measure>,
    /// Why the last plan did not do more.
    pub(super) waiting: Vec<WaitingOn>,
    /// Who was told to fetch which release ahead.
    pub(super) prefetch: BTreeMap<HostId, ReleaseNumber>,
    /// The same by the last plan, which may not be stored yet.
    pub(super) next_prefetch: BTreeMap<HostId, ReleaseNumber>,
    /// When to plan again though nothing is heard.
    pub(super) wake_at: Option<UnixMillis>,
    /// Not to be planned again before.
    pub(super) rested: Option<Instant>,
}

impl App {
    /// The host as this app sees it.
    pub(super) fn host(&self, host: &HostId) -> Option<&HostView> {
        self.position(host).ok().map(|at| &self.hosts[at])
    }

    /// Changes the host as this app sees it.
    pub(super) fn host_mut(&mut self, host: &HostId) -> Option<&mut HostView> {
        self.position(host).ok().map(|at| &mut self.hosts[at])
    }

    /// Adds a host, unless it is there.
    pub(super) fn add_host(&mut self, view: HostView) {
        if let Err(at) = self.position(&view.host) {
            self.hosts.insert(at, view);
        }
    }

    /// Takes a host away.
    pub(super) fn remove_host(&mut self, host: &HostId) {
        if let Ok(at) = self.position(host) {
            self.hosts.remove(at);
        }
        self.services.remove(host);
    }

    /// What the host was last ordered, and with it whether its last refusal still counts.
    pub(super) fn set_ordered(&mut self, host: &HostId, order: Option<&Order>) {
        let Some(view) = self.host_mut(host) else { return };
        view.ordered =
            order.map(|&Order { version, release, phase, share, .. }| Ordered { version, release, phase, share });
        let version = view.ordered.map(|ordered| ordered.version);
        view.refused = view.refused.take().filter(|refused| Some(refused.version) == version);
        let services = order.map(|order| order.services.clone()).unwrap_or_default();
        self.services.insert(host.clone(), services);
    }

    /// Takes a host's word on this app; whether it says anything new.
    pub(super) fn hear(
        &mut self,
        host: &HostId,
        report: Option<AppReport>,
        refused: Option<RefusedAssignment>,
    ) -> bool {
        let report = report.map(|report| self.believed(host, report));
        let Some(view) = self.host_mut(host) else { return false };
        let version = view.ordered.map(|ordered| ordered.version);
        let refused = refused.filter(|refused| Some(refused.version) == version);
        let news = view.report != report || view.refused != refused;
        if news {
            view.report = report;
            view.refused = refused;
        }
        news
    }

    /// Takes a host's word on what it should fetch ahead; whether it says anything new.
    pub(super) fn hear_prefetch(&mut self, host: &HostId, prefetch: Option<PrefetchReport>) -> bool {
        let Some(view) = self.host_mut(host) else { return false };
        let is_new = view.prefetch != prefetch;
        view.prefetch = prefetch;
        is_new
    }

    /// Who fetches ahead as it was planned last; the hosts for which that is new.
    pub(super) fn renew_prefetch(&mut self) -> Vec<HostId> {
        let next = self.next_prefetch.clone();
        let before = std::mem::replace(&mut self.prefetch, next);
        let is_new = |host: &&HostId| before.get(*host) != self.prefetch.get(*host);
        let hosts: BTreeSet<&HostId> = before.keys().chain(self.prefetch.keys()).filter(is_new).collect();
        hosts.into_iter().cloned().collect()
    }

    /// What a host says of its newest order counts as far as it is proven. What it says of others is not about to be acted on.
    fn believed(&self, host: &HostId, report: AppReport) -> AppReport {
        let ordered = self.host(host).and_then(|view| view.ordered);
        let is_newest = ordered.is_some_and(|ordered| ordered.version == report.version);
        let manifest = report.release.filter(|_| is_newest).and_then(|release| self.manifests.get(&release));
        match (manifest, self.services.get(host)) {
            (Some(manifest), Some(services)) => evenkeel_rollout::believed(report, manifest, services),
            _ => report,
        }
    }

    /// The newest rollout.
    pub(super) fn newest(&self) -> Option<RolloutId> {
        self.rollouts.last().copied()
    }

    /// Notes that it was planned.
    pub(super) fn rest(&mut self, now: Instant) {
        let hosts = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        self.rested = Some(now + REST_PER_HOST * hosts);
    }

    /// Notes that planning it, and telling what came of that, took so long until now.
    pub(super) fn rest_from(&mut self, work: Duration, now: Instant) {
        self.rested = self.rested.max(Some(now + work * REST_FOR_WORK));
    }

    fn position(&self, host: &HostId) -> Result<usize, usize> {
        self.hosts.binary_search_by(|view| view.host.cmp(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_app_rests_for_its_hosts_and_longer_if_its_plan_took_long() {
        let (mut app, now) = (App::default(), Instant::now());
        app.rest(now);
        assert_eq!(app.rested, Some(now));
        app.rest_from(Duration::from_millis(30), now);
        assert_eq!(app.rested, Some(now + Duration::from_millis(60)));
        app.rest_from(Duration::ZERO, now);
        assert_eq!(app.rested, Some(now + Duration::from_millis(60)), "a short one does not make it shorter");
    }
}
