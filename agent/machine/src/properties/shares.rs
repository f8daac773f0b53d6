//! The same with trials below their full share.

use proptest::prelude::*;

use super::ends::{the_right_one_is_routed_to, the_right_set_is_left};
use super::{Event, RELEASES, SERVING, config, disturbance, event, happen, heal, is_ailing, steps};
use crate::world::World;

fn percent() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0), 2 => Just(100), 3 => 1..100u32]
}

/// What happens, with shares that rise and fall.
fn event_with_shares() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => event(),
        1 => (0..RELEASES.len(), percent()).prop_map(|(release, percent)| Event::Stage(release, percent)),
        1 => percent().prop_map(Event::Share),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_at_whatever_share_it_converges_and_no_invariant_breaks(
        events in prop::collection::vec(event_with_shares(), 1..30)
    ) {
        let mut world = World::new();
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

    #[test]
    fn kills_and_a_proxy_that_comes_and_goes_never_change_what_a_share_comes_to(
        from in prop::sample::select(SERVING.as_slice()),
        to in 0..RELEASES.len(),
        shares in prop::collection::vec((percent(), 0..20u8, disturbance()), 1..6),
        last in percent(),
    ) {
        let mut undisturbed = World::serving(from);
        undisturbed.deploy(RELEASES[to]);
        undisturbed.share(last).unwrap();
        undisturbed.run(300);
        let mut world = World::serving(from);
        world.deploy(RELEASES[to]);
        world.share(shares[0].0).unwrap();
        for (percent, after, disturbance) in shares {
            steps(&mut world, after);
            happen(&mut world, &disturbance);
            // Once it has ended it is refused, or says nothing new.
            drop(world.share(percent));
        }
        drop(world.share(last));
        world.run(400);
        // One that can't be beside its old container may have been replaced while it had all.
        prop_assume!(!undisturbed.is_hindered());
        prop_assert_eq!(undisturbed.state(), world.state());
    }
}
