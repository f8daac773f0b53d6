//! Whose words are taken, and when.

use evenkeel_model::gate::{Approval, GateWaves};
use evenkeel_model::{CauseKind, Gate, OnFailure};

use super::*;
use crate::fixture::Fixture;

fn speaker(by: &str) -> Speaker {
    Speaker { by: by.parse().unwrap(), at: UnixMillis(2_000_000), why: "because".to_owned() }
}

/// A canary whose first host is healthy, and that `ann` began.
fn canary(promote: Promote, persons: Option<u8>) -> Fixture {
    let mut fixture = Fixture::running(3);
    (fixture.policy.strategy, fixture.policy.promote) = (Strategy::Canary, promote);
    let gate =
        |persons| Gate { at: GatePoint::Commit, waves: GateWaves::First, check: Check::Approval(Approval { persons }) };
    fixture.policy.gates = persons.map(gate).into_iter().collect();
    fixture.deploy(2);
    fixture.plan();
    fixture.healthy("h1");
    fixture
}

fn rollout(fixture: &mut Fixture) -> &mut Rollout {
    fixture.rollout.as_mut().unwrap()
}

fn deeds(fixture: &Fixture) -> Vec<(String, Deed)> {
    let acts = &fixture.rollout.as_ref().unwrap().acts;
    acts.iter().map(|act| (act.by.to_string(), act.deed)).collect()
}

#[test]
fn nobody_says_anything_to_what_has_ended_or_goes_back() {
    let outcome = Outcome::Succeeded;
    let cases = [
        (State::Ended { outcome }, WordError::AlreadyEnded { outcome }),
        (State::RollingBack, WordError::GoesBack),
        (State::Withdrawing, WordError::GoesBack),
    ];
    for (state, error) in cases {
        let mut fixture = canary(Promote::Manual, Some(2));
        rollout(&mut fixture).state = state;
        for word in [pause, resume, promote, approve] {
            assert_eq!(word(rollout(&mut fixture), speaker("bob")), Err(error.clone()), "{state:?}");
        }
        assert_eq!(deeds(&fixture), []);
    }
    let mut aborted = canary(Promote::Manual, None);
    aborted.abort(false);
    assert_eq!(pause(rollout(&mut aborted), speaker("bob")), Err(WordError::GoesBack));
}

#[test]
fn one_pauses_what_goes_on_and_resumes_what_is_paused() {
    let mut fixture = canary(Promote::Auto, None);
    assert_eq!(resume(rollout(&mut fixture), speaker("bob")), Err(WordError::NotPaused));
    assert_eq!(pause(rollout(&mut fixture), speaker("bob")), Ok(()));
    assert_eq!(pause(rollout(&mut fixture), speaker("eve")), Err(WordError::AlreadyPaused));
    assert_eq!(resume(rollout(&mut fixture), speaker("eve")), Ok(()));
    assert_eq!(deeds(&fixture), [("bob".to_owned(), Deed::Paused), ("eve".to_owned(), Deed::Resumed)]);
}

#[test]
fn what_failed_under_pause_is_tried_once_more_when_it_is_resumed() {
    let mut fixture = canary(Promote::Auto, None);
    rollout(&mut fixture).policy.on_failure = OnFailure::Pause;
    fixture.fails("h1", CauseKind::Exited);
    fixture.plan();
    assert_eq!(pause(rollout(&mut fixture), speaker("bob")), Err(WordError::AlreadyPaused));
    assert_eq!(resume(rollout(&mut fixture), speaker("bob")), Ok(()));
    let progress = fixture.progress("h1");
    assert_eq!((progress.state, progress.failure.as_ref(), progress.proven), (HostState::Waiting, None, false));
    assert_eq!(fixture.plan(), ["h1 g3 r2 trial"]);
}

#[test]
fn a_promotion_is_said_once_where_it_is_asked_for() {
    let mut by_itself = canary(Promote::Auto, None);
    assert_eq!(promote(rollout(&mut by_itself), speaker("bob")), Err(WordError::PromotesItself));
    let mut fixture = canary(Promote::Manual, None);
    pause(rollout(&mut fixture), speaker("bob")).unwrap();
    assert_eq!(promote(rollout(&mut fixture), speaker("bob")), Err(WordError::Paused));
    resume(rollout(&mut fixture), speaker("bob")).unwrap();
    assert_eq!(promote(rollout(&mut fixture), speaker("bob")), Ok(()));
    assert_eq!(promote(rollout(&mut fixture), speaker("eve")), Err(WordError::AlreadyPromoted));
}

#[test]
fn blue_green_is_promoted_before_the_switch_and_not_after_it() {
    let mut fixture = Fixture::running(1);
    (fixture.policy.strategy, fixture.policy.promote) = (Strategy::BlueGreen, Promote::Manual);
    fixture.policy.waves = crate::fixture::waves(&[]);
    fixture.deploy(2);
    assert_eq!(fixture.plan(), ["h1 g2 r2 trial 0%"]);
    assert!(fixture.healthy("h1").is_empty());
    assert_eq!(promote(rollout(&mut fixture), speaker("bob")), Ok(()));
    assert_eq!(fixture.plan(), ["h1 g2 r2 trial"]);
    assert_eq!(promote(rollout(&mut fixture), speaker("bob")), Err(WordError::AlreadyPromoted));
}

#[test]
fn two_persons_are_two_and_one_is_anybody() {
    let mut two = canary(Promote::Auto, Some(2));
    assert_eq!(approve(rollout(&mut two), speaker("bob")), Err(WordError::NoApprovalAsked), "it bakes");
    two.pass(30);
    two.plan();
    assert_eq!(
        approve(rollout(&mut two), speaker("ann")),
        Err(WordError::OwnRollout { by: "ann".parse().unwrap() }),
        "she began it"
    );
    assert_eq!(approve(rollout(&mut two), speaker("bob")), Ok(()));
    assert_eq!(approve(rollout(&mut two), speaker("eve")), Err(WordError::NoApprovalAsked), "it has all it needs");
    assert_eq!(two.plan(), ["h1 g2 r2 committed"]);

    let mut one = canary(Promote::Auto, Some(1));
    one.pass(30);
    one.plan();
    assert_eq!(approve(rollout(&mut one), speaker("ann")), Ok(()));

    let mut three = canary(Promote::Auto, Some(3));
    three.pass(30);
    three.plan();
    assert_eq!(approve(rollout(&mut three), speaker("bob")), Ok(()));
    assert_eq!(
        approve(rollout(&mut three), speaker("bob")),
        Err(WordError::ApprovedAlready { by: "bob".parse().unwrap() })
    );
    assert!(three.plan().is_empty());
    assert_eq!(approve(rollout(&mut three), speaker("eve")), Ok(()));
    assert_eq!(three.plan(), ["h1 g2 r2 committed"]);
}
