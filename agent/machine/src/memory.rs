//! What the agent remembers between two decisions, in memory alone: answers of probes, attempts, when deadlines began. All of it may be lost
//! at any moment (a restart of the agent): then deadlines and probes begin afresh. Not here: judging what is remembered (`health`, `forward`).

mod attempts;
mod seen;
mod sight;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_model::{Content, Digest, Evidence, Monotonic, Share, Stage, Version};

use self::attempts::Attempts;
use self::sight::Routing;
use crate::ledger::Ledger;
use crate::release::{Goal, Reading, Target, Wanted};
use crate::report::stage_of;
use crate::{Action, Container, Engine, Observed, Outcome, Place, Proxy};

pub(crate) use self::attempts::{Attempt, LONGEST_BACKOFF};
pub(crate) use self::seen::{Rule, Seen};
pub(crate) use self::sight::Sight;

/// What is remembered of one key. The default, remembering nothing, is always right to begin with.
///
/// The driver calls [`Memory::observe`] before each decision and [`Memory::record`] after each action.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    deciding_since: Option<Monotonic>,
    session: Option<u64>,
    chapter: Option<(Version, Stage, Share)>,
    readings: BTreeMap<Digest, Arc<Reading>>,
    seen: BTreeMap<String, Seen>,
    /// Those that were made of a release that is kept running beside the one that replaced it.
    kept: BTreeSet<String>,
    attempts: Attempts,
    evidence: BTreeMap<String, Evidence>,
    pull_began: Option<Monotonic>,
    routing: Routing,
    blue_since: Option<(Digest, Monotonic)>,
}

impl Memory {
    /// Takes in what is seen now. Doing it twice with the same arguments is doing it once.
    ///
    /// Another engine session, or an engine that is down, makes all be forgotten that concerns containers: an engine's restart alone
    /// must not look like a crash of the containers, and the time it takes does not count against the release. A newer version does too.
    pub fn observe(&mut self, ledger: &Ledger, observed: &Observed, now: Monotonic) {
        self.deciding_since.get_or_insert(now);
        self.read(ledger);
        self.turn_page(ledger, now);
        self.count_blue(ledger, now);
        let is_back = self.routing.look(&observed.proxy, now);
        if let Proxy::Up { mark, .. } = &observed.proxy {
            // What is in force is put in force again at once should it be lost, and what failed for want of the proxy is tried at once.
            self.attempts.forget_plans(|plan| is_back || mark.as_ref() == Some(plan));
        }
        let Engine::Up { session } = observed.engine else {
            self.forget();
            self.session = None;
            return;
        };
        if self.session != Some(session) {
            self.forget();
            self.session = Some(session);
        }
        self.look(ledger, observed, now);
    }

    /// Takes in how `action` ended, at `now`.
    pub fn record(&mut self, action: &Action, outcome: &Outcome, now: Monotonic) {
        match action {
            Action::Wait => {}
            Action::Probe { place, probe, .. } => {
                if let Some(seen) = self.seen_at(place) {
                    seen.answer(probe, outcome, now);
                }
            }
            Action::Collect(place) => {
                let evidence = match outcome {
                    Outcome::Collected(evidence) => evidence.as_ref().clone(),
                    // No proof to be had: the revert does not wait for it.
                    Outcome::Done | Outcome::Probed { .. } | Outcome::Failed(_) => Evidence::default(),
                };
                let id = self.id_at(place);
                self.evidence.insert(id, evidence);
            }
            _ => self.record_attempt(action, outcome, now),
        }
    }

    fn record_attempt(&mut self, action: &Action, outcome: &Outcome, now: Monotonic) {
        self.attempts.record(action, &self.seen, outcome, now);
        if *outcome != Outcome::Done {
            return;
        }
        match action {
            Action::Route(plan) => self.routing.told(plan, now),
            Action::Start(place) => self.seen_at(place).into_iter().for_each(|seen| seen.begin(now)),
            Action::Stop { place, .. } => self.seen_at(place).into_iter().for_each(|seen| seen.end(now)),
            _ => {}
        }
    }

    fn seen_at(&mut self, place: &Place) -> Option<&mut Seen> {
        self.seen.values_mut().find(|seen| seen.place == *place)
    }

    /// Since when this process decides.
    pub(crate) fn deciding_since(&self) -> Option<Monotonic> {
        self.deciding_since
    }

    /// What was seen of a container in this engine session.
    pub(crate) fn seen(&self, id: &str) -> Option<&Seen> {
        self.seen.get(id)
    }

    /// How the attempts at this very thing went, if there were any.
    pub(crate) fn attempt(&self, action: &Action) -> Option<&Attempt> {
        self.attempts.of(action, &self.seen)
    }

    /// The proof that was collected of a container, empty if there was none to be had; none: not asked for yet.
    pub(crate) fn evidence(&self, id: &str) -> Option<&Evidence> {
        self.evidence.get(id)
    }

    /// When the first of the images was found missing.
    pub(crate) fn pull_began(&self) -> Option<Monotonic> {
        self.pull_began
    }

    /// What the proxy does for the app, as it was seen or told last; none: this process does not know.
    pub(crate) fn sight(&self) -> Option<&Sight> {
        self.routing.sight.as_ref()
    }

    /// Since when this process knows that the release is kept running beside the one that replaced it; none: it does not know.
    pub(crate) fn blue_since(&self, content: &Content) -> Option<Monotonic> {
        self.blue_since.as_ref().filter(|(digest, _)| *digest == content.digest).map(|(_, since)| *since)
    }

    /// Since when the proxy does not answer; none: it does.
    pub(crate) fn proxy_down_since(&self) -> Option<Monotonic> {
        self.routing.down_since
    }

    /// What should run; read from its bytes only if [`Self::observe`] has not done so yet.
    pub(crate) fn goal<'a>(&self, content: Option<&'a Content>) -> Goal<'a> {
        let Some(content) = content else { return Goal::Nothing };
        let reading = self.readings.get(&content.digest).cloned().or_else(|| Reading::of(content).map(Arc::new));
        match reading {
            Some(reading) => Goal::Release(Target::new(content, reading)),
            None => Goal::Unreadable,
        }
    }

    fn id_at(&self, place: &Place) -> String {
        self.seen.iter().find(|(_, seen)| seen.place == *place).map(|(id, _)| id.clone()).unwrap_or_default()
    }

    fn forget(&mut self) {
        self.seen.clear();
        self.attempts = Attempts::default();
        self.evidence.clear();
        self.pull_began = None;
    }

    /// A new version is judged on what is seen from now on; a new stage has attempts of its own, and so has a new share, but for what was
    /// started: that is not proven because of it.
    fn turn_page(&mut self, ledger: &Ledger, now: Monotonic) {
        let chapter = ledger.accepted.as_ref().map(|accepted| {
            let assignment = &accepted.assignment;
            (assignment.version, stage_of(accepted), assignment.share)
        });
        let (before, after) = (self.chapter, chapter);
        if before.map(|(version, ..)| version) != after.map(|(version, ..)| version) {
            let mut seen = std::mem::take(&mut self.seen);
            self.forget();
            // A release that is gone back to was asked until now: one good answer more is its proof.
            seen.retain(|id, seen| self.kept.contains(id) && seen.is_well());
            for seen in seen.values_mut() {
                seen.vouch(now);
            }
            self.seen = seen;
        } else if before.map(|(_, stage, _)| stage) != after.map(|(_, stage, _)| stage) {
            self.attempts = Attempts::default();
            self.evidence.clear();
        } else if before != after {
            self.attempts.keep_only_starts();
            self.pull_began = None;
        }
        self.chapter = chapter;
    }

    /// The time of a kept release is counted from when it is first seen in the ledger, whatever comes after.
    fn count_blue(&mut self, ledger: &Ledger, now: Monotonic) {
        let Some(blue) = &ledger.blue else {
            self.blue_since = None;
            return;
        };
        if self.blue_since(&blue.content).is_none() {
            self.blue_since = Some((blue.content.digest.clone(), now));
        }
    }

    /// Reads the manifests that the ledger names, once each.
    fn read(&mut self, ledger: &Ledger) {
        let contents = || accepted_content(ledger).into_iter().chain(&ledger.base).chain(blue_content(ledger));
        self.readings.retain(|digest, _| contents().any(|content| content.digest == *digest));
        for content in contents() {
            if !self.readings.contains_key(&content.digest)
                && let Some(reading) = Reading::of(content)
            {
                self.readings.insert(content.digest.clone(), Arc::new(reading));
            }
        }
    }

    fn look(&mut self, ledger: &Ledger, observed: &Observed, now: Monotonic) {
        let [wanted, base, blue] = [accepted_content(ledger), ledger.base.as_ref(), blue_content(ledger)];
        let goals = [wanted, base, blue].map(|content| self.goal(content));
        self.kept.clear();
        self.seen.retain(|id, _| observed.containers.iter().any(|container| container.id == *id));
        for container in &observed.containers {
            let made_from = goals.each_ref().map(|goal| made_from(goal, container));
            if made_from[2].is_some() {
                self.kept.insert(container.id.clone());
            }
            let rule = made_from.into_iter().flatten().next();
            let seen = self
                .seen
                .entry(container.id.clone())
                .or_insert_with(|| Seen::new(container.place.clone(), container.restarts));
            seen.rule = rule.map(|wanted| Rule::of(&wanted.service.spec.health)).unwrap_or_default();
            seen.look(container.is_running(), container.restarts, now);
            if let Proxy::Up { routed, .. } = &observed.proxy {
                let is_routed = routed.values().any(|weights| weights.contains_key(&container.id));
                seen.look_at_routes(is_routed, now);
            }
        }
        self.attempts.keep_only(&self.seen);
        self.pull_began = is_missing(&goals[0], observed).then(|| self.pull_began.unwrap_or(now));
    }
}

/// What the container was made from, if `goal` has it so.
fn made_from<'g>(goal: &'g Goal<'_>, container: &Container) -> Option<&'g Wanted> {
    goal.get(&container.place.service).filter(|wanted| wanted.fingerprint == container.fingerprint)
}

/// Whether an image of the release is not here, and no container that was made of it.
fn is_missing(wanted: &Goal<'_>, observed: &Observed) -> bool {
    let mut services = wanted.target().into_iter().flat_map(Target::services);
    services.any(|(name, service)| {
        let is_it =
            |container: &Container| container.place.service == *name && container.fingerprint == service.fingerprint;
        !observed.images.contains_key(service.service.image.digest()) && !observed.containers.iter().any(is_it)
    })
}

fn blue_content(ledger: &Ledger) -> Option<&Content> {
    ledger.blue.as_ref().map(|blue| &blue.content)
}

fn accepted_content(ledger: &Ledger) -> Option<&Content> {
    ledger.accepted.as_ref()?.assignment.content.as_ref()
}

#[cfg(test)]
mod tests;
