//! Values for the tests of this crate: small manifests, hosts and rollouts. Not here: anything that checks.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::manifest::{FORMAT, IfOrphaned};
use evenkeel_model::service::ServiceSpec;
use evenkeel_model::{
    AppKey, Constraint, Digest, EnvironmentName, Health, HostId, ImagePin, Manifest, Millis, Order, Policy, Probe,
    ReleaseNumber, Restart, RolloutId, Service, UnixMillis,
};
use evenkeel_rollout::{Begin, Contact, Duty, HostView, Kind, Rollout};

use crate::store::Host;

pub(crate) fn host_id(number: u32) -> HostId {
    format!("h{number}").parse().unwrap()
}

pub(crate) fn app() -> AppKey {
    AppKey { environment: EnvironmentName::default(), app: "shop".parse().unwrap() }
}

pub(crate) fn spec() -> ServiceSpec {
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
        order: Order::StartFirst,
        keep_old: None,
        traffic: evenkeel_model::Traffic::default(),
        constraints: Vec::new(),
    }
}

/// The app `shop` with one service from the image of this version.
pub(crate) fn manifest(version: u32) -> Manifest {
    let digest = Digest::of(format!("image {version}").as_bytes());
    let reference = format!("registry.example/shop:{version}");
    let image = ImagePin::Registry { reference, repository: "registry.example/shop".to_owned(), digest };
    Manifest {
        format: FORMAT,
        environment: EnvironmentName::default(),
        app: "shop".parse().unwrap(),
        services: [("web".parse().unwrap(), Service { image, spec: spec() })].into(),
        secrets: BTreeMap::new(),
        if_orphaned: IfOrphaned::Keep,
        keep: evenkeel_model::manifest::DEFAULT_KEEP,
    }
}

/// The same, for hosts with `role: <role>` alone.
pub(crate) fn manifest_for(version: u32, role: &str) -> Manifest {
    let mut manifest = manifest(version);
    let constraint = Constraint { label: "role".to_owned(), equal: true, value: role.to_owned() };
    manifest.services.values_mut().for_each(|service| service.spec.constraints = vec![constraint.clone()]);
    manifest
}

pub(crate) fn host(number: u32) -> Host {
    Host {
        host: host_id(number),
        environment: EnvironmentName::default(),
        labels: [("role".to_owned(), "web".to_owned())].into(),
        joined: UnixMillis(1),
        first_expires: UnixMillis(5_000),
        certificate_expires: UnixMillis(7_000),
        relieved: None,
    }
}

/// A rollout of release `to` that has just begun on host 1.
pub(crate) fn rollout(id: u64, to: u64) -> Rollout {
    let view = HostView {
        host: host_id(1),
        labels: BTreeMap::new(),
        duty: Duty::Active,
        contact: Contact::Live,
        conflict: false,
        ordered: None,
        report: None,
        refused: None,
        prefetch: None,
    };
    evenkeel_rollout::begin(Begin {
        id: RolloutId(id),
        key: app(),
        kind: Kind::Deploy,
        from: None,
        to: ReleaseNumber(to),
        policy: Policy::default(),
        by: "ada".parse().unwrap(),
        now: UnixMillis(3),
        hosts: &[view],
        releases: &[(ReleaseNumber(to), Arc::new(manifest(1)))].into(),
    })
    .unwrap()
}
