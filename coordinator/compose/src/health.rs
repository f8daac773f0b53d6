//! When a service counts as healthy: `x-rollout.health`, else its `healthcheck`, else that it runs.
//! Not here: the engine's own check (module `healthcheck`), running a probe (the agent).

use evenkeel_model::service::EngineHealthcheck;
use evenkeel_model::{Health, Probe};

use crate::healthcheck::NONE;
use crate::keys;
use crate::reader::{At, Fields, Reader, Written};
use crate::service::Surroundings;

/// The rule for one service: its own, else that for all services, else what follows from its check.
pub(crate) fn choose(
    reader: &mut Reader<'_>,
    around: &Surroundings<'_>,
    own: Option<Written<Health>>,
    check: Option<&EngineHealthcheck>,
) -> Health {
    let of_all = own.is_none();
    let disabled = check.is_some_and(|check| check.test[0] == NONE);
    match (own.or_else(|| around.rollout.health.clone()), check) {
        (Some(health), _) if health.value.probe == Probe::Docker && disabled => {
            let message = format!(
                "`docker: true` waits for the health check of {}, which is disabled: write another probe",
                around.name
            );
            reader.problem_at(health.place, &health.path, message);
            health.value
        }
        (Some(health), check) => {
            if of_all && check.is_some() && !disabled {
                let name = around.name;
                reader.note(format!("{name}: `x-rollout.health` at the top decides its health, not its healthcheck"));
            }
            health.value
        }
        (None, Some(check)) if !disabled => of_check(check),
        (None, _) => Health::with_defaults(Probe::Running),
    }
}

/// The engine has counted the failures already; asking it every second is only to hear of them soon.
fn of_check(check: &EngineHealthcheck) -> Health {
    Health {
        successes: 1,
        failures: check.retries,
        start_period: check.start_period,
        ..Health::with_defaults(Probe::Docker)
    }
}

/// Reads `health` of an `x-rollout`.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Health> {
    let fields = reader.map(at, &keys::HEALTH)?;
    let probes: Vec<_> =
        ["http", "tcp", "exec", "docker"].iter().filter_map(|key| Some((*key, fields.get(key)?))).collect();
    let probe = match &probes[..] {
        [(key, at)] => read_probe(reader, key, at),
        // That `grpc` is not supported yet has been said.
        [] if fields.get("grpc").is_some() => None,
        [] => {
            reader.problem(at, "there is no probe: write `http`, `tcp`, `exec` or `docker`");
            None
        }
        [(first, _), (second, at), ..] => {
            reader.problem(at, format!("there is already the probe `{first}`: keep it or `{second}`"));
            None
        }
    };
    read_rule(reader, &fields, probe)
}

/// The numbers around the probe; all are read before any is missed.
fn read_rule(reader: &mut Reader<'_>, fields: &Fields<'_>, probe: Option<Probe>) -> Option<Health> {
    let default = Health::with_defaults(Probe::Running);
    let interval = fields.get("interval").map_or(Some(default.interval), |at| reader.positive_duration(&at));
    let timeout = fields.get("timeout").map_or(Some(default.timeout), |at| reader.positive_duration(&at));
    let successes = fields.get("successes").map_or(Some(default.successes), |at| reader.whole(&at, 1..=1000));
    let failures = fields.get("failures").map_or(Some(default.failures), |at| reader.whole(&at, 1..=1000));
    let start_period = fields.get("start_period").map_or(Some(default.start_period), |at| reader.duration(&at));
    Some(Health {
        probe: probe?,
        interval: interval?,
        timeout: timeout?,
        successes: successes?,
        failures: failures?,
        start_period: start_period?,
    })
}

fn read_probe(reader: &mut Reader<'_>, key: &str, at: &At<'_>) -> Option<Probe> {
    match key {
        "http" => {
            let fields = reader.map(at, &keys::HTTP)?;
            let path = fields.get("path").map_or(Some("/".to_owned()), |at| {
                let is_path = |text: &str| text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
                reader.parsed(&at, "a path such as `/healthz`", |text| is_path(text).then(|| text.to_owned()))
            });
            let port = read_port(reader, at, &fields);
            Some(Probe::Http { port: port?, path: path? })
        }
        "tcp" => {
            let fields = reader.map(at, &keys::TCP)?;
            Some(Probe::Tcp { port: read_port(reader, at, &fields)? })
        }
        "exec" => {
            let command = reader.texts(at)?;
            if command.is_empty() {
                reader.problem(at, "the command is empty: write a program and its arguments, such as `[pg_isready]`");
                return None;
            }
            Some(Probe::Exec { command })
        }
        _ => {
            if !reader.bool(at)? {
                reader.problem(at, "`docker` is either `true` or not written: remove it, and write another probe");
                return None;
            }
            Some(Probe::Docker)
        }
    }
}

fn read_port(reader: &mut Reader<'_>, at: &At<'_>, fields: &Fields<'_>) -> Option<u16> {
    let Some(port) = fields.get("port") else {
        reader.problem(at, "the probe has no `port`: write the container's port");
        return None;
    };
    reader.whole(&port, 1..=65535)
}
