//! Stories that are played, and compared with what they should come to. Not here: the stories (beside each step).

use super::{Disaster, World};

/// Runs the world for a while and compares what it has come to.
#[track_caller]
pub(crate) fn check(world: &mut World, seconds: u64, expected: &str) {
    world.run(seconds);
    assert_eq!(world.state(), expected, "after {:#?}", world.log);
}

/// Plays `story` once without and then with `disaster` at each of its steps: it must come to the same whatever befalls it.
#[track_caller]
pub(crate) fn check_each_step(from: &str, disaster: &Disaster, story: fn(&mut World), expected: &str) {
    let serving = World::serving(from);
    let mut undisturbed = serving.clone();
    story(&mut undisturbed);
    let steps = undisturbed.steps.min(60);
    assert!(steps > 5, "the story is long enough to be disturbed");
    for at in 0..steps {
        let mut world = serving.clone();
        world.disaster = Some((at, disaster.clone()));
        story(&mut world);
        world.run(120);
        assert_eq!(world.state(), expected, "{disaster:?} at step {at}: {:#?}", world.log);
    }
}
