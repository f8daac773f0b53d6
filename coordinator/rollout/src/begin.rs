//! The beginning of a rollout: which hosts it covers, and in which wave each is. Not here: whether one may begin now (the coordinator asks its store),
//! the first order (that is `plan`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use evenkeel_model::{AppKey, HostId, Manifest, OperatorName, Policy, ReleaseNumber, RolloutId, UnixMillis};

use crate::{Contact, HostProgress, HostState, HostView, Kind, Rollout, State};

/// What a rollout is begun from.
#[derive(Debug, Clone)]
pub struct Begin<'a> {
    /// Its number.
    pub id: RolloutId,
    /// App and environment.
    pub key: AppKey,
    /// Why.
    pub kind: Kind,
    /// The current release; none: a first deploy.
    pub from: Option<ReleaseNumber>,
    /// The release to move hosts to.
    pub to: ReleaseNumber,
    /// How.
    pub policy: Policy,
    /// Who begins it.
    pub by: OperatorName,
    /// When.
    pub now: UnixMillis,
    /// The hosts of the environment, in the order of their ids.
    pub hosts: &'a [HostView],
    /// The releases of this app that are kept; `from` and `to` among them.
    pub releases: &'a BTreeMap<ReleaseNumber, Arc<Manifest>>,
}

/// Why a rollout can't be begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// There is no such release (any more).
    #[error("release {release} is not kept")]
    UnknownRelease {
        /// Which.
        release: ReleaseNumber,
    },
    /// No service of the release has a host.
    #[error(
        "no host of environment {environment} matches release {release}: {services} ({} there)",
        hosts_in_words(*hosts)
    )]
    NoHost {
        /// The release.
        release: ReleaseNumber,
        /// The environment.
        environment: String,
        /// What each service asks of a host.
        services: String,
        /// How many hosts there are.
        hosts: usize,
    },
}

/// Begins a rollout. It covers the hosts that the new release matches, and those that only the old one matches (it is removed from them at their wave).
/// Hosts are put into waves in the order of their ids, live ones first: a first wave that nobody hears proves nothing.
pub fn begin(begin: Begin<'_>) -> Result<Rollout, BeginError> {
    let manifest = |release| begin.releases.get(&release).ok_or(BeginError::UnknownRelease { release });
    let to = manifest(begin.to)?;
    let from = begin.from.map(manifest).transpose()?;

    if !begin.hosts.iter().any(|view| matches(to, &view.labels)) {
        return Err(no_host(&begin, to));
    }
    let is_covered =
        |view: &&HostView| matches(to, &view.labels) || from.is_some_and(|from| matches(from, &view.labels));
    let covered: Vec<&HostView> = begin.hosts.iter().filter(is_covered).collect();
    let ends = begin.policy.wave_ends(covered.len());
    let hosts = in_waves(&covered, &ends, begin.now);

    Ok(Rollout {
        id: begin.id,
        key: begin.key,
        kind: begin.kind,
        from: begin.from,
        to: begin.to,
        policy: begin.policy,
        by: begin.by,
        began: begin.now,
        ended: None,
        state: State::Advancing,
        hosts,
        dropped: BTreeSet::new(),
        waves: ends.len(),
        wave: 0,
        healthy_since: None,
        progressed: begin.now,
        failure: None,
        abort: None,
    })
}

/// Whether at least one service of a release runs on hosts with these labels.
pub(crate) fn matches(manifest: &Manifest, labels: &BTreeMap<String, String>) -> bool {
    manifest
        .services
        .values()
        .any(|service| service.spec.constraints.iter().all(|constraint| constraint.matches(labels)))
}

fn in_waves(covered: &[&HostView], ends: &[usize], now: UnixMillis) -> BTreeMap<HostId, HostProgress> {
    let is_live = |view: &&&HostView| view.contact == Contact::Live && !view.conflict;
    let live_first = covered.iter().filter(is_live).chain(covered.iter().filter(|view| !is_live(view)));
    let mut wave = 0;
    let mut hosts = BTreeMap::new();
    for (position, view) in live_first.enumerate() {
        while ends.get(wave).is_some_and(|end| position >= *end) {
            wave += 1;
        }
        let progress = HostProgress {
            wave,
            state: HostState::Waiting,
            generation: None,
            since: now,
            failure: None,
            obstacle: None,
            proven: false,
        };
        hosts.insert(view.host.clone(), progress);
    }
    hosts
}

fn no_host(begin: &Begin<'_>, manifest: &Manifest) -> BeginError {
    let mut services = String::new();
    for (name, service) in &manifest.services {
        let separator = if services.is_empty() { "" } else { "; " };
        let constraints: Vec<String> = service.spec.constraints.iter().map(ToString::to_string).collect();
        let asked = if constraints.is_empty() { "any host".to_owned() } else { constraints.join(" and ") };
        write!(services, "{separator}service {name} asks for {asked}").expect("writing to a string does not fail");
    }
    BeginError::NoHost {
        release: begin.to,
        environment: begin.key.environment.to_string(),
        services,
        hosts: begin.hosts.len(),
    }
}

fn hosts_in_words(hosts: usize) -> String {
    match hosts {
        0 => "no host is".to_owned(),
        1 => "1 host is".to_owned(),
        more => format!("{more} hosts are"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, manifest};

    fn waves(rollout: &Rollout) -> Vec<(&str, usize)> {
        rollout.hosts.iter().map(|(host, progress)| (host.as_str(), progress.wave)).collect()
    }

    #[test]
    fn waves_take_hosts_by_id_and_live_ones_first() {
        let mut fixture = Fixture::running(4);
        fixture.silence("h1");
        fixture.deploy(2);
        let rollout = fixture.rollout.as_ref().unwrap();
        assert_eq!(waves(rollout), [("h1", 2), ("h2", 0), ("h3", 1), ("h4", 2)]);
        assert_eq!((rollout.waves, rollout.total()), (3, 4));
    }

    #[test]
    fn a_host_that_only_the_old_release_matches_is_covered() {
        let mut fixture = Fixture::running(3);
        fixture.label("h2", "role", "web");
        fixture.releases.insert(ReleaseNumber(2), manifest(2, &[("app", &[("role", "web")])]));
        fixture.deploy(2);
        assert_eq!(fixture.rollout.as_ref().unwrap().hosts.len(), 3);
    }

    #[test]
    fn no_matching_host_is_an_error_that_names_what_is_asked_for() {
        let mut fixture = Fixture::running(3);
        fixture
            .releases
            .insert(ReleaseNumber(2), manifest(2, &[("app", &[("role", "web")]), ("db", &[("role", "db")])]));
        let error = begin(fixture.begin(2)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no host of environment default matches release 2: service app asks for node.labels.role == web; \
             service db asks for node.labels.role == db (3 hosts are there)"
        );
    }

    #[test]
    fn a_release_that_is_not_kept_is_an_error() {
        let fixture = Fixture::running(1);
        let unknown = Begin { to: ReleaseNumber(9), ..fixture.begin(2) };
        assert_eq!(begin(unknown), Err(BeginError::UnknownRelease { release: ReleaseNumber(9) }));
    }
}
