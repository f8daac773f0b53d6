//! Freezes, and hosts that are cordoned or drained. Not here: what they keep from happening (crate `evenkeel-rollout`).

use std::sync::Arc;

use evenkeel_model::{AppKey, UnixMillis};
use evenkeel_rollout::Duty;

use super::event::{NewDuty, NewFreeze};
use super::refusal::{MemberError, RolloutError};
use super::state::State;
use crate::store::{Freeze, Host, Relieved, Write};

impl State {
    pub(super) fn freeze(&mut self, new: NewFreeze, now: UnixMillis) -> Freeze {
        let over: Vec<u64> =
            self.stored.freezes.values().filter(|freeze| !freeze.is_in_force(now)).map(|freeze| freeze.id).collect();
        // Numbers are not given twice: the newest freeze stays, in force or not, until there is a newer one.
        let id = self.stored.freezes.keys().next_back().map_or(0, |last| *last) + 1;
        let NewFreeze { filter, until, by, why } = new;
        let freeze = Freeze { id, environment: filter.environment, app: filter.app, until, by, at: now, why };
        tracing::info!(freeze = id, by = %freeze.by, why = freeze.why, "a freeze is in force");
        self.write(Write::PutFreeze(freeze.clone()));
        for id in over {
            self.write(Write::DeleteFreeze(id));
        }
        freeze
    }

    pub(super) fn unfreeze(&mut self, id: u64, now: UnixMillis) -> Result<Freeze, RolloutError> {
        let freeze = self.stored.freezes.get(&id).filter(|freeze| freeze.is_in_force(now));
        let freeze = freeze.ok_or(RolloutError::UnknownFreeze(id))?.clone();
        let is_newest = self.stored.freezes.keys().next_back() == Some(&id);
        self.write(if is_newest { Write::PutFreeze(freeze.lifted()) } else { Write::DeleteFreeze(id) });
        Ok(freeze)
    }

    /// The freezes in force, by their numbers.
    pub(super) fn freezes_in_force(&self, now: UnixMillis) -> impl Iterator<Item = &Freeze> {
        self.stored.freezes.values().filter(move |freeze| freeze.is_in_force(now))
    }

    /// The freeze that keeps an app longest.
    pub(super) fn freeze_of(&self, key: &AppKey, now: UnixMillis) -> Option<&Freeze> {
        let keeping = self.stored.freezes.values().filter(|freeze| freeze.keeps(key, now));
        keeping.max_by_key(|freeze| freeze.until.unwrap_or(UnixMillis(u64::MAX)))
    }

    pub(super) fn set_duty(&mut self, new: NewDuty, now: UnixMillis) -> Result<(), MemberError> {
        let NewDuty { host, duty, by, why } = new;
        let host = self.known_host(&host)?.as_ref().clone();
        tracing::info!(host = %host.host, duty = duty.as_str(), %by, why, "what a host is there for changes");
        let relieved = (duty != Duty::Active).then_some(Relieved { duty, by, at: now, why });
        self.write(Write::PutHost(Arc::new(Host { relieved, ..host })));
        Ok(())
    }
}
