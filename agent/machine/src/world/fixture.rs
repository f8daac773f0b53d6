//! Releases and assignments for tests, written as short texts: `web:good-2 worker:good-1:stop-first`. An image's name says how it behaves.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::manifest::{FORMAT, IfOrphaned};
use evenkeel_model::{
    AppKey, Assignment, Content, Digest, Epoch, Generation, Health, ImagePin, Manifest, Millis, Order, Phase, Probe,
    ReleaseNumber, Restart, Service, ServiceSpec, Terms, Version,
};

/// The release of this text. Its number is that of the generation, except in tests that say otherwise.
pub(crate) fn release(text: &str) -> Manifest {
    let services = text.split_whitespace().filter(|word| *word != "orphans-revert").map(|word| {
        let mut parts = word.split(':');
        let (name, image) = (parts.next().unwrap(), parts.next().unwrap());
        let options: Vec<&str> = parts.collect();
        (name.parse().unwrap(), service(image, &options))
    });
    let orphans_revert = text.split_whitespace().any(|word| word == "orphans-revert");
    Manifest {
        format: FORMAT,
        environment: key().environment,
        app: key().app,
        services: services.collect(),
        secrets: BTreeMap::new(),
        if_orphaned: if orphans_revert { IfOrphaned::Revert } else { IfOrphaned::Keep },
    }
}

pub(crate) fn key() -> AppKey {
    AppKey { environment: "default".parse().unwrap(), app: "shop".parse().unwrap() }
}

fn service(image: &str, options: &[&str]) -> Service {
    let reference = format!("registry.example/{image}");
    let digest = Digest::of(image.as_bytes());
    let image = if options.contains(&"local") {
        ImagePin::Local { reference, id: digest }
    } else {
        ImagePin::Registry { repository: reference.clone(), reference, digest }
    };
    let mut health = Health::with_defaults(Probe::Http { port: 8080, path: "/".to_owned() });
    health.interval = Millis::seconds(2);
    let spec = ServiceSpec {
        command: None,
        entrypoint: None,
        environment: BTreeMap::new(),
        ports: Vec::new(),
        mounts: Vec::new(),
        engine_healthcheck: None,
        health,
        restart: if options.contains(&"restart-no") { Restart::No } else { Restart::UnlessStopped },
        user: None,
        labels: BTreeMap::new(),
        stop_grace_period: Millis::seconds(10),
        order: if options.contains(&"stop-first") { Order::StopFirst } else { Order::StartFirst },
        constraints: Vec::new(),
    };
    Service { image, spec }
}

pub(crate) fn content(number: u64, text: &str) -> Content {
    let release = release(text);
    let manifest = release.encode();
    let services: BTreeSet<_> = release.services.into_keys().collect();
    Content { release: ReleaseNumber(number), digest: Digest::of(&manifest), manifest, services }
}

pub(crate) fn assignment(generation: u64, text: &str, phase: Phase) -> Assignment {
    Assignment {
        key: key(),
        version: Version { epoch: Epoch(1), generation: Generation(generation) },
        content: (!text.is_empty()).then(|| content(generation, text)),
        phase,
        terms: Terms {
            health_deadline: Millis::seconds(30),
            pull_deadline: Millis::seconds(60),
            orphan_after: Millis::seconds(90),
        },
    }
}
