//! The imagined fleet before the rollout: its hosts with names and zones, its two releases, and what the coordinator knows. Not here: what befalls
//! its hosts (module `fate`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_model::{
    AppKey, Digest, EnvironmentName, Generation, Health, HostId, ImagePin, Manifest, Millis, Order as ServiceOrder,
    Phase, Policy, Probe, ReleaseNumber, Restart, Service, ServiceName, ServiceReport, ServiceSpec, Share, Traffic,
    UnixMillis,
};
use evenkeel_rollout::{Contact, Duty, HostView, Ordered};

use crate::Settings;
use crate::agent::{Agent, version};
use crate::fate::Fate;
use crate::host::Host;

/// The release that serves before the rollout.
pub(crate) const OLD: ReleaseNumber = ReleaseNumber(1);
/// The release that is rolled out.
pub(crate) const NEW: ReleaseNumber = ReleaseNumber(2);

/// A name that is written here.
pub(crate) fn name<N: std::str::FromStr>(text: &str) -> N
where
    N::Err: std::fmt::Debug,
{
    text.parse().expect("what is written here is a name")
}

/// App and environment.
pub(crate) fn key() -> AppKey {
    AppKey { environment: EnvironmentName::default(), app: name("imagined") }
}

/// The hosts' names: those that the policy wants first, then numbered ones that sort as they are counted.
pub(crate) fn names(settings: &Settings, policy: &Policy) -> Vec<HostId> {
    let mut seen = BTreeSet::new();
    let width = settings.hosts.to_string().len();
    let numbered = (1..).map(|number| name::<HostId>(&format!("host-{number:0width$}")));
    let all = policy.first.iter().cloned().chain(numbered);
    all.filter(|host| seen.insert(host.clone())).take(settings.hosts).collect()
}

/// The hosts in the order of their names: what is known of each, and the host itself.
pub(crate) fn hosts(settings: &Settings, policy: &Policy, services: &Services) -> Vec<(HostView, Host)> {
    let zones = settings.zones.of_hosts(settings.hosts);
    let base = (!settings.first_deploy).then_some(OLD);
    let mut hosts: Vec<(HostView, Host)> = names(settings, policy)
        .into_iter()
        .zip(zones)
        .enumerate()
        .map(|(number, (id, zone))| {
            let host = Host::new(Fate::draw(settings, number), Agent::with(base));
            let labels = zone.map(|zone| (settings.label.clone(), zone.to_owned()));
            (view(id, labels.into_iter().collect(), &host, base, settings.starts, services), host)
        })
        .collect();
    hosts.sort_by(|(one, _), (other, _)| one.host.cmp(&other.host));
    hosts
}

fn view(
    host: HostId,
    labels: BTreeMap<String, String>,
    there: &Host,
    base: Option<ReleaseNumber>,
    now: UnixMillis,
    services: &Services,
) -> HostView {
    let ordered = base.map(|_| Ordered {
        version: version(Generation(1)),
        release: base,
        phase: Phase::Committed,
        share: Share::ALL,
    });
    let contact = if there.fate.silent { Contact::Silent { since: now } } else { Contact::Live };
    let report = there.report(services);
    HostView {
        host,
        labels,
        duty: Duty::Active,
        contact,
        conflict: false,
        ordered,
        report,
        refused: None,
        prefetch: None,
    }
}

/// The releases: one service that every host runs.
pub(crate) fn releases() -> BTreeMap<ReleaseNumber, Arc<Manifest>> {
    let manifest = |number: ReleaseNumber| Manifest {
        format: evenkeel_model::manifest::FORMAT,
        environment: EnvironmentName::default(),
        app: key().app,
        services: [(service_name(), Service { image: image(number), spec: spec() })].into(),
        secrets: BTreeMap::new(),
        if_orphaned: evenkeel_model::manifest::IfOrphaned::Keep,
        keep: evenkeel_model::manifest::DEFAULT_KEEP,
    };
    [OLD, NEW].into_iter().map(|number| (number, Arc::new(manifest(number)))).collect()
}

fn service_name() -> ServiceName {
    name("app")
}

fn image(number: ReleaseNumber) -> ImagePin {
    ImagePin::Local { reference: format!("imagined:{number}"), id: Digest::of(&number.0.to_be_bytes()) }
}

fn spec() -> ServiceSpec {
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
        traffic: Traffic::default(),
        constraints: Vec::new(),
    }
}

/// What hosts say of what runs there. Made once: each is said ten thousand times.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) key: AppKey,
    of: BTreeMap<ReleaseNumber, ServiceReport>,
}

impl Services {
    /// Of both releases.
    pub(crate) fn new() -> Self {
        let report = |release: ReleaseNumber| {
            let pin = image(release).digest().clone();
            let image_id = pin.to_string();
            (release, ServiceReport { release, pin, image_id, running: true, healthy: true, restarts: 0 })
        };
        Self { key: key(), of: [OLD, NEW].into_iter().map(report).collect() }
    }

    /// What runs where this release serves; nothing where none does.
    pub(crate) fn of(&self, release: Option<ReleaseNumber>, healthy: bool) -> BTreeMap<ServiceName, ServiceReport> {
        let report = release.and_then(|release| self.of.get(&release));
        report.map(|report| (service_name(), ServiceReport { healthy, ..report.clone() })).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(hosts: usize) -> Settings {
        Settings { hosts, zones: "2".parse().unwrap(), ..Settings::default() }
    }

    #[test]
    fn hosts_sort_as_they_are_counted_and_have_their_zones() {
        let fleet = hosts(&settings(12), &Policy::default(), &Services::new());
        let names: Vec<&str> = fleet.iter().map(|(view, _)| view.host.as_str()).collect();
        assert_eq!((names[0], names[11], names.is_sorted()), ("host-01", "host-12", true));
        let zones: Vec<&str> = fleet.iter().map(|(view, _)| view.labels["zone"].as_str()).collect();
        assert_eq!(zones[..4], ["z1", "z2", "z1", "z2"]);
        assert!(fleet.iter().all(|(view, _)| view.report.as_ref().unwrap().release == Some(OLD)));
    }

    #[test]
    fn the_hosts_that_are_wanted_first_are_among_them() {
        let first = ["web", "host-2", "web"].map(name::<HostId>).to_vec();
        let policy = Policy { first, ..Policy::default() };
        let names: Vec<String> = names(&settings(4), &policy).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["web", "host-2", "host-1", "host-3"]);
    }

    #[test]
    fn before_a_first_deploy_nothing_is_there() {
        let fleet = hosts(&Settings { first_deploy: true, ..settings(3) }, &Policy::default(), &Services::new());
        assert!(fleet.iter().all(|(view, _)| view.report.is_none() && view.ordered.is_none()));
    }
}
