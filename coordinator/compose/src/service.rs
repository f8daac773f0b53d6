//! One service: its keys put together. Not here: what each key's value looks like (a module per key or group of keys).

use std::collections::BTreeSet;

use evenkeel_model::manifest::ServiceDraft;
use evenkeel_model::{Health, Millis, Mount, Order, Probe, Restart, ServiceName, ServiceSpec, Traffic};

use crate::deploy::{self, Deploy};
use crate::mounts::MountedAt;
use crate::policy::Update;
use crate::ports::PublishedAt;
use crate::problem::shown;
use crate::reader::{At, Fields, Reader};
use crate::rollout::{self, Rollout};
use crate::tree::Place;
use crate::{command, environment, health, healthcheck, hints, keys, mounts, order, ports, signal, traffic};

/// Compose's own.
const DEFAULT_STOP_GRACE_PERIOD: Millis = Millis::seconds(10);

/// What a service is read within.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) name: &'a ServiceName,
    /// The volumes that the file declares.
    pub(crate) volumes: &'a BTreeSet<String>,
    /// What the file says for all services.
    pub(crate) rollout: &'a Rollout,
}

/// A service as read, with what is checked when all are known.
#[derive(Debug)]
pub(crate) struct ReadService {
    pub(crate) draft: ServiceDraft,
    /// Where each of its ports was written, in their order.
    pub(crate) published: Vec<PublishedAt>,
    /// As for ports.
    pub(crate) mounted: Vec<MountedAt>,
    /// Where its order was written, if it was.
    pub(crate) ordered_at: Option<Place>,
    /// What it says of the whole app's rollout.
    pub(crate) update: Update,
}

/// Reads a service. What could not be read is left out, so that the rest is checked too.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>, around: &Surroundings<'_>) -> Option<ReadService> {
    let fields = reader.map(at, &keys::SERVICE)?;
    let image = read_image(reader, at, &fields);
    let local = fields.get("pull_policy").is_some_and(|at| read_pull_policy(reader, &at));
    let published = fields.get("ports").map(|at| ports::read(reader, &at)).unwrap_or_default();
    let mounted = fields.get("volumes").map(|at| mounts::read(reader, &at, around.volumes)).unwrap_or_default();
    let deploy = fields.get("deploy").map(|at| deploy::read(reader, &at)).unwrap_or_default();
    let own = fields.get("x-rollout").map(|at| rollout::read_of_service(reader, &at)).unwrap_or_default();
    let check = fields.get("healthcheck").and_then(|at| healthcheck::read(reader, &at));
    let health = health::choose(reader, around, own.health, check.as_ref());
    let check = check.map(|check| check.engine);
    let mut spec = read_container(reader, &fields);
    spec.ports = published.iter().map(|published| published.port.clone()).collect();
    spec.mounts = mounted.iter().map(|mounted| mounted.mount.clone()).collect();
    spec.engine_healthcheck = check;
    spec.health = health;
    spec.constraints.clone_from(&deploy.constraints);
    let order = order::settle(reader, around, &spec, own.order, deploy.update.order.as_ref());
    spec.order = order.order;
    traffic::settle(reader, around, &mut spec, own.traffic);
    hints::note_requests_without_http(reader, around.name, &spec);
    check_placement(reader, at, &spec, &deploy);
    let draft = ServiceDraft { image: image.unwrap_or_default(), local, spec };
    Some(ReadService { draft, published, mounted, ordered_at: order.written, update: deploy.update })
}

/// The keys that are about the container alone.
fn read_container(reader: &mut Reader<'_>, fields: &Fields<'_>) -> ServiceSpec {
    ServiceSpec {
        command: fields.get("command").and_then(|at| command::read_command(reader, &at)),
        entrypoint: fields.get("entrypoint").and_then(|at| command::read(reader, &at)),
        environment: fields.get("environment").map(|at| environment::read(reader, &at)).unwrap_or_default(),
        ports: Vec::new(),
        mounts: Vec::new(),
        engine_healthcheck: None,
        health: Health::with_defaults(Probe::Running),
        restart: fields.get("restart").and_then(|at| read_restart(reader, &at)).unwrap_or(Restart::UnlessStopped),
        user: fields.get("user").and_then(|at| reader.nonempty(&at, "a user, such as `1000:1000`")),
        labels: fields.get("labels").map(|at| environment::read_labels(reader, &at)).unwrap_or_default(),
        stop_grace_period: fields
            .get("stop_grace_period")
            .and_then(|at| reader.duration(&at))
            .unwrap_or(DEFAULT_STOP_GRACE_PERIOD),
        stop_signal: fields.get("stop_signal").and_then(|at| reader.parsed(&at, signal::EXPECTED, signal::parse)),
        order: Order::StartFirst,
        keep_old: None,
        traffic: Traffic::default(),
        constraints: Vec::new(),
    }
}

fn read_image(reader: &mut Reader<'_>, at: &At<'_>, fields: &Fields<'_>) -> Option<String> {
    let Some(image) = fields.get("image") else {
        if fields.get("build").is_none() {
            reader.problem(at, "the service has no image: write `image: …`");
        }
        return None;
    };
    reader.parsed(&image, "an image such as `registry.example/app:1.4`", |text| {
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| text.to_owned())
    })
}

/// Whether the image exists in engines only. Everything else that is accepted comes to the same, as images are pinned by digest.
fn read_pull_policy(reader: &mut Reader<'_>, at: &At<'_>) -> bool {
    let choices = [("always", false), ("missing", false), ("if_not_present", false), ("never", true)];
    reader.one_of(at, &choices, &["daily", "weekly", "build"]).unwrap_or(false)
}

fn read_restart(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Restart> {
    let text = reader.text(at, "`no`, `always`, `on-failure` or `unless-stopped`")?;
    match text.as_str() {
        // YAML's older versions take `no` for a truth value, and some tools write it back as `false`.
        "no" | "false" => Some(Restart::No),
        "always" | "unless-stopped" => Some(Restart::UnlessStopped),
        "on-failure" => Some(Restart::OnFailure),
        _ if text.starts_with("on-failure:") => {
            reader.problem(at, "a limit of restarts is not supported yet: write `on-failure`");
            None
        }
        _ => {
            let found = shown(&text);
            reader.problem(at, format!("expected `no`, `always`, `on-failure` or `unless-stopped`, found {found}"));
            None
        }
    }
}

/// A service with data of its own must not appear on every host by mere default.
fn check_placement(reader: &mut Reader<'_>, at: &At<'_>, spec: &ServiceSpec, deploy: &Deploy) {
    let volume = spec.mounts.iter().find_map(|mount| match mount {
        Mount::Volume { name, .. } => Some(name),
        Mount::Bind { .. } => None,
    });
    if let Some(volume) = volume
        && !deploy.says_where
    {
        reader.problem(
            at,
            format!(
                "it has the volume `{volume}` and would run on every host, each with data of its own: \
                 write `deploy.placement.constraints`, or `deploy.mode: global` if that is meant"
            ),
        );
    }
}
