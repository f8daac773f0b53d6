//! `x-rollout`, at the top for the app and in a service for that service. Not here: `health` and `gates` (modules of these names), the strategy's own keys
//! (module `strategy`), who is moved when (module `waves`), and putting it together with `update_config` (modules `policy` and `order`) or for a
//! service (module `traffic`).

use std::collections::BTreeSet;

use evenkeel_model::manifest::IfOrphaned;
use evenkeel_model::{Health, OnFailure, Order, ServiceName};

use crate::gates::{self, Course};
use crate::policy::WrittenPolicy;
use crate::reader::{At, Fields, Reader, Written};
use crate::traffic::WrittenTraffic;
use crate::{health, keys, order, strategy, traffic, waves};

/// The most releases that a host is asked to keep the images of. More is a slip of the pen, and disks end.
const MOST_KEPT: u64 = 1000;

/// What the `x-rollout` at the top says.
#[derive(Debug, Default)]
pub(crate) struct Rollout {
    pub(crate) policy: WrittenPolicy,
    pub(crate) if_orphaned: Option<IfOrphaned>,
    pub(crate) keep: Option<u32>,
    /// For all services that say nothing themselves.
    pub(crate) all: ServiceRollout,
}

/// What the `x-rollout` of a service says, or that at the top for all of them.
#[derive(Debug, Default)]
pub(crate) struct ServiceRollout {
    pub(crate) order: Option<Written<Order>>,
    pub(crate) health: Option<Written<Health>>,
    pub(crate) traffic: WrittenTraffic,
}

/// Reads `x-rollout` at the top. `services` are those of the app, as far as they can be read.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>, services: &BTreeSet<ServiceName>) -> Rollout {
    let Some(fields) = reader.map(at, &keys::ROLLOUT) else { return Rollout::default() };
    let orphaned = [("keep", IfOrphaned::Keep), ("revert", IfOrphaned::Revert)];
    Rollout {
        policy: read_policy(reader, &fields, services),
        if_orphaned: fields.get("if_orphaned").and_then(|at| reader.one_of(&at, &orphaned, &[])),
        // Two are what serves and what a rollback goes to.
        keep: fields.get("keep").and_then(|at| reader.whole(&at, 2..=MOST_KEPT)),
        all: read_common(reader, &fields),
    }
}

/// Reads `x-rollout` of a service.
pub(crate) fn read_of_service(reader: &mut Reader<'_>, at: &At<'_>) -> ServiceRollout {
    let Some(fields) = reader.map(at, &keys::SERVICE_ROLLOUT) else { return ServiceRollout::default() };
    read_common(reader, &fields)
}

/// What both may say.
fn read_common(reader: &mut Reader<'_>, fields: &Fields<'_>) -> ServiceRollout {
    ServiceRollout {
        order: fields.get("order").and_then(|at| Some(at.written(reader.one_of(&at, &order::WORDS, &[])?))),
        health: fields.get("health").and_then(|at| Some(at.written(health::read(reader, &at)?))),
        traffic: traffic::read(reader, fields),
    }
}

fn read_policy(reader: &mut Reader<'_>, fields: &Fields<'_>, services: &BTreeSet<ServiceName>) -> WrittenPolicy {
    let strategy = strategy::read(reader, fields);
    let waves = waves::read(reader, fields, strategy.known);
    let course = Course { strategy: strategy.known, has_switch: strategy.has_switch, most_waves: waves.most, services };
    let actions =
        [("pause", OnFailure::Pause), ("revert_failed", OnFailure::RevertFailed), ("rollback", OnFailure::Rollback)];
    let mut deadline = |key| fields.get(key).and_then(|at| reader.positive_duration(&at));
    let (health_deadline, pull_deadline, progress_deadline) =
        (deadline("health_deadline"), deadline("pull_deadline"), deadline("progress_deadline"));
    WrittenPolicy {
        strategy: strategy.written,
        waves: waves.written,
        max_unavailable: fields.get("max_unavailable").and_then(|at| Some(at.written(reader.positive_count(&at)?))),
        min_healthy: fields.get("min_healthy").and_then(|at| reader.count(&at)),
        max_failures: fields.get("max_failures").and_then(|at| Some(at.written(reader.count(&at)?))),
        bake: fields.get("bake").and_then(|at| Some(at.written(reader.duration(&at)?))),
        health_deadline,
        pull_deadline,
        progress_deadline,
        on_failure: fields.get("on_failure").and_then(|at| Some(at.written(reader.one_of(&at, &actions, &[])?))),
        gates: fields.get("gates").map(|at| gates::read(reader, &at, course)).unwrap_or_default(),
    }
}
