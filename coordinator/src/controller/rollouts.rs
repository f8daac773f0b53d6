//! What operators do with rollouts: deploy, roll back, abort. Each checks first and writes then, so that a refusal leaves nothing
//! behind. Not here: what the rollout does (crate `evenkeel-rollout`), and the first orders, which the plan of the same batch makes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::{
    AppKey, Count, Digest, Manifest, Millis, OperatorName, Policy, ReleaseNumber, RolloutId, Strategy, UnixMillis,
    Waves,
};
use evenkeel_rollout::{
    Abort, Begin, Deed, HostView, Input, Kind, Outcome, Preview, Rollout, Speaker, State as RolloutState, note,
};

use super::event::{AbortRollout, Deploy, Pick, PlannedDeploy, Rollback, Turn};
use super::refusal::RolloutError;
use super::state::State;
use crate::store::{Release, Write};

/// How many rollouts of an app are kept, the newest ones.
const ROLLOUTS_KEPT: usize = 100;

/// What a rollout is begun on.
pub(super) struct Ground<'a> {
    key: AppKey,
    hosts: Cow<'a, [HostView]>,
    manifests: BTreeMap<ReleaseNumber, Arc<Manifest>>,
    current: Option<ReleaseNumber>,
    pub(super) id: RolloutId,
}

/// A release that is to be made, or was found to be made already.
struct Made {
    number: ReleaseNumber,
    /// None: it is there already.
    new: Option<Release>,
}

impl Ground<'_> {
    pub(super) fn begin(
        &self,
        kind: Kind,
        to: ReleaseNumber,
        policy: Policy,
        by: OperatorName,
        now: UnixMillis,
    ) -> Begin<'_> {
        Begin {
            id: self.id,
            key: self.key.clone(),
            kind,
            from: self.current,
            to,
            policy,
            by,
            now,
            hosts: &self.hosts,
            releases: &self.manifests,
        }
    }
}

impl State {
    pub(super) fn deploy(&mut self, deploy: Deploy, now: UnixMillis) -> Result<RolloutId, RolloutError> {
        let key = deploy.manifest.key();
        self.may_begin(&key, &deploy, now)?;
        if deploy.fingerprint.is_some() && deploy.fingerprint != Some(self.preview(deploy.clone(), now)?.fingerprint) {
            return Err(RolloutError::Changed);
        }
        let made = self.make(&key, &deploy, now);
        let mut ground = self.ground(&key);
        ground.manifests.insert(made.number, Arc::new(deploy.manifest));
        let begin = ground.begin(Kind::Deploy, made.number, deploy.policy, deploy.by.clone(), now);
        let mut rollout = evenkeel_rollout::begin(begin)?;
        if let Some(why) = deploy.override_freeze {
            let speaker = Speaker { by: deploy.by.clone(), at: now, why: why.clone() };
            note(&mut rollout, speaker, Deed::OverrodeFreeze);
            rollout.freeze_override = Some(why);
        }
        if let Some(release) = made.new {
            self.write(Write::PutRelease(key.clone(), Arc::new(release)));
        }
        match deploy.turn {
            Turn::Queue if self.is_busy(&key) => {
                rollout.state = RolloutState::Queued;
                note(&mut rollout, Speaker { by: deploy.by, at: now, why: String::new() }, Deed::Queued);
            }
            Turn::Supersede => self.supersede_all(&key, &deploy.by, now)?,
            Turn::Queue | Turn::Alone => {}
        }
        Ok(self.begun(rollout))
    }

    /// Whether a rollout of the app goes on, or waits for its turn.
    fn is_busy(&self, key: &AppKey) -> bool {
        self.going_rollout(key).is_some() || self.apps.get(key).is_some_and(|app| !app.queued.is_empty())
    }

    fn may_begin(&self, key: &AppKey, deploy: &Deploy, now: UnixMillis) -> Result<(), RolloutError> {
        let first_queued = self.apps.get(key).and_then(|app| app.queued.first());
        let in_the_way = self.going_rollout(key).or_else(|| self.stored.rollouts.get(first_queued?));
        if let Some(going) = in_the_way.filter(|_| deploy.turn == Turn::Alone) {
            return Err(RolloutError::GoesOn { rollout: going.id, by: going.by.clone(), key: key.clone() });
        }
        match self.freeze_of(key, now).filter(|_| deploy.override_freeze.is_none()) {
            Some(freeze) => Err(RolloutError::Frozen { key: key.clone(), freeze: Box::new(freeze.clone()) }),
            None => Ok(()),
        }
    }

    pub(super) fn preview(&self, deploy: Deploy, now: UnixMillis) -> Result<PlannedDeploy, RolloutError> {
        let key = deploy.manifest.key();
        let made = self.make(&key, &deploy, now);
        let manifest = Arc::new(deploy.manifest);
        let mut ground = self.ground(&key);
        ground.manifests.insert(made.number, Arc::clone(&manifest));
        let default_policy = Policy::default();
        let input = Input {
            key: &key,
            now,
            hosts: &ground.hosts,
            releases: &ground.manifests,
            current: ground.current,
            current_policy: self.stored.current.get(&key).map_or(&default_policy, |current| &current.policy),
            rollout: self.newest_rollout(&key).map(AsRef::as_ref),
            frozen: None,
        };
        let begin = ground.begin(Kind::Deploy, made.number, deploy.policy, deploy.by, now);
        let preview = evenkeel_rollout::preview(&input, &begin)?;
        let (from, freeze) = (ground.current, self.freeze_of(&key, now).cloned());
        let fingerprint = fingerprint(&preview, &manifest, from);
        Ok(PlannedDeploy { key, manifest, from, to: made.number, preview, fingerprint, freeze })
    }

    pub(super) fn rollback(&mut self, rollback: Rollback, now: UnixMillis) -> Result<RolloutId, RolloutError> {
        let Rollback { key, to, now: at_once, by, why } = rollback;
        let to = self.rollback_target(&key, to)?;
        let before = self.policy_of(&key, to);
        let max_unavailable = if at_once { Some(Count::Percent(100)) } else { before.max_unavailable };
        let policy = Policy {
            strategy: Strategy::Rolling,
            waves: Waves::List(vec![Count::Percent(100).into()]),
            by: None,
            first: Vec::new(),
            max_unavailable,
            min_healthy: before.min_healthy.filter(|_| !at_once),
            bake: Millis(0),
            gates: Vec::new(),
            ..before
        };
        let ground = self.ground(&key);
        let mut rollout = evenkeel_rollout::begin(ground.begin(Kind::Rollback, to, policy, by.clone(), now))?;
        if !why.is_empty() {
            note(&mut rollout, Speaker { by: by.clone(), at: now, why }, Deed::RolledBack);
        }
        self.supersede_all(&key, &by, now)?;
        Ok(self.begun(rollout))
    }

    /// Ends what goes on and what waits for its turn: what begins now is all that counts.
    fn supersede_all(&mut self, key: &AppKey, by: &OperatorName, now: UnixMillis) -> Result<(), RolloutError> {
        let queued = self.apps.get(key).map(|app| app.queued.clone()).unwrap_or_default();
        let queued = queued.iter().filter_map(|id| self.stored.rollouts.get(id));
        let all: Vec<Arc<Rollout>> = self.going_rollout(key).into_iter().chain(queued).cloned().collect();
        for rollout in all {
            self.write(Write::PutRollout(Arc::new(superseded(&rollout, by.clone(), now)?)));
        }
        Ok(())
    }

    pub(super) fn abort(&mut self, abort: AbortRollout, now: UnixMillis) -> Result<RolloutId, RolloutError> {
        let mut rollout = self.pick_to_abort(&abort.rollout)?.clone();
        let word = Abort { by: abort.by.clone(), rollback: abort.rollback, superseded: false };
        evenkeel_rollout::abort(&mut rollout, word)?;
        let deed = if abort.rollback { Deed::AbortedAndTookBack } else { Deed::Aborted };
        note(&mut rollout, Speaker { by: abort.by, at: now, why: abort.why }, deed);
        // One that waited for its turn is over at once.
        rollout.ended = rollout.outcome().map(|_| now);
        let (id, key) = (rollout.id, rollout.key.clone());
        self.write(Write::PutRollout(Arc::new(rollout)));
        self.dirty.insert(key);
        Ok(id)
    }

    /// The rollout that is meant.
    pub(super) fn pick(&self, pick: &Pick) -> Result<&Arc<Rollout>, RolloutError> {
        match pick {
            Pick::Rollout(id) => self.stored.rollouts.get(id).ok_or(RolloutError::UnknownRollout(*id)),
            Pick::NewestOf(key) => self.newest_rollout(key).ok_or_else(|| RolloutError::UnknownApp(key.clone())),
            Pick::Newest => self.stored.rollouts.values().next_back().ok_or(RolloutError::None),
        }
    }

    pub(super) fn pick_to_abort(&self, pick: &Pick) -> Result<&Rollout, RolloutError> {
        match pick {
            Pick::NewestOf(key) => {
                let going = self.going_rollout(key).ok_or_else(|| RolloutError::NoneGoesOn(key.clone()))?;
                Ok(going.as_ref())
            }
            pick => self.pick(pick).map(AsRef::as_ref),
        }
    }

    /// The release with this content: found by its digest, or new under the next number.
    fn make(&self, key: &AppKey, deploy: &Deploy, now: UnixMillis) -> Made {
        let manifest = deploy.manifest.encode();
        let digest = Digest::of(&manifest);
        let releases = self.stored.releases.get(key);
        let same = releases.and_then(|releases| releases.values().find(|release| release.digest == digest));
        if let Some(release) = same {
            return Made { number: release.number, new: None };
        }
        let last = releases.and_then(|releases| releases.keys().next_back()).map_or(0, |last| last.0);
        let number = ReleaseNumber(last + 1);
        let by = deploy.by.clone();
        Made { number, new: Some(Release { number, digest, manifest, made: now, by }) }
    }

    pub(super) fn ground(&self, key: &AppKey) -> Ground<'_> {
        let app = self.apps.get(key);
        Ground {
            key: key.clone(),
            hosts: app
                .map_or_else(|| Cow::Owned(self.hosts_of(&key.environment)), |app| Cow::Borrowed(app.hosts.as_slice())),
            manifests: app.map(|app| app.manifests.clone()).unwrap_or_default(),
            current: self.stored.current.get(key).map(|current| current.release),
            id: RolloutId(self.stored.rollouts.keys().next_back().map_or(0, |last| last.0) + 1),
        }
    }

    fn begun(&mut self, rollout: Rollout) -> RolloutId {
        let (id, key) = (rollout.id, rollout.key.clone());
        tracing::info!(rollout = %id, app = %key, kind = ?rollout.kind, to = %rollout.to, "a rollout begins");
        self.write(Write::PutRollout(Arc::new(rollout)));
        let app_rollouts = self.apps.get(&key).map(|app| &app.rollouts).into_iter().flatten();
        let surplus: Vec<_> = app_rollouts.rev().skip(ROLLOUTS_KEPT).copied().collect();
        for old in surplus {
            self.write(Write::DeleteRollout(old));
        }
        self.dirty.insert(key);
        id
    }

    fn rollback_target(&self, key: &AppKey, asked: Option<ReleaseNumber>) -> Result<ReleaseNumber, RolloutError> {
        if !self.apps.contains_key(key) {
            return Err(RolloutError::UnknownApp(key.clone()));
        }
        let going = self.going_rollout(key);
        let current = self.stored.current.get(key).map(|current| current.release);
        let default = || match going {
            Some(going) => going.from,
            None => current.and_then(|current| self.release_before(key, current)),
        };
        let release = asked.or_else(default).ok_or(RolloutError::NothingBefore)?;
        let key = key.clone();
        if self.stored.release(&key, release).is_none() {
            return Err(RolloutError::UnknownRelease { key, release });
        }
        match going {
            Some(going) if going.kind == Kind::Rollback && asked.is_none() => {
                Err(RolloutError::RollbackGoesOn { rollout: going.id })
            }
            Some(going) if going.to == release => Err(RolloutError::MovingThere { key, release, rollout: going.id }),
            None if current == Some(release) => Err(RolloutError::AlreadyCurrent { key, release }),
            _ => Ok(release),
        }
    }

    /// What was current before the deploy that made `current` it. Rollbacks do not count, so that a second one goes further back
    /// instead of forward again.
    fn release_before(&self, key: &AppKey, current: ReleaseNumber) -> Option<ReleaseNumber> {
        let made_current = |rollout: &&Arc<Rollout>| {
            rollout.kind == Kind::Deploy
                && rollout.to == current
                && rollout.from != Some(current)
                && rollout.outcome() == Some(Outcome::Succeeded)
        };
        self.rollouts_of(key).find(made_current)?.from
    }

    /// How the release was last rolled out.
    fn policy_of(&self, key: &AppKey, release: ReleaseNumber) -> Policy {
        self.rollouts_of(key)
            .find(|rollout| rollout.to == release)
            .map(|rollout| rollout.policy.clone())
            .unwrap_or_default()
    }

    /// The newest first.
    fn rollouts_of(&self, key: &AppKey) -> impl Iterator<Item = &Arc<Rollout>> {
        let ids = self.apps.get(key).map(|app| &app.rollouts).into_iter().flatten();
        ids.rev().filter_map(|id| self.stored.rollouts.get(id))
    }
}

/// A rollout that another one takes over from: over at once, its hosts are the other one's now.
fn superseded(going: &Rollout, by: OperatorName, now: UnixMillis) -> Result<Rollout, RolloutError> {
    let mut rollout = going.clone();
    evenkeel_rollout::abort(&mut rollout, Abort { by: by.clone(), rollback: false, superseded: true })?;
    note(&mut rollout, Speaker { by, at: now, why: String::new() }, Deed::Superseded);
    rollout.state = RolloutState::Ended { outcome: Outcome::Superseded };
    rollout.ended = Some(now);
    Ok(rollout)
}

/// Of all that a plan shows. When it would begin does not count.
fn fingerprint(preview: &Preview, manifest: &Manifest, from: Option<ReleaseNumber>) -> Digest {
    let hosts: Vec<_> = preview.waves.iter().flat_map(|wave| &wave.hosts).collect();
    let waves: Vec<usize> = preview.waves.iter().map(|wave| wave.hosts.len()).collect();
    let policy = &preview.rollout.policy;
    let all = serde_json::to_vec(&(manifest.encode(), from, policy, preview.budget, waves, hosts));
    Digest::of(&all.expect("plain data has a JSON form"))
}
