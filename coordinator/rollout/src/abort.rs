//! An operator's word that a rollout is to end, and when it is refused. Not here: what follows from it (step `judge`).

use crate::{Abort, Kind, Outcome, Rollout, State};

/// Why a rollout can't be aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AbortError {
    /// It is over.
    #[error("the rollout has ended already: {}", outcome_in_words(*outcome))]
    AlreadyEnded {
        /// How.
        outcome: Outcome,
    },
    /// It is taking hosts back already, and this abort would not take back more.
    #[error("the rollout is being taken back already: wait for its end, or let another rollout supersede it")]
    AlreadyGoingBack,
    /// It is a rollback: taking it back would lead to the release that was left.
    #[error(
        "a rollback is not rolled back: abort it without `--rollback`, or say by a rollback of its own which release the fleet is to have"
    )]
    OfARollback,
}

/// Records an operator's word; the next plan obeys it.
///
/// An abort with `rollback` may follow one without; `superseded` is refused only after the end. One that waits for its turn is over at once; the
/// caller notes when.
pub fn abort(rollout: &mut Rollout, abort: Abort) -> Result<(), AbortError> {
    match rollout.state {
        State::Ended { outcome } => return Err(AbortError::AlreadyEnded { outcome }),
        _ if abort.rollback && rollout.kind == Kind::Rollback => return Err(AbortError::OfARollback),
        State::RollingBack if !abort.superseded => return Err(AbortError::AlreadyGoingBack),
        State::Withdrawing if !abort.superseded && !abort.rollback => return Err(AbortError::AlreadyGoingBack),
        _ => {}
    }
    // Said, but not planned on yet: a weaker word does not take back a stronger one.
    let stronger = rollout.abort.as_ref().is_some_and(|before| before.rollback && !abort.rollback);
    if stronger && !abort.superseded {
        return Err(AbortError::AlreadyGoingBack);
    }
    if rollout.state == State::Queued {
        rollout.state = State::Ended { outcome: if abort.superseded { Outcome::Superseded } else { Outcome::Aborted } };
    }
    rollout.abort = Some(abort);
    Ok(())
}

/// How a rollout ended, for a sentence.
pub(crate) fn outcome_in_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "it has succeeded",
        Outcome::RolledBack => "it was rolled back",
        Outcome::Halted => "it was halted",
        Outcome::Aborted => "it was aborted",
        Outcome::Superseded => "another took over",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, an_abort};

    fn in_state(state: State) -> Rollout {
        let mut fixture = Fixture::running(1);
        fixture.deploy(2);
        let mut rollout = fixture.rollout.unwrap();
        rollout.state = state;
        rollout
    }

    #[test]
    fn an_ended_rollout_can_not_be_aborted() {
        let outcome = Outcome::Succeeded;
        let mut rollout = in_state(State::Ended { outcome });
        assert_eq!(abort(&mut rollout, an_abort(true, true)), Err(AbortError::AlreadyEnded { outcome }));
        assert_eq!(rollout.abort, None);
    }

    #[test]
    fn it_is_said_how_the_rollout_ended() {
        use Outcome::{Aborted, Halted, RolledBack, Succeeded, Superseded};
        let ends = [Succeeded, RolledBack, Halted, Aborted, Superseded];
        let said = ends.map(|outcome| AbortError::AlreadyEnded { outcome }.to_string());
        assert_eq!(said[0], "the rollout has ended already: it has succeeded");
        let all: std::collections::BTreeSet<_> = said.into_iter().collect();
        assert_eq!(all.len(), ends.len());
    }

    #[test]
    fn an_abort_may_be_said_again() {
        for rollback in [false, true] {
            let mut rollout = in_state(State::Advancing);
            assert_eq!(abort(&mut rollout, an_abort(rollback, false)), Ok(()));
            assert_eq!(abort(&mut rollout, an_abort(rollback, false)), Ok(()), "{rollback}");
        }
    }

    #[test]
    fn a_weaker_abort_does_not_stop_a_way_back() {
        let mut back = in_state(State::RollingBack);
        assert_eq!(abort(&mut back, an_abort(true, false)), Err(AbortError::AlreadyGoingBack));
        assert_eq!(abort(&mut back, an_abort(false, true)), Ok(()));
        let mut withdrawing = in_state(State::Withdrawing);
        assert_eq!(abort(&mut withdrawing, an_abort(false, false)), Err(AbortError::AlreadyGoingBack));
        assert_eq!(abort(&mut withdrawing, an_abort(true, false)), Ok(()));
        let mut said = in_state(State::Advancing);
        assert_eq!(abort(&mut said, an_abort(true, false)), Ok(()));
        assert_eq!(abort(&mut said, an_abort(false, false)), Err(AbortError::AlreadyGoingBack));
    }

    #[test]
    fn a_rollback_is_not_rolled_back() {
        let mut fixture = Fixture::running(1);
        fixture.roll_back(2);
        let mut rollout = fixture.rollout.unwrap();
        assert_eq!(abort(&mut rollout, an_abort(true, false)), Err(AbortError::OfARollback));
        assert_eq!(rollout.abort, None);
        assert_eq!(abort(&mut rollout, an_abort(false, false)), Ok(()));
    }

    #[test]
    fn going_on_or_paused_it_can_be_aborted() {
        for state in [State::Advancing, State::Paused] {
            assert_eq!(abort(&mut in_state(state), an_abort(false, false)), Ok(()), "{state:?}");
        }
    }
}
