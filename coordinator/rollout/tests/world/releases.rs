//! The one app's releases, and how hosts speak of them. Not here: who gets one.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::{
    AppKey, Constraint, Digest, EnvironmentName, Epoch, Generation, Health, ImagePin, Manifest, Millis,
    Order as ServiceOrder, Probe, ReleaseNumber, Restart, Service, ServiceReport, ServiceSpec, Version,
};

use super::Host;

/// Whether at least one service of a release runs on such a host.
pub(crate) fn matches(manifest: &Manifest, host: &Host) -> bool {
    !manifest.services_for(&host.labels).is_empty()
}

pub(crate) fn key() -> AppKey {
    AppKey { environment: EnvironmentName::default(), app: "shop".parse().unwrap() }
}

pub(super) fn version(generation: Generation) -> Version {
    Version { epoch: Epoch(1), generation }
}

/// A release with these services, each with the labels that it asks for.
pub(crate) fn manifest(number: ReleaseNumber, services: &[(String, Vec<(String, String)>)]) -> Arc<Manifest> {
    let service = |asked: &[(String, String)]| Service { image: image(number), spec: spec(asked) };
    Arc::new(Manifest {
        format: evenkeel_model::manifest::FORMAT,
        environment: EnvironmentName::default(),
        app: "shop".parse().unwrap(),
        services: services.iter().map(|(name, asked)| (name.parse().unwrap(), service(asked))).collect(),
        secrets: BTreeMap::new(),
        if_orphaned: evenkeel_model::manifest::IfOrphaned::Keep,
        keep: evenkeel_model::manifest::DEFAULT_KEEP,
    })
}

fn image(number: ReleaseNumber) -> ImagePin {
    ImagePin::Local { reference: format!("shop:{number}"), id: Digest::of(&number.0.to_be_bytes()) }
}

fn spec(asked: &[(String, String)]) -> ServiceSpec {
    let constraint =
        |(label, value): &(String, String)| Constraint { label: label.clone(), equal: true, value: value.clone() };
    ServiceSpec {
        command: None,
        entrypoint: None,
        environment: BTreeMap::new(),
        ports: Vec::new(),
        mounts: Vec::new(),
        engine_healthcheck: None,
        health: Health::with_defaults(Probe::Running),
        restart: Restart::UnlessStopped,
        user: None,
        labels: BTreeMap::new(),
        stop_grace_period: Millis::seconds(10),
        stop_signal: None,
        order: ServiceOrder::StartFirst,
        keep_old: None,
        traffic: evenkeel_model::Traffic::default(),
        constraints: asked.iter().map(constraint).collect(),
    }
}

pub(super) fn service_report(release: ReleaseNumber, healthy: bool) -> ServiceReport {
    let pin = image(release).digest().clone();
    ServiceReport { release, image_id: pin.to_string(), pin, running: true, healthy, restarts: 0 }
}
