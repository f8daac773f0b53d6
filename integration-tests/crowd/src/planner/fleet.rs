//! A fleet that the planner is asked about: every host serves release 1, and does at once what it is ordered. Not here: the asking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use evenkeel::store::{Current, Fleet as StoredFleet, Host, Order as StoredOrder, Release, Write};
use evenkeel_compose::Input;
use evenkeel_model::manifest::FORMAT;
use evenkeel_model::{
    AppKey, AppReport, Digest, EnvironmentName, Epoch, Generation, HostId, ImagePin, Manifest, Phase, Policy,
    ReleaseNumber, Service, ServiceName, ServiceReport, Share, Stage, UnixMillis, Version,
};
use evenkeel_rollout::{Contact, Duty, HostView, Order, Ordered};

use super::{BEGINNING, Releases, terms};

/// The only reign.
pub(super) const EPOCH: Epoch = Epoch(1);

/// The app, as an operator writes it.
const COMPOSE: &str = "\
name: shop
services:
  web:
    image: registry.example/shop:latest
    environment: { MODE: production, GREETING: hello }
    healthcheck: { test: [CMD, /app, --check], interval: 2s }
";

/// The fleet.
pub(super) struct Fleet {
    pub(super) key: AppKey,
    pub(super) now: UnixMillis,
    /// In the order of their ids.
    pub(super) hosts: Vec<HostView>,
    pub(super) releases: Releases,
    /// What each host runs.
    pub(super) services: BTreeSet<ServiceName>,
}

/// The app's release with this number.
pub(crate) fn manifest(number: u64) -> Result<Manifest> {
    let input = Input { text: COMPOSE, file_name: "compose.yaml", variables: &BTreeMap::new(), project: None };
    let read = evenkeel_compose::read(&input).map_err(|problems| anyhow!("{problems}"))?;
    let services = read.services.into_iter().map(|(name, draft)| {
        let digest = Digest::of(format!("image {number}").as_bytes());
        let repository = "registry.example/shop".to_owned();
        let image = ImagePin::Registry { reference: draft.image, repository, digest };
        (name, Service { image, spec: draft.spec })
    });
    Ok(Manifest {
        format: FORMAT,
        environment: EnvironmentName::default(),
        app: read.app,
        services: services.collect(),
        secrets: BTreeMap::new(),
        if_orphaned: read.if_orphaned,
        keep: read.keep,
    })
}

impl Fleet {
    pub(super) fn new(hosts: usize) -> Result<Self> {
        let releases: Releases = [1, 2]
            .into_iter()
            .map(|number| Ok((ReleaseNumber(number), Arc::new(manifest(number)?))))
            .collect::<Result<_>>()?;
        let first = releases.values().next().context("there are two")?;
        let (key, services) = (first.key(), first.services.keys().cloned().collect());
        let hosts = (0..hosts).map(|number| Ok(silent(format!("host-{number:06}").parse()?)));
        let mut fleet = Self { key, now: BEGINNING, hosts: hosts.collect::<Result<_>>()?, releases, services };
        let before = Order {
            generation: Generation(1),
            release: Some(ReleaseNumber(1)),
            phase: Phase::Committed,
            share: Share::ALL,
        };
        for index in 0..fleet.hosts.len() {
            fleet.take(index, before);
        }
        Ok(fleet)
    }

    /// What a store has of it before the rollout.
    pub(super) fn stored(&self) -> Result<Vec<Write>> {
        let mut writes = vec![Write::PutFleet(StoredFleet {
            name: "scale".parse()?,
            epoch: EPOCH,
            authority_certificate: String::new(),
            authority_key: String::new(),
        })];
        for (number, manifest) in &self.releases {
            let manifest = manifest.encode();
            let (digest, by) = (Digest::of(&manifest), "bench".parse()?);
            let release = Release { number: *number, digest, manifest, made: BEGINNING, by };
            writes.push(Write::PutRelease(self.key.clone(), Arc::new(release)));
        }
        let policy = Policy::default();
        for view in &self.hosts {
            writes.push(Write::PutHost(Arc::new(Host {
                host: view.host.clone(),
                environment: self.key.environment.clone(),
                labels: view.labels.clone(),
                joined: BEGINNING,
                first_expires: BEGINNING,
                certificate_expires: BEGINNING,
                relieved: None,
            })));
        }
        for view in &self.hosts {
            let Some(ordered) = view.ordered else { continue };
            let order = StoredOrder {
                version: ordered.version,
                release: ordered.release,
                phase: ordered.phase,
                share: ordered.share,
                services: self.services.clone(),
                terms: terms(&policy),
            };
            writes.push(Write::PutOrder(view.host.clone(), self.key.clone(), Arc::new(order)));
        }
        writes.push(Write::PutCurrent(self.key.clone(), Current { release: ReleaseNumber(1), policy }));
        Ok(writes)
    }

    /// Every host that is ordered something does it, and says so.
    pub(super) fn obey(&mut self, orders: &[(HostId, Order)]) {
        for (host, order) in orders {
            if let Ok(index) = self.hosts.binary_search_by(|view| view.host.cmp(host)) {
                self.take(index, *order);
            }
        }
    }

    fn take(&mut self, index: usize, order: Order) {
        let version = Version { epoch: EPOCH, generation: order.generation };
        let services = order.release.and_then(|release| Some(running(self.releases.get(&release)?, release)));
        let view = &mut self.hosts[index];
        let before = view.report.take().and_then(|report| report.base);
        let (stage, base) = match order.phase {
            Phase::Trial => (Stage::Trial, before),
            Phase::Committed => (Stage::Committed, order.release),
            Phase::Withdrawn => (Stage::Reverted, before),
        };
        view.contact = Contact::Live;
        view.ordered = Some(Ordered { version, release: order.release, phase: order.phase, share: order.share });
        view.report = Some(AppReport {
            key: self.key.clone(),
            version,
            release: order.release,
            stage,
            base,
            healthy: true,
            failure: None,
            services: services.unwrap_or_default(),
            why: "all services are healthy".to_owned(),
            share: order.share,
        });
    }
}

fn running(manifest: &Manifest, release: ReleaseNumber) -> BTreeMap<ServiceName, ServiceReport> {
    let report = |service: &Service| {
        let pin = service.image.digest().clone();
        ServiceReport { release, image_id: pin.to_string(), pin, running: true, healthy: true, restarts: 0 }
    };
    manifest.services.iter().map(|(name, service)| (name.clone(), report(service))).collect()
}

fn silent(host: HostId) -> HostView {
    HostView {
        host,
        labels: [("role".to_owned(), "web".to_owned())].into(),
        duty: Duty::Active,
        contact: Contact::Silent { since: BEGINNING },
        conflict: false,
        ordered: None,
        report: None,
        refused: None,
        prefetch: None,
    }
}
