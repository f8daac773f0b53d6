//! Who is told to fetch ahead, and what is shown of it.

use super::*;

/// Waits until the newest rollout shows this.
async fn shown(world: &World, what: &str, so: impl Fn(&RolloutSnapshot) -> bool) -> RolloutSnapshot {
    until(what, async || world.handle().rollout(Pick::Newest).await.ok().filter(|snapshot| so(snapshot))).await
}

#[tokio::test(start_paused = true)]
async fn the_next_waves_host_fetches_ahead_and_the_order_ends_that() {
    let world = World::with_hosts(2).await;
    let agents = world.agents(1..=2);
    shown_live(&world, 2).await;
    world.deploy(1).await.unwrap();
    let has_it = |snapshot: &RolloutSnapshot| snapshot.prefetch.get(&host_id(2)) == Some(&PrefetchState::Present);
    let snapshot = shown(&world, "host 2 has it", has_it).await;
    assert_eq!(snapshot.rollout.hosts[&host_id(2)].state, evenkeel_rollout::HostState::Waiting);
    let view = crate::view::rollout(&snapshot, UnixMillis(0));
    let ahead = view.prefetch.unwrap();
    assert_eq!((ahead.hosts, ahead.present, ahead.failing), (1, 1, 0));
    assert_eq!(view.hosts.iter().map(|host| host.prefetch.as_str()).collect::<Vec<_>>(), ["", "present"]);

    assert_eq!(world.ended().await.outcome(), Some(Outcome::Succeeded));
    let images: Vec<_> = manifest(1).services.into_values().map(|service| service.image).collect();
    let pull_deadline = Policy::default().pull_deadline;
    let announced = Prefetch { key: app(), release: ReleaseNumber(1), images, pull_deadline };
    assert_eq!(agents[1].ahead(), [vec![], vec![announced], vec![]]);
    assert_eq!(agents[0].ahead(), [vec![]], "it was ordered at once");
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_is_started_again_announces_it_again() {
    let mut world = World::with_hosts(2).await;
    let agents = world.agents(1..=2);
    shown_live(&world, 2).await;
    let policy = Policy { bake: Millis::minutes(60), ..deploy(1).policy };
    world.handle().deploy(Deploy { policy, ..deploy(1) }).await.unwrap();
    let has_it = |snapshot: &RolloutSnapshot| snapshot.prefetch.get(&host_id(2)) == Some(&PrefetchState::Present);
    shown(&world, "host 2 has it", has_it).await;
    world.restart().await;
    shown(&world, "host 2 says so again", has_it).await;
    assert_eq!(agents[1].ahead().last().map(Vec::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_could_not_fetch_ahead_is_shown_with_its_cause_and_has_not_failed() {
    let world = World::with_hosts(2).await;
    let _first = world.agent(1);
    let second = world.handle().connect(host_id(2), Epoch(0), HostFacts::default()).await.unwrap();
    shown_live(&world, 2).await;
    world.deploy(1).await.unwrap();
    let failure = Failure::plain(CauseKind::RegistryUnreachable, "503");
    let state = PrefetchState::GivenUp { failure: failure.clone() };
    let prefetch = vec![PrefetchReport { key: app(), release: ReleaseNumber(1), state }];
    let reported = Reported { prefetch, ..Reported::default() };
    world.handle().reported(host_id(2), second.connection, reported).await.unwrap();
    let is_told =
        |snapshot: &RolloutSnapshot| snapshot.prefetch.values().any(|state| state.failure() == Some(&failure));
    let snapshot = shown(&world, "the cause", is_told).await;
    let view = crate::view::rollout(&snapshot, UnixMillis(0));
    assert_eq!(view.prefetch.unwrap().failing, 1);
    let host = &view.hosts[1];
    assert_eq!((host.prefetch.as_str(), host.state.as_str()), ("given_up", "waiting"));
    assert_eq!(host.prefetch_failure.as_ref().unwrap().cause, "registry_unreachable");
    assert!(host.failure.is_none() && host.obstacle.is_none());
}

async fn shown_live(world: &World, hosts: u32) {
    for number in 1..=hosts {
        let is_live = async || (world.handle().host(host_id(number)).await.ok()?.contact == "live").then_some(());
        until("the host is heard", is_live).await;
    }
}
