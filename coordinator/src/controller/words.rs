//! What operators say to rollouts that go on, and the rollouts that wait for their turn. Not here: beginning and ending them (`rollouts`), what
//! follows from a word (crate `evenkeel-rollout`).

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::{AppKey, CauseKind, Failure, RolloutId, UnixMillis};
use evenkeel_rollout::{GateId, Kind, Measure, Measured, Outcome, Rollout, Speaker, State as RolloutState, WaitingOn};

use super::event::{RolloutSnapshot, RolloutWord, Word};
use super::refusal::RolloutError;
use super::state::State;
use crate::store::Write;

impl State {
    pub(super) fn say(&mut self, said: RolloutWord, now: UnixMillis) -> Result<RolloutId, RolloutError> {
        let mut rollout = self.pick_to_abort(&said.rollout)?.clone();
        let speaker = Speaker { by: said.by, at: now, why: said.why };
        let word = match said.word {
            Word::Pause => evenkeel_rollout::pause,
            Word::Resume => evenkeel_rollout::resume,
            Word::Promote => evenkeel_rollout::promote,
            Word::Approve => evenkeel_rollout::approve,
        };
        word(&mut rollout, speaker)?;
        let (id, key) = (rollout.id, rollout.key.clone());
        self.write(Write::PutRollout(Arc::new(rollout)));
        self.dirty.insert(key);
        Ok(id)
    }

    /// What is to be measured for the rollouts that were planned in this turn; of one that asks for nothing any more, nothing.
    pub(super) fn measures(&self) -> Vec<(RolloutId, Vec<Measure>)> {
        let planned = self.planned.iter().filter_map(|key| self.apps.get(key));
        planned.filter_map(|app| Some((app.newest()?, app.measures.clone()))).collect()
    }

    /// Takes in what was measured. Of no use if the rollout has gone on since.
    pub(super) fn measured(
        &mut self,
        id: RolloutId,
        gate: GateId,
        number: usize,
        measured: &Measured,
        now: UnixMillis,
    ) {
        let Some(rollout) = self.stored.rollouts.get(&id) else { return };
        let mut rollout = rollout.as_ref().clone();
        if evenkeel_rollout::take_reading(&mut rollout, gate, number, measured, now) {
            self.dirty.insert(rollout.key.clone());
            self.write(Write::PutRollout(Arc::new(rollout)));
        }
    }

    /// Begins the next rollout that waits for its turn, if it has come: on the fleet as it is now. After one that was halted nothing begins by itself.
    pub(super) fn begin_next(&mut self, key: &AppKey, now: UnixMillis) {
        let next = self.apps.get(key).and_then(|app| app.queued.first().copied());
        let next = next.filter(|_| self.going_rollout(key).is_none());
        let Some(queued) = next.and_then(|id| self.stored.rollouts.get(&id)).cloned() else { return };
        let halted = self.newest_rollout(key).filter(|before| before.outcome() == Some(Outcome::Halted));
        let rollout = match halted {
            Some(before) => {
                let message = format!("not begun: rollout {} before it was halted", before.id);
                over(&queued, Outcome::Aborted, message, now)
            }
            None => self.begun_anew(&queued, now),
        };
        tracing::info!(rollout = %rollout.id, app = %key, state = ?rollout.state, "a rollout's turn has come");
        self.write(Write::PutRollout(Arc::new(rollout)));
        self.dirty.insert(key.clone());
    }

    fn begun_anew(&self, queued: &Rollout, now: UnixMillis) -> Rollout {
        let mut ground = self.ground(&queued.key);
        ground.id = queued.id;
        let begin = ground.begin(Kind::Deploy, queued.to, queued.policy.clone(), queued.by.clone(), now);
        match evenkeel_rollout::begin(begin) {
            Ok(rollout) => {
                Rollout { acts: queued.acts.clone(), freeze_override: queued.freeze_override.clone(), ..rollout }
            }
            Err(error) => over(queued, Outcome::Halted, format!("not begun: {error}"), now),
        }
    }

    /// A rollout that waits for its turn, with the one that it waits for.
    pub(super) fn queued_snapshot(&self, rollout: Arc<Rollout>) -> RolloutSnapshot {
        let behind = self.going_rollout(&rollout.key).map(|going| going.id);
        let waiting = behind.map(|rollout| WaitingOn::Queue { rollout }).into_iter().collect();
        RolloutSnapshot { rollout, waiting, whys: BTreeMap::new(), prefetch: BTreeMap::new() }
    }
}

/// One whose turn never came.
fn over(queued: &Rollout, outcome: Outcome, message: String, now: UnixMillis) -> Rollout {
    Rollout {
        state: RolloutState::Ended { outcome },
        ended: Some(now),
        failure: Some(Failure::plain(CauseKind::Withdrawn, message)),
        ..queued.clone()
    }
}
