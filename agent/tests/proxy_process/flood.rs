//! Requests without end: on new connections and on kept-alive ones, as fast as they are answered, without repetitions.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::rig::loop_until;
use super::upstream::{Answer, Client};

/// Clients of each kind.
const CLIENTS: usize = 4;

/// Clients that ask until they are told to stop.
#[derive(Debug)]
pub(crate) struct Flood {
    counts: Arc<Counts>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Counts {
    answered: AtomicU64,
    refused: AtomicU64,
    lost: AtomicU64,
    /// What was lost, or answered otherwise than 200: for the test's message.
    why: Mutex<BTreeMap<String, u64>>,
}

/// How it went.
#[derive(Debug)]
#[allow(dead_code, reason = "what is not asserted is in the message of what is")]
pub(crate) struct Toll {
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    /// Broken off without an answer, or answered by an error.
    pub(crate) lost: u64,
    pub(crate) why: BTreeMap<String, u64>,
}

impl Flood {
    /// Begins.
    pub(crate) fn start(address: SocketAddr) -> Self {
        let (counts, stop, mut tasks) = (Arc::<Counts>::default(), CancellationToken::new(), JoinSet::new());
        for client in 0..2 * CLIENTS {
            tasks.spawn(ask(address, client < CLIENTS, Arc::clone(&counts), stop.clone()));
        }
        Self { counts, stop, tasks }
    }

    /// Waits for so many more answers.
    pub(crate) async fn goes_on(&self, more: u64) {
        let goal = self.counts.answered.load(Ordering::SeqCst) + more;
        loop_until("requests are answered", || self.counts.answered.load(Ordering::SeqCst) >= goal).await;
    }

    /// Lets each client have its last answer, and counts.
    pub(crate) async fn end(mut self) -> Toll {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        Toll {
            answered: self.counts.answered.load(Ordering::SeqCst),
            refused: self.counts.refused.load(Ordering::SeqCst),
            lost: self.counts.lost.load(Ordering::SeqCst),
            why: self.counts.why.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

async fn ask(address: SocketAddr, kept_alive: bool, counts: Arc<Counts>, stop: CancellationToken) {
    let mut client = None;
    while !stop.is_cancelled() {
        let mut open = match client.take() {
            Some(open) => open,
            None => match Client::connect(address).await {
                Ok(open) => open,
                Err(error) => {
                    counts.refused.fetch_add(1, Ordering::SeqCst);
                    counts.note(format!("connect: {error}"));
                    continue;
                }
            },
        };
        match open.get("/").await {
            Ok(Answer { status: 200, .. }) => drop(counts.answered.fetch_add(1, Ordering::SeqCst)),
            Ok(Answer { status, body }) => counts.lose(format!("{status}: {body}")),
            Err(error) => {
                counts.lose(format!("no answer: {error}"));
                continue;
            }
        }
        client = (kept_alive && !open.closing).then_some(open);
    }
}

impl Counts {
    fn lose(&self, why: String) {
        self.lost.fetch_add(1, Ordering::SeqCst);
        self.note(why);
    }

    fn note(&self, why: String) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner).entry(why).or_default() += 1;
    }
}
