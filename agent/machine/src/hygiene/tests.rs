//! Which images stay.

use evenkeel_model::{CauseKind, Digest, Phase, ReleaseNumber};

use crate::world::World;

fn commit(world: &mut World, text: &str) {
    world.deploy_as(text, Phase::Committed);
    world.run(30);
    assert_eq!(world.end(), "committed");
}

fn kept(world: &World) -> Vec<u64> {
    world.ledger.kept.iter().map(|kept| kept.release.0).collect()
}

fn forgotten(world: &World) -> Vec<&str> {
    world.log.iter().filter_map(|action| action.strip_prefix("forget ")).collect()
}

fn has(world: &World, image: &str) -> bool {
    world.images.contains_key(&Digest::of(image.as_bytes()))
}

#[test]
fn as_many_releases_are_kept_as_the_committed_one_says() {
    let mut world = World::new();
    for image in ["good-1", "good-2", "good-3", "good-4"] {
        commit(&mut world, &format!("web:{image} keep=3"));
    }
    assert_eq!((kept(&world), forgotten(&world)), (vec![4, 3, 2], vec!["good-1"]));
    assert!(!has(&world, "good-1") && has(&world, "good-2"));
}

#[test]
fn never_fewer_are_kept_than_a_rollback_needs() {
    let mut world = World::new();
    for image in ["good-1", "good-2", "good-3"] {
        commit(&mut world, &format!("web:{image} keep=0"));
    }
    assert_eq!((kept(&world), forgotten(&world)), (vec![3, 2], vec!["good-1"]));
}

#[test]
fn a_release_that_is_committed_again_is_the_newest_once() {
    let mut world = World::new();
    commit(&mut world, "web:good-1");
    commit(&mut world, "web:good-2");
    let mut again = crate::world::assignment(3, "web:good-1", Phase::Committed);
    again.content.as_mut().unwrap().release = ReleaseNumber(1);
    world.accept(&again).unwrap();
    world.run(30);
    assert_eq!(kept(&world), [1, 2]);
}

#[test]
fn an_image_that_anybody_still_needs_stays() {
    let mut world = World::new();
    world.needed_elsewhere.insert(Digest::of(b"good-2"));
    for text in ["web:good-1 db:good-2 api:good-3 old:good-9", "web:good-4 api:good-3", "web:good-1", "web:good-5"] {
        commit(&mut world, &format!("{text} keep=2"));
    }
    // The first release's: one is in a release that is kept, one is another app's. One of the second's goes with it.
    assert_eq!((kept(&world), forgotten(&world)), (vec![4, 3], vec!["good-9", "good-3", "good-4"]));
}

#[test]
fn nothing_is_forgotten_in_a_trial_and_a_revert_forgets_nothing_that_is_kept() {
    let mut world = World::new();
    commit(&mut world, "web:good-1");
    commit(&mut world, "web:good-2");
    world.deploy("web:good-3 keep=0");
    world.run(30);
    assert_eq!(world.end(), "trial");
    world.order(Phase::Withdrawn).unwrap();
    world.run(30);
    assert_eq!((world.end(), kept(&world), forgotten(&world).len()), ("reverted", vec![2, 1], 0));
}

#[test]
fn an_image_that_can_not_be_taken_away_is_left_after_three_attempts() {
    let mut world = World::new();
    commit(&mut world, "web:good-1 keep=2");
    commit(&mut world, "web:good-2 keep=2");
    world.fault("forget", CauseKind::EngineUnavailable, 100);
    commit(&mut world, "web:good-3 keep=2");
    assert_eq!((kept(&world), forgotten(&world)), (vec![3, 2], vec!["good-1"; 3]));
    assert!(has(&world, "good-1"));
}

#[test]
fn a_local_image_is_never_taken_away() {
    let mut world = World::new();
    for image in ["good-1", "good-2", "good-3"] {
        commit(&mut world, &format!("web:{image}:local keep=2"));
    }
    assert_eq!((kept(&world), forgotten(&world).len()), (vec![3, 2], 0));
}

#[test]
fn an_app_that_is_removed_forgets_all_its_images_in_the_end() {
    let mut world = World::new();
    commit(&mut world, "web:good-1");
    commit(&mut world, "web:good-2 db:good-1");
    world.forget_the_past();
    commit(&mut world, "");
    assert_eq!(world.log[world.log.len() - 2..], ["forget good-1", "forget good-2"]);
    assert!(world.ledger.kept.is_empty() && world.images.is_empty());
}
