//! What operators say to a rollout that goes on: pause, resume, promote, approve; and what was measured for it. Each is taken in at once, and the
//! next plan obeys it. Not here: its end (module `abort`), what follows (the steps).

use evenkeel_model::gate::Check;
use evenkeel_model::{GatePoint, OperatorName, Promote, Strategy, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::abort::outcome_in_words;
use crate::reading::judge;
use crate::{Approved, GateId, Hold, HostState, Measured, Outcome, Reading, Rollout, State, Verdict};

/// Who says something, when, and why.
#[derive(Debug, Clone)]
pub struct Speaker {
    /// Who.
    pub by: OperatorName,
    /// When.
    pub at: UnixMillis,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// Something that a person did to a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Who.
    pub by: OperatorName,
    /// When.
    pub at: UnixMillis,
    /// Why, in their words; may be empty.
    pub why: String,
    /// What.
    pub deed: Deed,
}

/// What a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Began it in spite of a freeze.
    OverrodeFreeze,
    /// Had it wait for its turn.
    Queued,
    /// Had it rest.
    Paused,
    /// Had it go on.
    Resumed,
    /// Let a canary on to the rest, or blue-green to the switch.
    Promoted,
    /// Consented at a gate.
    Approved,
    /// Gave it up.
    Aborted,
    /// Gave it up, and took back what was committed.
    AbortedAndTookBack,
    /// Began another in its place.
    Superseded,
    /// Began it, to go back.
    RolledBack,
}

impl Deed {
    /// The word used in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OverrodeFreeze => "overrode_freeze",
            Self::Queued => "queued",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Promoted => "promoted",
            Self::Approved => "approved",
            Self::Aborted => "aborted",
            Self::AbortedAndTookBack => "aborted_and_took_back",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// Why an operator's word is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// It is over.
    #[error("the rollout has ended already: {}", outcome_in_words(*outcome))]
    AlreadyEnded {
        /// How.
        outcome: Outcome,
    },
    /// It goes back.
    #[error(
        "the rollout is being taken back, and that is not interrupted: wait for its end, or let another rollout supersede it"
    )]
    GoesBack,
    /// It has not begun.
    #[error("the rollout waits for its turn: nothing of it goes on yet")]
    Queued,
    /// It rests already.
    #[error("the rollout is paused already")]
    AlreadyPaused,
    /// It does not rest.
    #[error("the rollout is not paused")]
    NotPaused,
    /// It rests.
    #[error("the rollout is paused: resume it first")]
    Paused,
    /// Its policy knows no promotion by hand.
    #[error("the rollout promotes itself: only one with `promote: manual` is promoted by a person")]
    PromotesItself,
    /// Nothing is there to promote any more.
    #[error("the rollout has been promoted already")]
    AlreadyPromoted,
    /// No gate asks for consent now.
    #[error("the rollout does not wait for an approval now")]
    NoApprovalAsked,
    /// The one who began it can't consent to it.
    #[error("{by} began the rollout, and another person has to approve it")]
    OwnRollout {
        /// Who.
        by: OperatorName,
    },
    /// One consents once.
    #[error("{by} has approved it already, and it takes somebody else too")]
    ApprovedAlready {
        /// Who.
        by: OperatorName,
    },
}

/// Has a rollout rest: nothing more is ordered until it is resumed. Hosts in trial go back by themselves all the same where they fail.
pub fn pause(rollout: &mut Rollout, speaker: Speaker) -> Result<(), WordError> {
    goes_forward(rollout)?;
    if rollout.state == State::Paused || rollout.hold.is_some() {
        return Err(WordError::AlreadyPaused);
    }
    rollout.hold = Some(Hold { by: Some(speaker.by.clone()), since: speaker.at, why: speaker.why.clone() });
    note(rollout, speaker, Deed::Paused);
    Ok(())
}

/// Has a rollout go on that rests, for whatever reason. Hosts that failed are tried once more; what was measured is measured anew.
pub fn resume(rollout: &mut Rollout, speaker: Speaker) -> Result<(), WordError> {
    goes_forward(rollout)?;
    if rollout.state != State::Paused && rollout.hold.is_none() {
        return Err(WordError::NotPaused);
    }
    if rollout.state == State::Paused {
        rollout.state = State::Advancing;
        rollout.failure = None;
        for progress in rollout.hosts.values_mut().filter(|progress| progress.state == HostState::Failed) {
            (progress.state, progress.since) = (HostState::Waiting, speaker.at);
            (progress.failure, progress.proven) = (None, false);
        }
    }
    rollout.hold = None;
    rollout.healthy_since = None;
    rollout.progressed = speaker.at;
    rollout.forget_readings();
    note(rollout, speaker, Deed::Resumed);
    Ok(())
}

/// Lets a canary on to the rest of the fleet, or blue-green to the switch, as soon as bake and gates let it.
pub fn promote(rollout: &mut Rollout, speaker: Speaker) -> Result<(), WordError> {
    goes_forward(rollout)?;
    if rollout.state == State::Paused || rollout.hold.is_some() {
        return Err(WordError::Paused);
    }
    if rollout.policy.promote != Promote::Manual {
        return Err(WordError::PromotesItself);
    }
    if !is_to_be_promoted(rollout) {
        return Err(WordError::AlreadyPromoted);
    }
    rollout.promoted = Some(rollout.wave);
    note(rollout, speaker, Deed::Promoted);
    Ok(())
}

/// Whether the wave being moved needs a person's promotion that it has not got yet.
fn is_to_be_promoted(rollout: &Rollout) -> bool {
    let point = match rollout.policy.strategy {
        Strategy::Rolling => return false,
        Strategy::Canary => GatePoint::Commit,
        Strategy::BlueGreen => GatePoint::Switch,
    };
    let is_ahead = point == GatePoint::Commit || !rollout.is_last_step();
    is_ahead && needs_promotion(rollout, point)
}

/// Whether a person's promotion is what is left at this point of the wave.
pub(crate) fn needs_promotion(rollout: &Rollout, point: GatePoint) -> bool {
    let is_asked = rollout.policy.promote == Promote::Manual
        && match rollout.policy.strategy {
            Strategy::Rolling => false,
            Strategy::Canary => point == GatePoint::Commit && rollout.wave == 0,
            Strategy::BlueGreen => point == GatePoint::Switch,
        };
    is_asked && rollout.promoted != Some(rollout.wave)
}

/// Consents at the gates that ask for it now: at all of those that this person may.
pub fn approve(rollout: &mut Rollout, speaker: Speaker) -> Result<(), WordError> {
    goes_forward(rollout)?;
    let (policy, starter) = (&rollout.policy, &rollout.by);
    let mut refused = None;
    let mut was_taken = false;
    for record in &mut rollout.gates {
        let Some(Check::Approval(asked)) = policy.gates.get(record.id.gate).map(|gate| &gate.check) else { continue };
        if (record.id.wave, record.id.step) != (rollout.wave, rollout.step) || record.approvals.len() >= asked.needed()
        {
            continue;
        }
        let by = speaker.by.clone();
        if by == *starter && !asked.starter_may() {
            refused = Some(WordError::OwnRollout { by });
        } else if record.approvals.iter().any(|approved| approved.by == by) {
            refused = Some(WordError::ApprovedAlready { by });
        } else {
            record.approvals.push(Approved { by, at: speaker.at, why: speaker.why.clone() });
            was_taken = true;
        }
    }
    if !was_taken {
        return Err(refused.unwrap_or(WordError::NoApprovalAsked));
    }
    note(rollout, speaker, Deed::Approved);
    Ok(())
}

/// Takes in what was measured. False: it is of no use any more, because it was taken in before, or the rollout has gone on since.
pub fn take_reading(rollout: &mut Rollout, id: GateId, number: usize, measured: &Measured, at: UnixMillis) -> bool {
    if rollout.state != State::Advancing || rollout.hold.is_some() {
        return false;
    }
    let Some(Check::Analysis(analysis)) = rollout.policy.gates.get(id.gate).map(|gate| &gate.check) else {
        return false;
    };
    let (verdict, said) = judge(&analysis.source, measured);
    let is_awaited = (id.wave, id.step) == (rollout.wave, rollout.step);
    let record = rollout.gates.iter_mut().find(|record| record.id == id && record.readings.len() == number);
    let Some(record) = record.filter(|_| is_awaited) else { return false };
    // Of a good one nobody wants to see them.
    let lines = match measured {
        Measured::Lines(found) if verdict == Verdict::Bad => found.examples.clone(),
        _ => Vec::new(),
    };
    record.readings.push(Reading { at, verdict, said, lines });
    true
}

/// Writes down what a person did.
pub fn note(rollout: &mut Rollout, speaker: Speaker, deed: Deed) {
    let Speaker { by, at, why } = speaker;
    rollout.acts.push(Act { by, at, why, deed });
}

fn goes_forward(rollout: &Rollout) -> Result<(), WordError> {
    match rollout.state {
        State::Ended { outcome } => Err(WordError::AlreadyEnded { outcome }),
        State::Queued => Err(WordError::Queued),
        State::RollingBack | State::Withdrawing => Err(WordError::GoesBack),
        _ if rollout.abort.is_some() => Err(WordError::GoesBack),
        State::Advancing | State::Paused => Ok(()),
    }
}

#[cfg(test)]
mod tests;
