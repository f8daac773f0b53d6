//! Deploying, rolling back, aborting, and what is stored and told of it.

use super::*;
use crate::fixture::manifest_for;

#[tokio::test(start_paused = true)]
async fn a_deploy_to_two_hosts_succeeds_and_becomes_the_current_release() {
    let world = World::with_hosts(2).await;
    let agents = world.agents(1..=2);
    let rollout = world.deployed(1).await;
    assert_eq!(rollout.outcome(), Some(Outcome::Succeeded), "{:?}", rollout.failure);
    let stored = world.stored().await;
    assert_eq!(stored.current[&app()].release, ReleaseNumber(1));
    assert!(agents.iter().all(|agent| agent.is_told_to_commit(1)));
    let status = world.handle().status(AppFilter::default()).await.unwrap();
    assert_eq!((status[0].current_release, status[0].rollout, status[0].hosts.len()), (Some(1), None, 2));
    assert!(status[0].hosts.iter().all(|host| host.app.as_ref().unwrap().healthy));
}

#[tokio::test(start_paused = true)]
async fn a_second_deploy_of_the_app_is_refused_while_the_first_goes_on() {
    let world = World::with_hosts(2).await;
    let _agents = world.agents(1..=2);
    world.deploy(1).await.unwrap();
    let Err(error) = world.deploy(2).await else { panic!("it was begun") };
    assert!(matches!(error, RolloutError::GoesOn { rollout: evenkeel_model::RolloutId(1), .. }));
    assert_eq!(
        error.to_string(),
        "rollout 1 of default/shop, begun by ada, goes on: wait for its end, begin after it with `--queue`, take over with `--supersede`, or abort it"
    );
    assert_eq!(world.stored().await.releases[&app()].len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deploy_without_a_matching_host_stores_nothing() {
    let world = World::with_hosts(2).await;
    let before = world.stored().await;
    let nowhere = Deploy { manifest: manifest_for(1, "db"), ..deploy(1) };
    let error = world.handle().deploy(nowhere).await.unwrap_err();
    assert!(error.to_string().contains("service web asks for node.labels.role == db"), "{error}");
    assert_eq!(world.stored().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_preview_changes_nothing_and_shows_the_waves() {
    let world = World::with_hosts(2).await;
    let before = world.stored().await;
    let planned = world.handle().preview(deploy(1)).await.unwrap();
    let view = crate::view::plan(&planned, vec!["a note".to_owned()]);
    assert_eq!((view.from, view.to, view.waves.len(), view.budget), (None, 1, 2, 1));
    assert_eq!((view.waves[0].hosts[0].change.as_str(), view.prefetch_hosts), ("new", 0), "nobody is heard");
    assert_eq!(world.stored().await, before);
}

#[tokio::test(start_paused = true)]
async fn the_same_content_is_the_same_release() {
    let world = World::with_hosts(1).await;
    let _agents = world.agents(1..=1);
    world.deployed(1).await;
    world.deployed(2).await;
    let again = world.deployed(1).await;
    assert_eq!((again.to, again.from), (ReleaseNumber(1), Some(ReleaseNumber(2))));
    assert_eq!(world.stored().await.releases[&app()].len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_reverts_makes_the_rollout_fail_and_the_fleet_go_back() {
    let world = World::with_hosts(3).await;
    let agents = world.agents(1..=3);
    world.deployed(1).await;
    agents[0].dislikes(2);
    let rollout = world.deployed(2).await;
    assert_eq!(rollout.outcome(), Some(Outcome::RolledBack));
    assert_eq!(world.stored().await.current[&app()].release, ReleaseNumber(1));
    assert_eq!(rollout.hosts[&host_id(1)].failure.as_ref().unwrap().kind, CauseKind::Exited);
    let told_of_2 = |agent: &Agent| {
        agent.assignments().iter().any(|told| told.content.as_ref().is_some_and(|content| content.release.0 == 2))
    };
    assert_eq!(agents.iter().map(told_of_2).collect::<Vec<_>>(), [true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn g4_a_host_that_calls_another_image_healthy_is_never_taken_for_healthy() {
    let world = World::with_hosts(1).await;
    let agents = world.agents(1..=1);
    world.deployed(1).await;
    agents[0].fakes(2);
    let rollout = world.deployed(2).await;
    assert_eq!(rollout.outcome(), Some(Outcome::RolledBack), "{rollout:#?}");
    assert!(!agents[0].assignments().iter().any(|told| {
        told.phase == Phase::Committed && told.content.as_ref().is_some_and(|content| content.release.0 == 2)
    }));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_goes_to_the_release_before_and_a_second_one_further_back() {
    let world = World::with_hosts(1).await;
    let agents = world.agents(1..=1);
    for version in 1..=3 {
        world.deployed(version).await;
    }
    let rollback = |to: Option<u64>| Rollback {
        key: app(),
        to: to.map(ReleaseNumber),
        now: false,
        by: "ada".parse().unwrap(),
        why: String::new(),
    };
    for to in [2, 1] {
        let begun = world.handle().rollback(rollback(None)).await.unwrap();
        assert_eq!(begun.rollout.to, ReleaseNumber(to));
        assert_eq!(world.ended().await.outcome(), Some(Outcome::Succeeded));
        assert!(agents[0].is_told_to_commit(to));
    }
    let nothing = world.handle().rollback(rollback(None)).await.unwrap_err();
    assert_eq!(nothing, RolloutError::NothingBefore);
    let unknown = world.handle().rollback(rollback(Some(9))).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no release 9 of default/shop");
    let current = world.handle().rollback(rollback(Some(1))).await.unwrap_err();
    assert_eq!(current.to_string(), "release 1 is the current release of default/shop already");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_supersedes_the_rollout_that_goes_on() {
    let world = World::with_hosts(2).await;
    let agents = world.agents(1..=2);
    world.deployed(1).await;
    let going = world.deploy(2).await.unwrap().rollout.id;
    until("the first host tries it", async || {
        agents[0].last().content.is_some_and(|content| content.release == ReleaseNumber(2)).then_some(())
    })
    .await;
    let mut watched = world.handle().watch_rollout(Pick::Rollout(going)).await.unwrap();
    let rollback = Rollback { key: app(), to: None, now: false, by: "bob".parse().unwrap(), why: String::new() };
    let begun = world.handle().rollback(rollback).await.unwrap().rollout;
    assert_eq!((begun.to, begun.policy.bake), (ReleaseNumber(1), Millis(0)));
    let seen = watched.wait_for(|snapshot| snapshot.rollout.outcome().is_some()).await.unwrap().rollout.outcome();
    assert_eq!(seen, Some(Outcome::Superseded));
    assert_eq!(world.ended().await.outcome(), Some(Outcome::Succeeded));
    assert_eq!(world.stored().await.current[&app()].release, ReleaseNumber(1));
}

#[tokio::test(start_paused = true)]
async fn an_abort_ends_the_rollout_and_a_second_one_is_refused() {
    let world = World::with_hosts(2).await;
    let _agents = world.agents(1..=2);
    world.deployed(1).await;
    let id = world.deploy(2).await.unwrap().rollout.id;
    let abort = AbortRollout {
        rollout: Pick::NewestOf(app()),
        rollback: false,
        by: "ada".parse().unwrap(),
        why: String::new(),
    };
    world.handle().abort(abort.clone()).await.unwrap();
    assert_eq!(world.ended().await.outcome(), Some(Outcome::Aborted));
    assert_eq!(world.handle().abort(abort.clone()).await.unwrap_err(), RolloutError::NoneGoesOn(app()));
    let by_id = AbortRollout { rollout: Pick::Rollout(id), ..abort };
    assert!(matches!(world.handle().abort(by_id).await, Err(RolloutError::NotAborted(_))));
}

#[tokio::test(start_paused = true)]
async fn while_the_store_fails_nothing_is_acknowledged_or_ordered_and_reads_go_on() {
    let world = World::with_hosts(1).await;
    let agents = world.agents(1..=1);
    world.deployed(1).await;
    let told = agents[0].assignments().len();
    world.store.fail(true);
    assert_eq!(world.deploy(2).await.unwrap_err(), RolloutError::Unavailable(Unavailable));
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(agents[0].assignments().len(), told);
    let releases = world.handle().releases(AppFilter::default()).await.unwrap();
    assert_eq!(releases.iter().map(|release| (release.release, release.current)).collect::<Vec<_>>(), [(1, true)]);
    world.store.fail(false);
    assert_eq!(world.stored().await.releases[&app()].len(), 1);
    let rollout = world.deployed(2).await;
    assert_eq!((rollout.to, rollout.outcome()), (ReleaseNumber(2), Some(Outcome::Succeeded)));
}

#[tokio::test(start_paused = true)]
async fn a_rollout_waits_for_a_store_that_fails_in_its_middle() {
    let world = World::with_hosts(2).await;
    let _agents = world.agents(1..=2);
    world.deploy(1).await.unwrap();
    for _ in 0..4 {
        world.store.fail(true);
        tokio::time::sleep(Duration::from_secs(7)).await;
        world.store.fail(false);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(world.ended().await.outcome(), Some(Outcome::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_joins_later_gets_the_current_release() {
    let world = World::with_hosts(1).await;
    let _first = world.agents(1..=1);
    world.deployed(1).await;
    world.handle().create_token(membership::token("later")).await.unwrap();
    world.handle().join(membership::join("later", 2)).await.unwrap();
    let second = world.agent(2);
    until("it is told to commit", async || {
        (!second.assignments().is_empty() && second.is_told_to_commit(1)).then_some(())
    })
    .await;
}

/// Freezes everything; its number.
async fn freeze(world: &World) -> u64 {
    let (filter, by, why) = (AppFilter::default(), "ada".parse().unwrap(), "the fair".to_owned());
    world.handle().freeze(NewFreeze { filter, until: None, by, why }).await.unwrap().id
}

#[tokio::test(start_paused = true)]
async fn a_freezes_number_is_never_given_again() {
    let mut world = World::with_hosts(1).await;
    assert_eq!((freeze(&world).await, freeze(&world).await), (1, 2));
    for lifted in [2, 1] {
        world.handle().unfreeze(lifted).await.unwrap();
        assert_eq!(world.handle().unfreeze(lifted).await.unwrap_err(), RolloutError::UnknownFreeze(lifted));
    }
    assert!(world.handle().freezes().await.unwrap().is_empty());
    world.deploy(1).await.expect("nothing keeps it");
    world.restart().await;
    assert_eq!(freeze(&world).await, 3);
    world.handle().unfreeze(3).await.unwrap();
    assert_eq!(freeze(&world).await, 4);
    assert_eq!(
        world.stored().await.freezes.keys().copied().collect::<Vec<_>>(),
        [4],
        "only the newest is kept for its number"
    );
}
