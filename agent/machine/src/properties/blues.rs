//! The same where what a commit replaced runs on for a while.

use evenkeel_model::Phase;
use proptest::prelude::*;

use super::ends::{the_right_one_is_routed_to, the_right_set_is_left};
use super::{Event, RELEASES, SERVING, config, event, happen, heal, is_ailing, phase};
use crate::world::World;

fn replace() -> impl Strategy<Value = Event> {
    // Over before the world is healed, and long after that.
    let seconds = prop_oneof![1..60u32, Just(5_000)];
    let phase = prop_oneof![3 => Just(Phase::Committed), 1 => phase()];
    let release = 0..RELEASES.len();
    (release, phase, seconds).prop_map(|(release, phase, seconds)| Event::Replace(release, phase, seconds))
}

fn event_with_replacements() -> impl Strategy<Value = Event> {
    let percent = prop_oneof![Just(0), Just(100), 1..100u32];
    prop_oneof![
        3 => event(),
        3 => replace(),
        3 => (10..60u8).prop_map(Event::Run),
        1 => Just(Event::Order(Phase::Committed)),
        1 => percent.prop_map(Event::Share),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_while_something_is_kept_it_converges_and_no_invariant_breaks(
        from in prop::sample::select(SERVING.as_slice()),
        events in prop::collection::vec(event_with_replacements(), 1..30)
    ) {
        let mut world = World::serving(from);
        for event in &events {
            happen(&mut world, event);
        }
        heal(&mut world);
        the_right_set_is_left(&world);
        the_right_one_is_routed_to(&world);
        let before = world.state();
        world.forget_the_past();
        world.run(60);
        prop_assert_eq!(before, world.state(), "what has converged stays");
        world.log.retain(|action| !(is_ailing(&world.ledger) && (action.starts_with("stop") || action.starts_with("start"))));
        prop_assert!(world.log.is_empty(), "what has converged is left alone: {:?}", world.log);
    }
}
