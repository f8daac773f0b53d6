//! Which assignments are accepted, refused, or say nothing new.

use evenkeel_model::{Assignment, CauseKind, Digest, Failure, Phase, Refusal, Share};

use super::{Offer, offer};
use crate::world::{assignment, content};
use crate::{Accepted, End, Ledger};

fn ledger(generation: u64, phase: Phase, end: Option<End>) -> Ledger {
    let accepted = Accepted { assignment: assignment(generation, "web:good-1", phase), end };
    Ledger { accepted: Some(accepted), base: Some(content(1, "web:good-0")), ..Ledger::default() }
}

fn reverted() -> End {
    End::Reverted { failure: Box::new(Failure::plain(CauseKind::Exited, "it exited")) }
}

fn reverting() -> End {
    End::Reverting { failure: Box::new(Failure::plain(CauseKind::Exited, "it exited")) }
}

type Change = fn(&mut Assignment);

fn spoiled(change: Change) -> Assignment {
    let mut assignment = assignment(9, "web:good-1", Phase::Trial);
    change(&mut assignment);
    assignment
}

#[test]
fn a_newer_one_replaces_the_accepted_one_in_whatever_state_and_keeps_the_base() {
    for end in [None, Some(End::Committed), Some(reverting()), Some(reverted())] {
        let before = ledger(4, Phase::Trial, end);
        let newer = assignment(5, "web:good-2", Phase::Committed);
        let expected = Ledger { accepted: Some(Accepted { assignment: newer.clone(), end: None }), ..before.clone() };
        assert_eq!(offer(&before, &newer), Ok(Offer::Accepted(Box::new(expected))));
    }
}

#[test]
fn an_older_one_is_stale_and_the_epoch_outranks_the_generation() {
    let before = ledger(4, Phase::Trial, None);
    let accepted = before.accepted.as_ref().unwrap().assignment.version;
    let mut older = assignment(3, "web:good-2", Phase::Trial);
    assert_eq!(offer(&before, &older), Err(Refusal::Stale { accepted }));
    older.version.generation.0 = 99;
    older.version.epoch.0 = 0;
    assert_eq!(offer(&before, &older), Err(Refusal::Stale { accepted }));
}

#[test]
fn the_same_version_with_other_content_is_refused() {
    let before = ledger(4, Phase::Trial, None);
    assert_eq!(offer(&before, &assignment(4, "web:good-2", Phase::Trial)), Err(Refusal::Changed));
    assert_eq!(offer(&before, &assignment(4, "", Phase::Trial)), Err(Refusal::Changed));
}

#[test]
fn the_phase_of_an_open_generation_goes_one_way() {
    use Phase::{Committed, Trial, Withdrawn};
    let rows = [
        (Trial, Trial, Trial),
        (Trial, Committed, Committed),
        (Trial, Withdrawn, Withdrawn),
        (Committed, Trial, Committed),
        (Committed, Withdrawn, Withdrawn),
        (Withdrawn, Trial, Withdrawn),
        (Withdrawn, Committed, Withdrawn),
    ];
    for (accepted, offered, expected) in rows {
        let answer = offer(&ledger(4, accepted, None), &assignment(4, "web:good-1", offered));
        let expected =
            if accepted == expected { Offer::Unchanged } else { Offer::Accepted(Box::new(ledger(4, expected, None))) };
        assert_eq!(answer, Ok(expected), "{accepted:?} then {offered:?}");
    }
}

#[test]
fn the_share_of_a_generation_in_trial_rises_and_falls_and_later_says_nothing() {
    use Phase::{Committed, Trial, Withdrawn};
    let at = |percent: u32, phase| Assignment {
        share: Share::try_from(percent).unwrap(),
        ..assignment(4, "web:good-1", phase)
    };
    let before = |accepted, end| Ledger { accepted: Some(Accepted { assignment: accepted, end }), ..Ledger::default() };
    let rows = [
        (at(0, Trial), None, at(25, Trial), true),
        (at(25, Trial), None, at(0, Trial), true),
        (at(25, Trial), None, at(25, Trial), false),
        (at(25, Trial), None, at(100, Committed), true),
        (at(25, Trial), None, at(25, Withdrawn), true),
        (at(25, Committed), None, at(50, Trial), false),
        (at(25, Committed), None, at(50, Committed), false),
        (at(25, Trial), Some(End::Committed), at(50, Trial), false),
        (at(25, Trial), Some(reverted()), at(50, Trial), false),
    ];
    for (accepted, end, offered, is_news) in rows {
        let ledger = before(accepted, end.clone());
        let expected = if is_news { Offer::Accepted(Box::new(before(offered.clone(), end))) } else { Offer::Unchanged };
        assert_eq!(offer(&ledger, &offered), Ok(expected), "{ledger:?} then {offered:?}");
    }
}

#[test]
fn an_ended_generation_refuses_the_other_end() {
    use Phase::{Committed, Trial, Withdrawn};
    let rows = [
        (End::Committed, Trial, Ok(Offer::Unchanged)),
        (End::Committed, Committed, Ok(Offer::Unchanged)),
        (End::Committed, Withdrawn, Err(Refusal::AlreadyCommitted)),
        (reverting(), Trial, Ok(Offer::Unchanged)),
        (reverting(), Withdrawn, Ok(Offer::Unchanged)),
        (reverting(), Committed, Err(Refusal::AlreadyReverted)),
        (reverted(), Withdrawn, Ok(Offer::Unchanged)),
        (reverted(), Committed, Err(Refusal::AlreadyReverted)),
    ];
    for (end, phase, expected) in rows {
        let answer = offer(&ledger(4, Trial, Some(end.clone())), &assignment(4, "web:good-1", phase));
        assert_eq!(answer, expected, "{end:?} then {phase:?}");
    }
}

#[test]
fn what_can_not_be_read_or_does_not_fit_is_malformed() {
    let rows: [(Change, &str); 5] = [
        (|assignment| assignment.content.as_mut().unwrap().manifest.push(b' '), "the manifest's digest is not"),
        (
            |assignment| {
                let content = assignment.content.as_mut().unwrap();
                content.manifest = b"{}".to_vec();
                content.digest = Digest::of(b"{}");
            },
            "the release's manifest can't be read",
        ),
        (|assignment| assignment.key.app = "other".parse().unwrap(), "the manifest is for default/shop"),
        (
            |assignment| {
                assignment.content.as_mut().unwrap().services.insert("db".parse().unwrap());
            },
            "the manifest has no service db",
        ),
        (
            |assignment| {
                let content = assignment.content.as_mut().unwrap();
                let newer =
                    String::from_utf8(content.manifest.clone()).unwrap().replace("\"format\":1", "\"format\":2");
                content.digest = Digest::of(newer.as_bytes());
                content.manifest = newer.into_bytes();
            },
            "the release's manifest has format 2",
        ),
    ];
    for (change, expected) in rows {
        match offer(&Ledger::default(), &spoiled(change)) {
            Err(Refusal::Malformed { message }) => assert!(message.starts_with(expected), "{message}"),
            other => panic!("{other:?} instead of {expected}"),
        }
    }
}

#[test]
fn another_app_s_assignment_is_malformed() {
    let mut foreign = assignment(9, "", Phase::Trial);
    foreign.key.app = "other".parse().unwrap();
    let answer = offer(&ledger(4, Phase::Trial, None), &foreign);
    assert!(matches!(answer, Err(Refusal::Malformed { .. })), "{answer:?}");
}
