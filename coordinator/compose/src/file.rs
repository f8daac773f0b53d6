//! The top of a Compose file: name, services, volumes, and the checks that need all services at once.
//! Not here: one service (module `service`), the policy (modules `rollout` and `policy`).

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::manifest::DEFAULT_KEEP;
use evenkeel_model::{AppName, ServiceName, Specification};

use crate::problem::invalid_name;
use crate::reader::{At, Fields, Reader};
use crate::rollout::Rollout;
use crate::service::{self, ReadService, Surroundings};
use crate::tree::{Node, Value};
use crate::{keys, policy, rollout, shared_ports, side_by_side};

/// Reads the whole file. None only where there is nothing to go on with; any problem refuses the file in the end.
pub(crate) fn read(reader: &mut Reader<'_>, root: &Node, project: Option<&AppName>) -> Option<Specification> {
    let root = At::root(root);
    let fields = reader.map(&root, &keys::TOP)?;
    let app = read_name(reader, &root, &fields, project);
    read_version(reader, &fields);
    let volumes = fields.get("volumes").map(|at| read_volumes(reader, &at)).unwrap_or_default();
    let names = service_names(&fields);
    let rollout = fields.get("x-rollout").map(|at| rollout::read(reader, &at, &names)).unwrap_or_default();
    let services = read_services(reader, &root, &fields, &volumes, &rollout);

    shared_ports::check(reader, &services);
    side_by_side::check(reader, &rollout.policy.strategy, &services);
    let if_orphaned = rollout.if_orphaned.unwrap_or_default();
    let policy = policy::settle(reader, rollout.policy, services.values().map(|service| &service.update));
    let services = services.into_iter().map(|(name, service)| (name, service.draft)).collect();
    let keep = rollout.keep.unwrap_or(DEFAULT_KEEP);
    Some(Specification { app: app?, services, if_orphaned, keep, policy, notes: Vec::new() })
}

fn read_name(
    reader: &mut Reader<'_>,
    root: &At<'_>,
    fields: &Fields<'_>,
    project: Option<&AppName>,
) -> Option<AppName> {
    let written = fields.get("name").map(|at| {
        let text = reader.text(&at, "the app's name")?;
        text.parse().map_err(|_| reader.problem(&at, invalid_name("app name", &text))).ok()
    });
    match (project, written) {
        (Some(project), _) => Some(project.clone()),
        (None, Some(written)) => written,
        (None, None) => {
            reader.problem(root, "the app has no name: write `name: …` at the top, or pass the project's name");
            None
        }
    }
}

fn read_version(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    let Some(at) = fields.get("version") else { return };
    if reader.text(&at, "text").is_some() {
        reader.note("`version` is obsolete in Compose and has no effect: remove it");
    }
}

/// The named volumes. All of them are plain ones, which the engine makes on the host at first use.
fn read_volumes(reader: &mut Reader<'_>, at: &At<'_>) -> BTreeSet<String> {
    let Some(fields) = reader.names(at) else { return BTreeSet::new() };
    for (name, volume) in fields.all() {
        if !is_volume_name(name) {
            reader.problem(&volume, "a volume's name is made of letters, digits, `_`, `.` and `-`: rename it");
        }
        let is_plain = matches!(&volume.node.value, Value::Map(entries) if entries.is_empty());
        if !is_plain && !volume.node.is_null() {
            reader.problem(&volume, "a volume's settings are not supported yet: write nothing after its name");
        }
    }
    fields.all().map(|(name, _)| name.to_owned()).collect()
}

fn is_volume_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// The names alone, for what speaks of services before they are read.
fn service_names(fields: &Fields<'_>) -> BTreeSet<ServiceName> {
    match fields.get("services").map(|at| &at.node.value) {
        Some(Value::Map(entries)) => entries.iter().filter_map(|entry| entry.key.parse().ok()).collect(),
        _ => BTreeSet::new(),
    }
}

fn read_services(
    reader: &mut Reader<'_>,
    root: &At<'_>,
    fields: &Fields<'_>,
    volumes: &BTreeSet<String>,
    rollout: &Rollout,
) -> BTreeMap<ServiceName, ReadService> {
    let mut services = BTreeMap::new();
    let Some(at) = fields.get("services") else {
        reader.problem(root, "there are no services: write `services:` and at least one service");
        return services;
    };
    let Some(entries) = reader.names(&at) else { return services };
    for (name, at) in entries.all() {
        if name.starts_with("x-") {
            continue;
        }
        match name.parse::<ServiceName>() {
            Ok(name) => {
                let service = service::read(reader, &at, &Surroundings { name: &name, volumes, rollout });
                services.extend(service.map(|service| (name, service)));
            }
            Err(_) => reader.problem(&at, invalid_name("service name", name)),
        }
    }
    if entries.all().next().is_none() {
        reader.problem(&at, "there are no services: write at least one");
    }
    services
}
