//! The measurements under way, on tokio's paused clock: a gauge that takes a second for each.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout};

use evenkeel_model::LogCount;

use super::*;
use crate::fixture::host_id;
use crate::gauge::{Line, contract};

const A_SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_hours(1);

/// Answers its first question with 1, the next with 2.
#[derive(Default)]
struct Slow {
    begun: AtomicU32,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

#[async_trait]
impl Gauge for Slow {
    async fn measure(&self, _: &Measure) -> Measured {
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        tokio::time::sleep(A_SECOND).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        Measured::Number { value: f64::from(number), baseline: None }
    }
}

struct World {
    slow: Arc<Slow>,
    tasks: TaskTracker,
    gauges: Gauges,
}

impl World {
    fn new() -> Self {
        let (slow, tasks) = (Arc::new(Slow::default()), TaskTracker::new());
        let gauges = Gauges::new(Arc::clone(&slow) as Arc<dyn Gauge>, tasks.clone());
        Self { slow, tasks, gauges }
    }

    fn begun(&self) -> u32 {
        self.slow.begun.load(Ordering::SeqCst)
    }

    /// The rollout, the number of the reading and what the gauge said.
    async fn measured(&mut self) -> (u64, usize, f64) {
        let Measurement { rollout, number, measured, .. } = timeout(LONG, self.gauges.measured()).await.unwrap();
        let Measured::Number { value, .. } = measured else { panic!("{measured:?}") };
        (rollout.0, number, value)
    }

    /// That there is no result, however long one waits.
    async fn has_no_more(&mut self) -> bool {
        timeout(LONG, self.gauges.measured()).await.is_err()
    }
}

fn measure(gate: usize, number: usize) -> Measure {
    let id = GateId { gate, wave: 0, step: 0 };
    Measure { id, number, ..contract::prometheus("http://prometheus.example", "up", None) }
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_again_and_again_is_measured_once() {
    let mut world = World::new();
    for _ in 0..5 {
        world.gauges.ask(RolloutId(1), vec![measure(0, 0)]);
        tokio::time::advance(A_SECOND / 2).await;
    }
    assert_eq!(world.measured().await, (1, 0, 1.0));
    assert!(world.has_no_more().await);
    assert_eq!(world.begun(), 1);
    assert!(world.gauges.under_way.is_empty(), "nothing is kept of it");
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_may_be_asked_for_again() {
    let mut world = World::new();
    for number in [1.0, 2.0] {
        world.gauges.ask(RolloutId(1), vec![measure(0, 0)]);
        assert_eq!(world.measured().await, (1, 0, number));
    }
    world.gauges.ask(RolloutId(1), vec![measure(0, 1)]);
    assert_eq!(world.measured().await, (1, 1, 3.0));
}

#[tokio::test(start_paused = true)]
async fn measurements_of_all_rollouts_run_side_by_side_and_eight_at_a_time() {
    let mut world = World::new();
    let began = Instant::now();
    for rollout in 0..5 {
        world.gauges.ask(RolloutId(rollout), (0..4).map(|gate| measure(gate, 0)).collect());
    }
    assert_eq!(began.elapsed(), Duration::ZERO, "asking does not wait");
    let mut measured = Vec::new();
    for _ in 0..20 {
        measured.push(world.measured().await.0);
    }
    measured.sort_unstable();
    assert_eq!(measured, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]);
    assert_eq!(world.slow.most_at_once.load(Ordering::SeqCst), MOST_AT_ONCE);
    assert_eq!(began.elapsed().as_secs(), 3, "8, 8 and 4");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_more_asked_for_is_ended() {
    let mut world = World::new();
    world.gauges.ask(RolloutId(1), vec![measure(0, 0), measure(1, 0)]);
    world.gauges.ask(RolloutId(2), vec![measure(0, 0)]);
    tokio::time::advance(A_SECOND / 2).await;
    world.gauges.ask(RolloutId(1), vec![measure(1, 0)]);
    let mut left = [world.measured().await, world.measured().await].map(|(rollout, ..)| rollout);
    left.sort_unstable();
    assert_eq!(left, [1, 2], "the others go on");
    assert!(world.has_no_more().await);
    world.tasks.close();
    timeout(LONG, world.tasks.wait()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_result_that_waits_when_it_is_no_more_asked_for_is_not_taken_for_the_next() {
    let mut world = World::new();
    world.gauges.ask(RolloutId(1), vec![measure(0, 0)]);
    tokio::time::sleep(A_SECOND * 2).await;
    world.gauges.ask(RolloutId(1), Vec::new());
    world.gauges.ask(RolloutId(1), vec![measure(0, 0)]);
    assert_eq!(world.measured().await, (1, 0, 2.0));
    assert!(world.has_no_more().await);
}

#[tokio::test(start_paused = true)]
async fn logs_are_asked_of_the_agents() {
    let (mut world, line) = (World::new(), Line::default());
    world.gauges.lines().open(&host_id(1), line.clone());
    let pattern = "panic".parse().unwrap();
    let source = Source::Logs { services: [].into(), pattern, min: 0, max: Some(0) };
    world.gauges.ask(RolloutId(1), vec![Measure { source, hosts: vec![host_id(1)], ..measure(0, 0) }]);
    let question = timeout(LONG, line.question()).await.unwrap();
    question.reply.send(Ok(LogCount { matched: 7, containers: 1, ..LogCount::default() })).unwrap();
    let measured = timeout(LONG, world.gauges.measured()).await.unwrap().measured;
    assert!(matches!(&measured, Measured::Lines(found) if found.matched == 7), "{measured:?}");
    assert_eq!(world.begun(), 0, "nobody else is asked");
}

#[tokio::test(start_paused = true)]
async fn everything_ends_with_it() {
    let World { slow, tasks, mut gauges } = World::new();
    gauges.ask(RolloutId(1), (0..20).map(|gate| measure(gate, 0)).collect());
    tokio::time::advance(A_SECOND / 2).await;
    let began = Instant::now();
    drop(gauges);
    tasks.close();
    timeout(LONG, tasks.wait()).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO, "nobody waits for what was under way");
    assert_eq!(slow.begun.load(Ordering::SeqCst) as usize, MOST_AT_ONCE);
}
