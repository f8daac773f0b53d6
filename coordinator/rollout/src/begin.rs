//! The beginning of a rollout: which hosts it covers, and whether they can be moved so. Not here: in which wave each is (module `waves`), whether one may begin now (the coordinator asks its store),
//! the first order (that is `plan`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use evenkeel_model::{
    AppKey, HostId, Manifest, OperatorName, Order, Policy, ReleaseNumber, RolloutId, ServiceName, Share, Strategy,
    UnixMillis,
};

use crate::waves::divide;
use crate::{Duty, HostProgress, HostView, Kind, Rollout, State};

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
    /// None of the hosts that the policy wants in the first wave is there.
    #[error("none of the hosts of `first` is among those that the release goes to: {}", first.iter().map(HostId::as_str).collect::<Vec<_>>().join(", "))]
    NoFirst {
        /// These.
        first: Vec<HostId>,
    },
    /// The floor leaves no host to move.
    #[error("`min_healthy: {floor}` leaves none of the {hosts} hosts that may be unavailable for a moment: lower it")]
    NoBudget {
        /// The floor as written.
        floor: String,
        /// How many hosts it is of.
        hosts: usize,
    },
    /// The strategy has old and new run side by side, and they can't.
    #[error(
        "strategy {} runs old and new side by side, and service {service} is stop-first: its old container is stopped before the new one starts", strategy.as_str()
    )]
    CanNotStage {
        /// The service.
        service: ServiceName,
        /// The strategy.
        strategy: Strategy,
    },
}

/// Begins a rollout. It covers the hosts that the new release matches, and those that only the old one matches (it is removed from them at their wave).
/// Hosts that are cordoned or drained keep what they have.
pub fn begin(begin: Begin<'_>) -> Result<Rollout, BeginError> {
    let manifest = |release| begin.releases.get(&release).ok_or(BeginError::UnknownRelease { release });
    let to = manifest(begin.to)?;
    let from = begin.from.map(manifest).transpose()?;

    let is_free = |view: &&HostView| view.duty == Duty::Active;
    if !begin.hosts.iter().filter(is_free).any(|view| matches(to, &view.labels)) {
        return Err(no_host(&begin, to));
    }
    let is_covered =
        |view: &&HostView| matches(to, &view.labels) || from.is_some_and(|from| matches(from, &view.labels));
    let covered: Vec<&HostView> = begin.hosts.iter().filter(is_free).filter(is_covered).collect();
    let shares = begin.policy.shares();
    check(&begin, to, &covered, &shares)?;
    let division = divide(&begin.policy, &covered);
    let waiting = |(host, wave)| (host, HostProgress::waiting(wave, begin.now));

    Ok(Rollout {
        hosts: division.hosts.into_iter().map(waiting).collect(),
        waves: division.rules.len(),
        rules: division.rules,
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
        dropped: BTreeSet::new(),
        wave: 0,
        begun: false,
        moved: false,
        shares,
        step: 0,
        promoted: None,
        waits_at_gate: false,
        gates: Vec::new(),
        hold: None,
        frozen: false,
        freeze_override: None,
        acts: Vec::new(),
        healthy_since: None,
        progressed: begin.now,
        failure: None,
        abort: None,
    })
}

/// What the policy asks for and this fleet or release can't give.
fn check(begin: &Begin<'_>, to: &Manifest, covered: &[&HostView], shares: &[Share]) -> Result<(), BeginError> {
    let policy = &begin.policy;
    if !policy.first.is_empty() && !covered.iter().any(|view| policy.first.contains(&view.host)) {
        return Err(BeginError::NoFirst { first: policy.first.clone() });
    }
    if begin.from.is_some() && policy.budget(covered.len(), None) == 0 {
        let floor = policy.min_healthy.map(|count| count.to_string()).unwrap_or_default();
        return Err(BeginError::NoBudget { floor, hosts: covered.len() });
    }
    let can_not_wait = to.services.iter().find(|(_, service)| service.spec.order == Order::StopFirst);
    match can_not_wait.filter(|_| begin.from.is_some() && shares.iter().any(|share| share.is_partial())) {
        Some((service, _)) => Err(BeginError::CanNotStage { service: service.clone(), strategy: policy.strategy }),
        None => Ok(()),
    }
}

/// Whether at least one service of a release runs on hosts with these labels.
pub(crate) fn matches(manifest: &Manifest, labels: &BTreeMap<String, String>) -> bool {
    manifest
        .services
        .values()
        .any(|service| service.spec.constraints.iter().all(|constraint| constraint.matches(labels)))
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
