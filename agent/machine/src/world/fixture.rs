//! Releases and assignments for tests, written as short texts: `web:good-2:routed worker:good-1:stop-first keep=2`. An image's name says how
//! it behaves. `share=25` and
//! `blue=60`, in seconds, are not the release's but the assignment's. `routed` has port 80 by the proxy (`routed=81`: that one), `direct` the same by the engine, `lb` a delay for load balancers.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_model::manifest::{FORMAT, IfOrphaned};
use evenkeel_model::{
    AppKey, Assignment, Content, Digest, Epoch, Generation, Health, HttpRoute, ImagePin, KeepOld, Manifest, Millis,
    Order, Phase, Port, Probe, Protocol, ReleaseNumber, Restart, Service, ServiceSpec, Share, Terms, Version, Via,
};

/// The release of this text. Its number is that of the generation, except in tests that say otherwise.
pub(crate) fn release(text: &str) -> Manifest {
    let services = text.split_whitespace().filter(|word| word.contains(':')).map(|word| {
        let mut parts = word.split(':');
        let (name, image) = (parts.next().unwrap(), parts.next().unwrap());
        let options: Vec<&str> = parts.collect();
        (name.parse().unwrap(), service(image, &options))
    });
    let keep = word(text, "keep");
    let orphans_revert = text.split_whitespace().any(|word| word == "orphans-revert");
    Manifest {
        format: FORMAT,
        environment: key().environment,
        app: key().app,
        services: services.collect(),
        secrets: BTreeMap::new(),
        if_orphaned: if orphans_revert { IfOrphaned::Revert } else { IfOrphaned::Keep },
        keep: keep.map_or(evenkeel_model::manifest::DEFAULT_KEEP, |keep| keep.parse().unwrap()),
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
    let mut health = Health::with_defaults(Probe::Http(evenkeel_model::HttpProbe::get(8080, "/")));
    health.interval = Millis::seconds(2);
    health.start_interval = options.contains(&"hurried").then_some(Millis(500));
    let stop_first = options.iter().any(|option| *option == "stop-first" || option.starts_with("direct"));
    let mut traffic = evenkeel_model::Traffic::default();
    if options.contains(&"lb") {
        traffic.lb_delay = Millis::seconds(5);
    }
    let keep_old = options.iter().find_map(|option| match *option {
        "keep-running" => Some(KeepOld::Running),
        "keep-stopped" => Some(KeepOld::Stopped),
        _ => None,
    });
    let spec = ServiceSpec {
        command: None,
        entrypoint: None,
        // What keeps two from running side by side is in what a container is made from, such as a volume.
        environment: stop_first.then(|| ("ALONE".to_owned(), "yes".to_owned())).into_iter().collect(),
        ports: options.iter().filter_map(|option| port(option)).collect(),
        mounts: Vec::new(),
        engine_healthcheck: None,
        health,
        restart: if options.contains(&"restart-no") { Restart::No } else { Restart::UnlessStopped },
        user: None,
        labels: BTreeMap::new(),
        stop_grace_period: Millis::seconds(10),
        stop_signal: None,
        order: if stop_first { Order::StopFirst } else { Order::StartFirst },
        keep_old,
        traffic,
        constraints: Vec::new(),
    };
    Service { image, spec }
}

fn port(option: &str) -> Option<Port> {
    let (kind, published) = option.split_once('=').unwrap_or((option, "80"));
    let via = match kind {
        "routed" => Via::Http(HttpRoute::default()),
        "direct" => Via::Engine,
        _ => return None,
    };
    let published = published.parse().unwrap();
    Some(Port { address: None, published, target: 8080, protocol: Protocol::Tcp, via })
}

pub(crate) fn content(number: u64, text: &str) -> Content {
    let release = release(text);
    let manifest = release.encode();
    let services: BTreeSet<_> = release.services.into_keys().collect();
    Content { release: ReleaseNumber(number), digest: Digest::of(&manifest), manifest, services }
}

/// `VALUE` of the word `NAME=VALUE`.
fn word<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn share(percent: &str) -> Share {
    Share::try_from(percent.parse::<u32>().unwrap()).unwrap()
}

pub(crate) fn assignment(generation: u64, text: &str, phase: Phase) -> Assignment {
    Assignment {
        key: key(),
        version: Version { epoch: Epoch(1), generation: Generation(generation) },
        content: text.contains(':').then(|| content(generation, text)),
        phase,
        share: word(text, "share").map_or(Share::ALL, share),
        terms: Terms {
            health_deadline: Millis::seconds(30),
            pull_deadline: Millis::seconds(60),
            orphan_after: Millis::seconds(90),
            keep_blue: Millis::seconds(word(text, "blue").map_or(0, |seconds| seconds.parse().unwrap())),
        },
    }
}
