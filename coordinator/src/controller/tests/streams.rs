//! Streams, leases, reports: who is heard, and whose word counts.

use super::*;

async fn contact(world: &World, number: u32) -> String {
    world.handle().host(host_id(number)).await.unwrap().contact
}

async fn connect(world: &World, number: u32) -> Connected {
    world.handle().connect(host_id(number), Epoch(0), HostFacts::default()).await.unwrap()
}

fn report(stage: Stage) -> AppReport {
    let assignment = Assignment {
        key: app(),
        version: evenkeel_model::Version::default(),
        content: None,
        phase: Phase::Trial,
        share: evenkeel_model::Share::ALL,
        terms: evenkeel_model::Terms {
            health_deadline: Millis(1),
            pull_deadline: Millis(1),
            orphan_after: Millis(1),
            keep_blue: Millis(0),
        },
    };
    AppReport { stage, ..Seen::default().obey(&assignment) }
}

fn said(report: AppReport) -> Reported {
    Reported { apps: vec![report], ..Reported::default() }
}

#[tokio::test(start_paused = true)]
async fn a_host_is_silent_until_it_connects_and_again_when_its_lease_runs_out() {
    let world = World::with_hosts(1).await;
    assert_eq!(contact(&world, 1).await, "silent");
    let connected = connect(&world, 1).await;
    assert_eq!(contact(&world, 1).await, "live");
    for _ in 0..10 {
        tokio::time::sleep(DEFAULT_LEASE.to_std().mul_f64(0.98)).await;
        connected.heard.note();
    }
    assert_eq!(contact(&world, 1).await, "live");
    assert!(!connected.over.is_cancelled());
    tokio::time::sleep(DEFAULT_LEASE.to_std() + Duration::from_millis(1)).await;
    assert_eq!(contact(&world, 1).await, "silent");
    assert!(connected.over.is_cancelled());
    // What comes by that stream now comes too late: the host has to say everything anew.
    connected.heard.note();
    world.handle().reported(host_id(1), connected.connection, Reported::default()).await.unwrap();
    assert_eq!(contact(&world, 1).await, "silent");
}

#[tokio::test(start_paused = true)]
async fn when_a_host_was_last_heard_is_told_though_its_beats_are_no_events() {
    let world = World::with_hosts(1).await;
    let connected = connect(&world, 1).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    connected.heard.note();
    let (heard, last_heard) = (world.clock.now(), async || world.handle().host(host_id(1)).await.unwrap().last_heard);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(last_heard().await, Some(heard.0));
    // It is still so when the stream has ended.
    world.handle().gone(host_id(1), connected.connection).await.unwrap();
    assert_eq!((contact(&world, 1).await.as_str(), last_heard().await), ("silent", Some(heard.0)));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_newest_stream_is_silence_and_that_of_an_older_one_is_nothing() {
    let world = World::with_hosts(1).await;
    let first = connect(&world, 1).await;
    let second = connect(&world, 1).await;
    assert!(first.over.is_cancelled() && !second.over.is_cancelled());
    world.handle().gone(host_id(1), first.connection).await.unwrap();
    assert_eq!(contact(&world, 1).await, "live");
    world.handle().gone(host_id(1), second.connection).await.unwrap();
    assert_eq!(contact(&world, 1).await, "silent");
}

#[tokio::test(start_paused = true)]
async fn a_report_by_an_older_stream_is_not_believed() {
    let world = World::with_hosts(1).await;
    let agent = world.agent(1);
    world.deployed(1).await;
    drop(agent);
    let (old, new) = (connect(&world, 1).await, connect(&world, 1).await);
    let stage = async || world.handle().host(host_id(1)).await.unwrap().apps[0].stage.clone();
    // A new stream has said nothing yet, whatever the one before it said.
    assert_eq!(stage().await, "");
    world.handle().reported(host_id(1), old.connection, said(report(Stage::Committed))).await.unwrap();
    assert_eq!(stage().await, "");
    world.handle().reported(host_id(1), new.connection, said(report(Stage::Reverted))).await.unwrap();
    assert_eq!(stage().await, "reverted");
}

#[tokio::test(start_paused = true)]
async fn a_host_says_nothing_of_other_environments() {
    let world = World::with_hosts(1).await;
    let agent = world.agent(1);
    world.deployed(1).await;
    drop(agent);
    let connected = connect(&world, 1).await;
    let mut foreign = report(Stage::Committed);
    foreign.key.environment = "prod".parse().unwrap();
    world.handle().reported(host_id(1), connected.connection, said(foreign)).await.unwrap();
    let host = world.handle().host(host_id(1)).await.unwrap();
    assert_eq!(host.apps.iter().map(|app| app.stage.as_str()).collect::<Vec<_>>(), [""]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_heard_a_newer_coordinator_is_in_conflict_and_sent_nothing() {
    let world = World::with_hosts(1).await;
    let connected = world.handle().connect(host_id(1), Epoch(u64::MAX), HostFacts::default()).await.unwrap();
    assert!(connected.wanted.is_none());
    assert_eq!(contact(&world, 1).await, "conflict");
    world.deploy(1).await.unwrap();
    world.handle().reported(host_id(1), connected.connection, Reported::default()).await.unwrap();
    assert!(world.stored().await.orders.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_gets_its_orders_when_it_comes_and_is_never_taken_for_healthy() {
    let world = World::with_hosts(2).await;
    let _first = world.agent(1);
    world.deploy(1).await.unwrap();
    tokio::time::sleep(Duration::from_mins(5)).await;
    let rollout = world.handle().rollout(Pick::Newest).await.unwrap();
    assert_eq!(rollout.rollout.outcome(), None, "{:?}", rollout.rollout);
    assert!(!rollout.waiting.is_empty());
    let _second = world.agent(2);
    assert_eq!(world.ended().await.outcome(), Some(Outcome::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_shown_as_long_as_it_answers_the_newest_order() {
    let world = World::with_hosts(1).await;
    let agent = world.agent(1);
    world.deployed(1).await;
    let last = agent.last();
    drop(agent);
    let connected = connect(&world, 1).await;
    let refusal = refused(&last, evenkeel_model::Refusal::AlreadyReverted);
    let reported = Reported { refused: vec![refusal], ..Reported::default() };
    world.handle().reported(host_id(1), connected.connection, reported).await.unwrap();
    let why = world.handle().host(host_id(1)).await.unwrap().apps[0].why.clone();
    assert_eq!(why, "refuses the order: it was reverted on this host");
}

#[tokio::test(start_paused = true)]
async fn a_host_whose_word_waits_behind_a_thousand_others_is_not_silent() {
    let world = World::with_hosts(1).await;
    let connected = connect(&world, 1).await;
    let handle = world.handle();
    // All of it is said before the controller gets to listen.
    tokio::task::unconstrained(async {
        for _ in 0..EVENTS_PER_TURN {
            handle.reported(host_id(2), connected.connection, Reported::default()).await.unwrap();
        }
        handle.reported(host_id(1), connected.connection, Reported::default()).await.unwrap();
    })
    .await;
    tokio::time::advance(DEFAULT_LEASE.to_std() + Duration::from_secs(1)).await;
    assert_eq!(contact(&world, 1).await, "live");
    assert!(!connected.over.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_host_is_not_refused_for_a_removal_that_could_not_be_stored() {
    let world = World::with_hosts(1).await;
    let handle = world.handle();
    world.store.fail(true);
    let (removed, refused) = tokio::join!(
        biased;
        handle.remove_host(host_id(1)),
        handle.connect(host_id(1), Epoch(0), HostFacts::default()),
    );
    assert_eq!(removed, Err(MemberError::Unavailable(Unavailable)));
    assert!(matches!(refused, Err(ConnectError::Member(MemberError::Unavailable(_)))), "{refused:?}");
}
