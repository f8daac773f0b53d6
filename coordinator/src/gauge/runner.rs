//! Makes the measurements that plans ask for: each once, beside everything else, a few at a time over all apps. Not here: what is measured (the planner
//! says so), how (the [`Gauge`], and for logs the agents), and what a result comes to (the planner again).
//!
//! Level-triggered: it is told again and again all that a rollout asks for now. It begins what is new, leaves alone what is under way, and ends what is
//! no more asked for, so that nothing that was measured before a pause is read after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use evenkeel_model::RolloutId;
use evenkeel_model::analysis::Source;
use evenkeel_rollout::{GateId, Measure, Measured};

use super::{Gauge, Lines, logs};

/// Measurements at the same time: enough that a server that does not answer keeps others waiting for seconds, few enough that many apps that reach
/// their gates together do not burden a Prometheus.
pub const MOST_AT_ONCE: usize = 8;

/// A measurement that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Of which rollout.
    pub rollout: RolloutId,
    /// For which of its gates.
    pub id: GateId,
    /// Which of its readings, counted from 0.
    pub number: usize,
    /// What came of it.
    pub measured: Measured,
}

/// Which measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    rollout: RolloutId,
    id: GateId,
    number: usize,
}

/// A measurement that was begun, and whose result was not taken yet.
#[derive(Debug)]
struct UnderWay {
    /// The same measurement may be ended and begun anew while the first one's result waits to be taken.
    attempt: u64,
    /// Ends it.
    _ends: DropGuard,
}

#[derive(Debug)]
struct Done {
    key: Key,
    attempt: u64,
    measured: Measured,
}

/// The measurements under way. Dropped, it ends them all.
pub struct Gauges {
    gauge: Arc<dyn Gauge>,
    lines: Lines,
    tasks: TaskTracker,
    permits: Arc<Semaphore>,
    under_way: BTreeMap<Key, UnderWay>,
    attempts: u64,
    results: mpsc::Sender<Done>,
    done: mpsc::Receiver<Done>,
}

impl std::fmt::Debug for Gauges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gauges").field("under_way", &self.under_way).finish_non_exhaustive()
    }
}

impl Gauges {
    /// With nothing under way. What it begins runs as `tasks`.
    pub fn new(gauge: Arc<dyn Gauge>, tasks: TaskTracker) -> Self {
        // Whoever has a result keeps its place until the result is taken over: more than these never wait.
        let (results, done) = mpsc::channel(MOST_AT_ONCE);
        let permits = Arc::new(Semaphore::new(MOST_AT_ONCE));
        let lines = Lines::default();
        Self { gauge, lines, tasks, permits, under_way: BTreeMap::new(), attempts: 0, results, done }
    }

    /// The ways to the agents that logs are asked of. Nobody is heard at first: whoever knows of streams says so there.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// All that this rollout asks for now. Never waits.
    pub fn ask(&mut self, rollout: RolloutId, measures: Vec<Measure>) {
        let key_of = |measure: &Measure| Key { rollout, id: measure.id, number: measure.number };
        self.under_way.retain(|under_way, _| {
            under_way.rollout != rollout || measures.iter().any(|measure| key_of(measure) == *under_way)
        });
        for measure in measures {
            let key = key_of(&measure);
            if !self.under_way.contains_key(&key) {
                self.begin(key, measure);
            }
        }
    }

    /// The next result, when there is one. From then on the same measurement may be asked for again. Cancel-safe: no result is lost.
    pub async fn measured(&mut self) -> Measurement {
        loop {
            let done = self.done.recv().await;
            // The channel never closes, as `self` has a sender.
            let Some(Done { key, attempt, measured }) = done else { return std::future::pending().await };
            if self.under_way.get(&key).is_none_or(|under_way| under_way.attempt != attempt) {
                continue;
            }
            self.under_way.remove(&key);
            let Key { rollout, id, number } = key;
            tracing::debug!(%rollout, gate = id.gate, wave = id.wave, number, ?measured, "measured for an analysis");
            return Measurement { rollout, id, number, measured };
        }
    }

    fn begin(&mut self, key: Key, what: Measure) {
        self.attempts += 1;
        let (attempt, ends) = (self.attempts, CancellationToken::new());
        let (gauge, permits, results) = (Arc::clone(&self.gauge), Arc::clone(&self.permits), self.results.clone());
        let lines = self.lines.clone();
        let measuring = async move {
            // Nobody closes it.
            let Ok(_permit) = permits.acquire().await else { return };
            let measured = match &what.source {
                Source::Logs { services, pattern, .. } => logs::measure(&lines, &what, services, pattern).await,
                Source::Prometheus { .. } | Source::Http { .. } => gauge.measure(&what).await,
            };
            // Nobody takes it any more: the coordinator ends.
            let _ = results.send(Done { key, attempt, measured }).await;
        };
        let end = ends.clone();
        self.tasks.spawn(async move {
            // First whether it is to end: a permit that another gives back as it ends begins nothing.
            tokio::select! {
                biased;
                () = end.cancelled() => {}
                () = measuring => {}
            }
        });
        self.under_way.insert(key, UnderWay { attempt, _ends: ends.drop_guard() });
    }
}

#[cfg(test)]
mod tests;
