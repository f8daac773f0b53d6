//! When a service counts as healthy: `x-rollout.health`, else its `healthcheck`, else that it runs.
//! Not here: the engine's own check (module `healthcheck`), what is asked (module `probe`), asking it (the agent).

use evenkeel_model::{Health, Probe};

use crate::healthcheck::Check;
use crate::reader::{At, Reader, Written};
use crate::service::Surroundings;
use crate::{keys, probe};

/// The rule for one service: its own, else that for all services, else what follows from its check.
pub(crate) fn choose(
    reader: &mut Reader<'_>,
    around: &Surroundings<'_>,
    own: Option<Written<Health>>,
    check: Option<&Check>,
) -> Health {
    let name = around.name;
    let of_all = own.is_none();
    let enabled = check.filter(|check| !check.is_disabled());
    let Some(written) = own.or_else(|| around.rollout.all.health.clone()) else {
        return enabled.map_or_else(|| Health::with_defaults(Probe::Running), of_check);
    };
    let mut health = written.value;
    let asks_engine = health.probe == Probe::Docker;
    if asks_engine && check.is_some() && enabled.is_none() {
        let message =
            format!("`docker: true` waits for the health check of {name}, which is disabled: write another probe");
        reader.problem_at(written.place, &written.path, message);
    }
    if of_all && enabled.is_some() {
        reader.note(format!("{name}: `x-rollout.health` at the top decides its health, not its healthcheck"));
    }
    match enabled.and_then(|check| check.start_interval.as_ref()) {
        Some(interval) if asks_engine => health.start_interval = health.start_interval.or(Some(interval.value)),
        Some(_) => reader.note(format!(
            "{name}: `healthcheck.start_interval` has no effect, because `x-rollout.health` decides its health"
        )),
        None => {}
    }
    health
}

/// The engine has counted the failures already; asking it every second is only to hear of them soon.
fn of_check(check: &Check) -> Health {
    Health {
        start_interval: check.start_interval.as_ref().map(|interval| interval.value),
        successes: 1,
        failures: check.engine.retries,
        start_period: check.engine.start_period,
        ..Health::with_defaults(Probe::Docker)
    }
}

/// Reads `health` of an `x-rollout`.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Health> {
    let fields = reader.map(at, &keys::HEALTH)?;
    let probe = probe::read(reader, at, &fields);
    let default = Health::with_defaults(Probe::Running);
    // All of them are read before any is missed.
    let mut positive = |key, default| fields.get(key).map_or(Some(default), |at| reader.positive_duration(&at));
    let (interval, timeout) = (positive("interval", default.interval), positive("timeout", default.timeout));
    let start_interval = fields.get("start_interval").map_or(Some(None), |at| reader.positive_duration(&at).map(Some));
    let successes = fields.get("successes").map_or(Some(default.successes), |at| reader.whole(&at, 1..=1000));
    let failures = fields.get("failures").map_or(Some(default.failures), |at| reader.whole(&at, 1..=1000));
    let start_period = fields.get("start_period").map_or(Some(default.start_period), |at| reader.duration(&at));
    Some(Health {
        probe: probe?,
        interval: interval?,
        start_interval: start_interval?,
        timeout: timeout?,
        successes: successes?,
        failures: failures?,
        start_period: start_period?,
    })
}
