//! From the planner's answer to writes. Not here: any rule of planning (crate `evenkeel-rollout`).

use std::sync::Arc;

use tokio::time::Instant;

use evenkeel_model::{AppKey, HostId, Millis, Policy, Terms, UnixMillis, Version};
use evenkeel_rollout::{Input, Kind, Outcome, Rollout};

use super::state::State;
use crate::store::{Current, Order, Write};

/// What a trial gets beyond its bake before it counts as orphaned: the coordinator may take so long to come back.
const ORPHAN_GRACE: Millis = Millis::seconds(60);

/// The shortest sleep before an app is planned again for the time alone: a planner that asks for "now" must not spin.
const SHORTEST_SLEEP: Millis = Millis(10);

impl State {
    /// Plans the apps about which something new is known, or whose time has come, unless they rest.
    pub(super) fn plan_due(&mut self, now: UnixMillis, instant: Instant) {
        let woken = |(_, app): &(&AppKey, &super::app::App)| app.wake_at.is_some_and(|at| at <= now);
        let woken: Vec<AppKey> = self.apps.iter().filter(woken).map(|(key, _)| key.clone()).collect();
        self.dirty.extend(woken);
        let has_rested =
            |key: &&AppKey| self.apps.get(*key).and_then(|app| app.rested).is_none_or(|until| until <= instant);
        let due: Vec<AppKey> = self.dirty.iter().filter(has_rested).cloned().collect();
        for key in due {
            self.dirty.remove(&key);
            self.plan(&key, now, instant);
        }
    }

    /// When planning is due next, if nothing is heard until then.
    pub(super) fn next_plan(&self, now: UnixMillis, instant: Instant) -> Option<Instant> {
        let rested = |key: &AppKey| self.apps.get(key).and_then(|app| app.rested).unwrap_or(instant);
        let dirty = self.dirty.iter().map(rested);
        let woken = self.apps.values().filter_map(|app| app.wake_at).map(|at| instant + at.since(now).to_std());
        dirty.chain(woken).min()
    }

    fn plan(&mut self, key: &AppKey, now: UnixMillis, instant: Instant) {
        self.begin_next(key, now);
        let frozen = self.freeze_of(key, now).map(frozen);
        let Some(app) = self.apps.get(key) else { return };
        let before = app.newest().and_then(|id| self.stored.rollouts.get(&id)).cloned();
        let current = self.stored.current.get(key);
        let default_policy = Policy::default();
        let plan = evenkeel_rollout::plan(&Input {
            key,
            now,
            hosts: &app.hosts,
            releases: &app.manifests,
            current: current.map(|current| current.release),
            current_policy: current.map_or(&default_policy, |current| &current.policy),
            rollout: before.as_deref(),
            frozen: frozen.as_ref(),
        });
        if let Some(app) = self.apps.get_mut(key) {
            app.measures = plan.measures;
            app.waiting = plan.waiting;
            app.next_prefetch = plan.prefetch.into_iter().collect();
            app.wake_at = plan.wake_at.map(|at| at.max(now + SHORTEST_SLEEP));
            app.rest(instant);
        }
        self.planned.insert(key.clone());
        let going = before.as_ref().filter(|before| before.outcome().is_none());
        if let (Some(before), Some(after)) = (going, plan.rollout) {
            self.note_rollout(before, after);
        }
        for (host, order) in plan.orders {
            let order = self.order(&host, key, order, going.map(AsRef::as_ref));
            self.write(Write::PutOrder(host, key.clone(), Arc::new(order)));
        }
    }

    fn note_rollout(&mut self, before: &Rollout, after: Rollout) {
        if *before == after {
            return;
        }
        if let Some(outcome) = after.outcome() {
            tracing::info!(rollout = %after.id, app = %after.key, ?outcome, "the rollout has ended");
            if outcome == Outcome::Succeeded {
                let current = Current { release: after.to, policy: after.policy.clone() };
                self.write(Write::PutCurrent(after.key.clone(), current));
            }
            // Hosts that it did not cover may be waiting for its end.
            self.dirty.insert(after.key.clone());
        }
        self.write(Write::PutRollout(Arc::new(after)));
    }

    /// A planned order as it is stored. A change of phase alone keeps version, content and terms: they are one assignment.
    fn order(&self, host: &HostId, key: &AppKey, planned: evenkeel_rollout::Order, going: Option<&Rollout>) -> Order {
        let before = self.stored.orders.get(host).and_then(|orders| orders.get(key));
        if let Some(before) = before.filter(|before| before.version.generation == planned.generation) {
            debug_assert_eq!(before.release, planned.release, "a generation's release is fixed");
            return Order { phase: planned.phase, share: planned.share, ..before.as_ref().clone() };
        }
        debug_assert!(before.is_none_or(|before| before.version.generation < planned.generation), "generations rise");
        let services = planned.release.and_then(|release| {
            let manifest = self.apps.get(key)?.manifests.get(&release)?;
            Some(manifest.services_for(&self.stored.hosts.get(host)?.labels))
        });
        Order {
            version: Version { epoch: self.epoch(), generation: planned.generation },
            release: planned.release,
            phase: planned.phase,
            share: planned.share,
            services: services.unwrap_or_default(),
            terms: self.terms(key, &planned, going),
        }
    }

    fn terms(&self, key: &AppKey, planned: &evenkeel_rollout::Order, going: Option<&Rollout>) -> Terms {
        let moved_by = going.filter(|rollout| planned.release == Some(rollout.to)).map(|rollout| &rollout.policy);
        let current = self.stored.current.get(key).map(|current| &current.policy);
        let default_policy = Policy::default();
        let policy = moved_by.or(current).unwrap_or(&default_policy);
        // What a rollback takes away has failed somebody, and what hosts are brought up to date from is nobody's to go back to.
        let keeps_blue = going.is_some_and(|rollout| rollout.kind == Kind::Deploy);
        Terms {
            health_deadline: policy.health_deadline,
            pull_deadline: policy.pull_deadline,
            orphan_after: policy.longest_bake().plus(ORPHAN_GRACE),
            keep_blue: moved_by.filter(|_| keeps_blue).map_or(Millis(0), |policy| policy.keep_blue),
        }
    }
}

/// A freeze as the planner is told of it.
fn frozen(freeze: &crate::store::Freeze) -> evenkeel_rollout::Frozen {
    evenkeel_rollout::Frozen { until: freeze.until, by: freeze.by.clone(), why: freeze.why.clone() }
}
