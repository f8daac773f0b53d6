//! The coordinator's values as operators see them (`operator.proto`). Pure. Not here: what is collected for a view (`controller`),
//! and the parts that need no knowledge of rollouts (crate `evenkeel-proto`).

use evenkeel_model::{AppKey, HostId, Manifest, Phase, PrefetchState, UnixMillis};
use evenkeel_proto::v1;
use evenkeel_rollout::{
    Change, Contact, HostProgress, HostState, HostView, Kind, Outcome, PreviewHost, PreviewWave, Rollout, State,
};

use crate::controller::{PlannedDeploy, RolloutSnapshot};
use crate::store::Release;

mod change;
mod engine;
mod waiting;

pub use engine::{freeze, relieved};
pub use waiting::waiting;

/// A rollout with its hosts.
pub fn rollout(snapshot: &RolloutSnapshot, now: UnixMillis) -> v1::RolloutView {
    let why = |host: &HostId| snapshot.whys.get(host).cloned().unwrap_or_default();
    let hosts = snapshot.rollout.hosts.iter().map(|(host, progress)| {
        let ahead = snapshot.prefetch.get(host);
        v1::RolloutHostView {
            prefetch: ahead.map_or("", PrefetchState::as_str).to_owned(),
            prefetch_failure: ahead.and_then(PrefetchState::failure).map(Into::into),
            ..rollout_host(host, progress, why(host))
        }
    });
    v1::RolloutView {
        hosts: hosts.collect(),
        prefetch: prefetch(snapshot),
        ..rollout_without_hosts(&snapshot.rollout, &snapshot.waiting, now)
    }
}

/// A rollout in a list of them.
pub fn rollout_without_hosts(
    rollout: &Rollout,
    waiting_on: &[evenkeel_rollout::WaitingOn],
    now: UnixMillis,
) -> v1::RolloutView {
    v1::RolloutView {
        rollout: rollout.id.0,
        environment: rollout.key.environment.to_string(),
        app: rollout.key.app.to_string(),
        kind: kind(rollout.kind).to_owned(),
        from: rollout.from.map(|release| release.0),
        to: rollout.to.0,
        by: rollout.by.to_string(),
        began: rollout.began.0,
        ended: rollout.ended.map(|at| at.0),
        state: state(rollout.state).to_owned(),
        outcome: rollout.outcome().map_or("", outcome).to_owned(),
        wave: count(rollout.wave),
        waves: count(rollout.waves),
        hosts: Vec::new(),
        waiting: waiting_on.iter().map(|reason| waiting(reason, now)).collect(),
        failure: rollout.failure.as_ref().map(Into::into),
        policy: Some((&rollout.policy).into()),
        prefetch: None,
        share: rollout.share().percent(),
        gates: engine::gates(rollout),
        acts: rollout.acts.iter().map(engine::act).collect(),
        freeze_override: rollout.freeze_override.clone().unwrap_or_default(),
    }
}

/// How many hosts fetch ahead. None: none does.
fn prefetch(snapshot: &RolloutSnapshot) -> Option<v1::PrefetchView> {
    let states = || snapshot.prefetch.values();
    (!snapshot.prefetch.is_empty()).then(|| v1::PrefetchView {
        hosts: count(states().count()),
        present: count(states().filter(|state| **state == PrefetchState::Present).count()),
        failing: count(states().filter(|state| state.failure().is_some()).count()),
    })
}

fn rollout_host(host: &HostId, progress: &HostProgress, why: String) -> v1::RolloutHostView {
    v1::RolloutHostView {
        host: host.to_string(),
        wave: count(progress.wave),
        state: host_state(progress.state).to_owned(),
        generation: progress.generation.map(|generation| generation.0),
        since: progress.since.0,
        failure: progress.failure.as_ref().map(Into::into),
        obstacle: progress.obstacle.as_ref().map(Into::into),
        why,
        prefetch: String::new(),
        prefetch_failure: None,
    }
}

/// An app on a host. None: it has nothing to do with it.
pub fn host_app(key: &AppKey, host: &HostView) -> Option<v1::HostAppView> {
    if host.ordered.is_none() && host.report.is_none() {
        return None;
    }
    let (ordered, report) = (host.ordered.as_ref(), host.report.as_ref());
    let is_live = host.contact == Contact::Live;
    Some(v1::HostAppView {
        environment: key.environment.to_string(),
        app: key.app.to_string(),
        ordered_release: ordered.and_then(|ordered| ordered.release).map(|release| release.0),
        generation: ordered.map_or(0, |ordered| ordered.version.generation.0),
        ordered_phase: ordered.map_or("", |ordered| phase(ordered.phase)).to_owned(),
        stage: report.map_or("", |report| report.stage.as_str()).to_owned(),
        healthy: is_live && report.is_some_and(|report| report.healthy),
        base_release: report.and_then(|report| report.base).map(|release| release.0),
        failure: report.and_then(|report| report.failure.as_ref()).map(Into::into),
        services: report.into_iter().flat_map(|report| &report.services).map(Into::into).collect(),
        why: why(host),
    })
}

/// A refusal outranks what the agent says it does: nothing happens because of it.
fn why(host: &HostView) -> String {
    match (&host.refused, &host.report) {
        (Some(refused), _) => format!("refuses the order: {}", refused.refusal),
        (None, Some(report)) => report.why.clone(),
        (None, None) => String::new(),
    }
}

/// A host of an app. None: it has nothing to do with it.
pub fn app_host(key: &AppKey, host: &HostView) -> Option<v1::AppHostView> {
    let app = host_app(key, host)?;
    let contact = contact(host.contact, host.conflict).to_owned();
    Some(v1::AppHostView { host: host.host.to_string(), contact, app: Some(app) })
}

/// A release.
pub fn release(key: &AppKey, release: &Release, manifest: &Manifest, current: bool) -> v1::ReleaseView {
    v1::ReleaseView {
        environment: key.environment.to_string(),
        app: key.app.to_string(),
        release: release.number.0,
        digest: release.digest.to_string(),
        made: release.made.0,
        by: release.by.to_string(),
        images: images(manifest),
        current,
    }
}

/// What a deploy would do. `notes` come with the specification.
pub fn plan(planned: &PlannedDeploy, mut notes: Vec<String>) -> v1::PlanResponse {
    let preview = &planned.preview;
    if let Some(going) = preview.going {
        notes.push(format!(
            "rollout {going} of this app goes on: a deploy is refused until it has ended, but for `--queue` and `--supersede`"
        ));
    }
    v1::PlanResponse {
        environment: planned.key.environment.to_string(),
        app: planned.key.app.to_string(),
        from: planned.from.map(|release| release.0),
        to: planned.to.0,
        images: images(&planned.manifest),
        waves: preview.waves.iter().map(plan_wave).collect(),
        budget: u64::try_from(preview.budget).unwrap_or(u64::MAX),
        policy: Some((&preview.rollout.policy).into()),
        notes,
        prefetch_hosts: u64::try_from(preview.prefetch).unwrap_or(u64::MAX),
        fingerprint: planned.fingerprint.to_string(),
        going: preview.going.map(|going| going.0),
        freeze: planned.freeze.as_ref().map(engine::freeze),
        shortest_ms: preview.shortest.0,
    }
}

fn plan_wave(wave: &PreviewWave) -> v1::PlanWaveView {
    v1::PlanWaveView {
        hosts: wave.hosts.iter().map(plan_host).collect(),
        bake_ms: wave.bake.0,
        gates: wave.gates.clone(),
    }
}

fn plan_host(host: &PreviewHost) -> v1::PlanHostView {
    let is = |change: fn(&Change) -> bool| !host.services.is_empty() && host.services.values().all(change);
    let change = if is(|change| *change == Change::Unchanged) || host.services.is_empty() {
        "unchanged"
    } else if is(|change| *change == Change::New) {
        "new"
    } else if is(|change| *change == Change::Remove) {
        "remove"
    } else {
        "replace"
    };
    let details = host.services.iter().map(|(service, change)| format!("{service}: {}", change::words(change)));
    v1::PlanHostView {
        host: host.host.to_string(),
        change: change.to_owned(),
        contact: if host.live { "live" } else { "silent" }.to_owned(),
        details: details.collect(),
        differences: host.differences.clone(),
    }
}

fn images(manifest: &Manifest) -> Vec<v1::ImageView> {
    manifest.services.iter().map(|(name, service)| (name, &service.image).into()).collect()
}

/// `live`, `silent` or `conflict`.
pub fn contact(contact: Contact, is_in_conflict: bool) -> &'static str {
    match contact {
        Contact::Live if is_in_conflict => "conflict",
        Contact::Live => "live",
        Contact::Silent { .. } => "silent",
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Deploy => "deploy",
        Kind::Rollback => "rollback",
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Queued => "queued",
        State::Advancing => "advancing",
        State::Paused => "paused",
        State::RollingBack => "rolling_back",
        State::Withdrawing => "withdrawing",
        State::Ended { .. } => "ended",
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::RolledBack => "rolled_back",
        Outcome::Halted => "halted",
        Outcome::Aborted => "aborted",
        Outcome::Superseded => "superseded",
    }
}

fn host_state(state: HostState) -> &'static str {
    match state {
        HostState::Waiting => "waiting",
        HostState::Ordered => "ordered",
        HostState::Healthy => "healthy",
        HostState::Committing => "committing",
        HostState::Committed => "committed",
        HostState::Failed => "failed",
        HostState::Returning => "returning",
        HostState::Returned => "returned",
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Trial => "trial",
        Phase::Committed => "committed",
        Phase::Withdrawn => "withdrawn",
    }
}

/// The wire counts waves in 32 bits.
fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
