//! The coordinator is killed at every batch that it stores, before and after the batch is durable, and started again.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::*;

/// Never comes back from the batch number `at`, counted from 1.
struct StoreThatHangs {
    inner: Arc<MemoryStore>,
    at: u64,
    /// Whether that batch is durable all the same.
    stores: bool,
    batches: AtomicU64,
    hangs: Notify,
}

#[async_trait]
impl Store for StoreThatHangs {
    async fn load(&self) -> Result<Snapshot, StoreError> {
        self.inner.load().await
    }

    async fn apply(&self, writes: &[Write]) -> Result<(), StoreError> {
        if self.batches.fetch_add(1, Ordering::Relaxed) + 1 != self.at {
            return self.inner.apply(writes).await;
        }
        if self.stores {
            self.inner.apply(writes).await?;
        }
        self.hangs.notify_one();
        std::future::pending().await
    }
}

/// Rolls out two releases with a crash at batch `at`; whether there was such a batch.
async fn crash_at(at: u64, stores: bool) -> bool {
    let memory = Arc::new(MemoryStore::new());
    let joined =
        [Write::PutFleet(contract::fleet(1)), Write::PutHost(Arc::new(host(1))), Write::PutHost(Arc::new(host(2)))];
    memory.apply(&joined).await.unwrap();
    // The first batch is the epoch, at the start: a crash there is a start that never was.
    let hanging = Arc::new(StoreThatHangs {
        inner: Arc::clone(&memory),
        at: at + 1,
        stores,
        batches: AtomicU64::new(0),
        hangs: Notify::new(),
    });
    let mut world = World::on(memory, Arc::clone(&hanging) as Arc<dyn Store>).await;
    let agents = world.agents(1..=2);
    let crashed = {
        let story = async {
            for version in 1..=2 {
                deploy_through_crashes(&world, version).await;
            }
        };
        tokio::select! {
            biased;
            () = hanging.hangs.notified() => true,
            () = story => false,
        }
    };
    if crashed {
        world.restart().await;
        for version in 1..=2 {
            deploy_through_crashes(&world, version).await;
        }
    }
    let end = world.stored().await;
    assert_eq!(end.current[&app()].release, ReleaseNumber(2), "crash at {at}, stored: {stores}");
    assert_eq!(end.rollouts.len(), 2, "crash at {at}, stored: {stores}");
    for agent in &agents {
        check_orders(&agent.assignments());
        assert!(agent.is_told_to_commit(2), "crash at {at}, stored: {stores}");
    }
    crashed
}

/// An operator who does not know whether the last word was heard: asks what there is, and deploys what is missing.
async fn deploy_through_crashes(world: &World, version: u32) {
    let begun = world.handle().rollouts(AppFilter::default(), 10).await.unwrap();
    if !begun.iter().any(|rollout| rollout.to == u64::from(version)) {
        world.deploy(version).await.unwrap();
    }
    assert_eq!(world.ended().await.outcome(), Some(Outcome::Succeeded));
}

/// An order never gets older, and one version never has two contents.
fn check_orders(told: &[Assignment]) {
    for pair in told.windows(2) {
        assert!(pair[0].version <= pair[1].version, "{} after {}", pair[1].version, pair[0].version);
        if pair[0].version == pair[1].version {
            assert_eq!((&pair[0].content, pair[0].terms), (&pair[1].content, pair[1].terms));
            assert!(
                pair[0].phase == pair[1].phase || pair[0].phase == Phase::Trial,
                "{:?} after {:?}",
                pair[1].phase,
                pair[0].phase
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn g6_a_crash_at_any_batch_ends_in_the_same_state() {
    for stores in [false, true] {
        let mut batches = 0;
        while crash_at(batches + 1, stores).await {
            batches += 1;
        }
        assert!(batches >= 8, "there were only {batches} batches to crash at");
    }
}

#[tokio::test(start_paused = true)]
async fn the_epoch_is_stored_before_anything_else_and_rises_with_each_start() {
    let mut world = World::with_hosts(1).await;
    let first = world.stored().await.fleet.unwrap().epoch;
    assert_eq!(first, Epoch(1_700_000_000));
    world.restart().await;
    let second = world.stored().await.fleet.unwrap().epoch;
    assert!(second > first);
    let far = Write::PutFleet(contract::fleet(1_900_000_000));
    world.store.apply(&[far]).await.unwrap();
    world.restart().await;
    assert_eq!(world.stored().await.fleet.unwrap().epoch, Epoch(1_900_000_001));
}

#[tokio::test(start_paused = true)]
async fn a_store_without_a_fleet_is_not_started_on() {
    let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(TestClock(Instant::now())));
    assert!(matches!(Controller::start(store, clock, gauges(), &Settings::default()).await, Err(StartError::NoFleet)));
}
