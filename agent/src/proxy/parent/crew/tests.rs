//! The crew's stories: each is events in order, and what must follow.

use super::*;

const DRAIN: Millis = Millis::seconds(30);
const NOW: Monotonic = Monotonic(1_000_000);

/// A crew whose first worker serves.
fn serving() -> Crew {
    let mut crew = Crew::default();
    assert_eq!(crew.begin(NOW), [Step::Start(1)]);
    assert_eq!(crew.prepared(1, DRAIN, NOW), [Step::Tell(1, Tell::Lead)]);
    assert_eq!(crew.ready(1, NOW), [Step::Leads(1)]);
    crew
}

/// Worker 2 has been told to lead; worker 1 takes no more orders.
fn handing_over() -> Crew {
    let mut crew = serving();
    assert_eq!(crew.hand_over(NOW), [Step::Start(2)]);
    assert_eq!(crew.prepared(2, DRAIN, NOW), [Step::Tell(1, Tell::Release)]);
    assert_eq!(crew.released(1, NOW), [Step::Tell(2, Tell::Lead)]);
    crew
}

/// Worker 2 leads, worker 1 retires.
fn handed_over() -> Crew {
    let mut crew = handing_over();
    let retire = [Step::Leaves(1), Step::Tell(1, Tell::Retire { drain: DRAIN }), Step::Leads(2)];
    assert_eq!(crew.ready(2, NOW), retire);
    crew
}

fn elsewhere(in_flight: u64) -> Tell {
    Tell::Elsewhere { owner: "default/shop".into(), container: "c1".into(), in_flight }
}

fn has(crew: &mut Crew, id: Id, in_flight: u64) -> Vec<Step> {
    crew.underway(id, "default/shop".into(), "c1".into(), in_flight)
}

#[test]
fn the_old_worker_retires_only_when_the_new_one_leads() {
    let mut crew = handed_over();
    assert_eq!(crew.ended(1, NOW), []);
    assert_eq!(crew.wake_at(), None);
}

#[test]
fn a_dead_leader_is_replaced_at_once() {
    let mut crew = serving();
    assert_eq!(crew.ended(1, NOW), [Step::Start(2)]);
    assert_eq!(crew.prepared(2, DRAIN, NOW), [Step::Tell(2, Tell::Lead)]);
}

#[test]
fn leaders_that_die_early_in_a_row_are_replaced_after_a_wait() {
    let mut crew = serving();
    assert_eq!(crew.ended(1, NOW), [Step::Start(2)]);
    assert_eq!(crew.ended(2, NOW), []);
    let at = crew.wake_at().unwrap();
    assert!(at > NOW);
    assert_eq!(crew.due(at), [Step::Start(3)]);
}

#[test]
fn a_successor_that_fails_at_any_step_leaves_the_lead_where_it_was() {
    let mut crew = serving();
    crew.hand_over(NOW);
    assert_eq!(crew.ended(2, NOW), [], "died before it was prepared");

    let mut crew = serving();
    crew.hand_over(NOW);
    crew.prepared(2, DRAIN, NOW);
    assert_eq!(crew.ended(2, NOW), [], "died while the leader released");
    assert_eq!(crew.released(1, NOW), [Step::Tell(1, Tell::Lead)]);
    assert_eq!(crew.ready(1, NOW), [Step::Leads(1)]);

    let mut crew = handing_over();
    assert_eq!(crew.ended(2, NOW), [Step::Tell(1, Tell::Lead)], "died before it led");
    assert_eq!(crew.ready(1, NOW), [Step::Leads(1)]);

    let mut crew = serving();
    crew.hand_over(NOW);
    assert_eq!(crew.due(NOW + STEP_TIMEOUT), [Step::Kill(2)], "hung");
}

#[test]
fn a_leader_that_dies_while_it_hands_over_is_followed_by_its_successor() {
    let mut crew = serving();
    crew.hand_over(NOW);
    assert_eq!(crew.ended(1, NOW), []);
    assert_eq!(crew.prepared(2, DRAIN, NOW), [Step::Tell(2, Tell::Lead)]);

    let mut crew = serving();
    crew.hand_over(NOW);
    crew.prepared(2, DRAIN, NOW);
    assert_eq!(crew.ended(1, NOW), [Step::Tell(2, Tell::Lead)]);
}

#[test]
fn a_leader_that_cannot_release_keeps_the_lead() {
    let mut crew = serving();
    crew.hand_over(NOW);
    crew.prepared(2, DRAIN, NOW);
    assert_eq!(crew.kept(1), [Step::Kill(2)]);
    assert_eq!(crew.ended(2, NOW), []);

    let mut crew = serving();
    crew.hand_over(NOW);
    crew.prepared(2, DRAIN, NOW);
    assert_eq!(crew.due(NOW + STEP_TIMEOUT), [Step::Kill(2), Step::Tell(1, Tell::Lead)], "it does not answer");
}

#[test]
fn a_hand_over_asked_for_during_another_comes_after_it() {
    let mut crew = handing_over();
    assert_eq!(crew.hand_over(NOW), []);
    assert_eq!(crew.ready(2, NOW).last(), Some(&Step::Start(3)));
    let mut crew = serving();
    crew.hand_over(NOW);
    crew.hand_over(NOW);
    assert_eq!(crew.ended(2, NOW), [Step::Start(3)], "the first one failed");
}

#[test]
fn an_order_waits_for_those_who_retire_and_no_longer_than_they_live() {
    let mut crew = handed_over();
    assert_eq!(crew.follow(2, 7, NOW), [Step::Tell(1, Tell::Follow { number: 7 })]);
    assert_eq!(crew.followed(1, Some(6)), [], "an older answer");
    assert_eq!(crew.followed(1, Some(7)), [Step::Tell(2, Tell::Followed { number: 7 })]);
    crew.follow(2, 8, NOW);
    assert_eq!(crew.ended(1, NOW), [Step::Tell(2, Tell::Followed { number: 8 })]);
    assert_eq!(crew.follow(2, 9, NOW), [Step::Tell(2, Tell::Followed { number: 9 })], "nobody is left to follow");
}

#[test]
fn one_that_does_not_follow_in_time_is_ended() {
    let mut crew = handed_over();
    crew.follow(2, 7, NOW);
    let steps = crew.due(NOW + FOLLOW_TIMEOUT);
    assert_eq!(steps, [Step::Kill(1), Step::Tell(2, Tell::Followed { number: 7 })]);
}

#[test]
fn the_leader_knows_what_the_others_have_under_way_until_they_end() {
    let mut crew = handing_over();
    assert_eq!(has(&mut crew, 1, 3), [Step::Tell(2, elsewhere(3))]);
    crew.ready(2, NOW);
    assert_eq!(has(&mut crew, 1, 2), [Step::Tell(2, elsewhere(2))]);
    crew.hand_over(NOW);
    crew.prepared(3, DRAIN, NOW);
    assert_eq!(has(&mut crew, 2, 1), [], "nobody leads at this moment");
    assert_eq!(crew.released(2, NOW), [Step::Tell(3, Tell::Lead), Step::Tell(3, elsewhere(3))]);
    assert_eq!(crew.ended(1, NOW), [Step::Tell(3, elsewhere(1))]);
    assert_eq!(
        crew.cut("default/shop", "c1"),
        [Step::Tell(2, Tell::Cut { owner: "default/shop".into(), container: "c1".into() })]
    );
}

#[test]
fn what_a_leader_has_itself_is_not_said_to_it() {
    let mut crew = handing_over();
    has(&mut crew, 1, 3);
    assert_eq!(crew.ended(2, NOW), [Step::Tell(1, Tell::Lead)]);
    assert_eq!(has(&mut crew, 1, 4), [], "a late word from before");
}

#[test]
fn one_that_retires_for_too_long_is_ended() {
    let mut crew = handed_over();
    assert_eq!(crew.wake_at(), Some(NOW + DRAIN + RETIRE_SLACK));
    assert_eq!(crew.due(NOW + DRAIN + RETIRE_SLACK), [Step::Kill(1)]);
    assert_eq!(crew.wake_at(), None, "once is enough");
}

#[test]
fn a_stop_ends_all_of_them_and_starts_none() {
    let mut crew = handed_over();
    crew.hand_over(NOW);
    let short = Tell::Retire { drain: STOP_DRAIN };
    let expected =
        [Step::Leaves(1), Step::Tell(1, short.clone()), Step::Leaves(2), Step::Tell(2, short), Step::Kill(3)];
    assert_eq!(crew.stop(NOW), expected);
    for id in [1, 2, 3] {
        assert!(!crew.is_over());
        assert_eq!(crew.ended(id, NOW), []);
    }
    assert!(crew.is_over());
    assert_eq!(crew.hand_over(NOW), []);
}
