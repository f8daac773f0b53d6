//! Traffic on a host during a test: one client that asks again and again and keeps every answer and every failure.
//!
//! Bounded in rate and number, and gone with the test. Deliberately not here: load in quantity (the benches have their own)
//! and retries, because a retried failure is a lost request.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::http::{Connection, Request};

/// Between the starts of two requests: fine enough to see the gap of a swap.
const INTERVAL: Duration = Duration::from_millis(10);
/// A client gives up after this: longer than a request may be held while a service that can't run twice is swapped.
const TIMEOUT: Duration = Duration::from_secs(40);
/// After so many requests the client stops by itself: a quarter of an hour at the interval above.
const REQUESTS_AT_MOST: usize = 90_000;

/// How a client asks.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Whether it goes on with its connection for as long as the other side keeps it; else each request gets a new one.
    pub keep_alive: bool,
    /// Between the starts of two requests, unless one takes longer.
    pub every: Duration,
    /// Without a connection after this, a request is lost.
    pub connect: Duration,
    /// Without an answer after this, a request is lost.
    pub answer: Duration,
}

impl Default for Manner {
    fn default() -> Self {
        Self { keep_alive: false, every: INTERVAL, connect: TIMEOUT, answer: TIMEOUT }
    }
}

/// A client at work. Dropping it stops it.
#[derive(Debug)]
pub struct Traffic {
    began: Instant,
    shared: Arc<Shared>,
    client: Option<JoinHandle<()>>,
}

/// What a client has seen.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The answers with status 200, in order.
    pub answered: Vec<Answered>,
    /// The requests without one, in order.
    pub lost: Vec<Lost>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// When it had come, since the traffic began.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// The version that answered.
    pub version: String,
}

/// A request that was not answered, or not with 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// When that was clear, since the traffic began.
    pub at: Duration,
    /// What happened.
    pub why: String,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    record: Mutex<Record>,
}

impl Traffic {
    /// Asks `GET /` at `address`, each time on a new connection.
    pub fn start(address: SocketAddr) -> Self {
        Self::begin(address, Manner::default())
    }

    /// Asks `GET /` at `address` on one connection for as long as the other side keeps it.
    pub fn start_kept_alive(address: SocketAddr) -> Self {
        Self::begin(address, Manner { keep_alive: true, ..Manner::default() })
    }

    /// Asks `GET /` at `address` in this manner.
    pub fn begin(address: SocketAddr, manner: Manner) -> Self {
        let (began, shared) = (Instant::now(), Arc::new(Shared::default()));
        let client = Client { address, manner, began, connection: None, shared: Arc::clone(&shared) };
        Self { began, shared, client: Some(thread::spawn(move || client.work())) }
    }

    /// Since when its record counts.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// What has been seen up to now.
    pub fn so_far(&self) -> Record {
        self.shared.record().clone()
    }

    /// The version of the last answer.
    pub fn version(&self) -> Option<String> {
        self.shared.record().answered.last().map(|answer| answer.version.clone())
    }

    /// The version that answers: of the last answer, unless a request was lost since.
    pub fn serves(&self) -> Option<String> {
        self.shared.record().last().map(str::to_owned)
    }

    /// Ends the traffic, after the request that is under way, and returns all that was seen.
    pub fn stop(mut self) -> Record {
        self.end();
        self.so_far()
    }

    fn end(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        if let Some(client) = self.client.take() {
            // It panics only if this harness is wrong, and the record then shows too little.
            let _ = client.join();
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.end();
    }
}

impl Record {
    /// The versions in the order in which they answered, each run of equal ones once: `["v1", "v2"]` is a clean swap.
    pub fn versions(&self) -> Vec<&str> {
        let mut versions: Vec<&str> = self.answered.iter().map(|answer| answer.version.as_str()).collect();
        versions.dedup();
        versions
    }

    /// The version of the last answer, unless a request was lost since.
    fn last(&self) -> Option<&str> {
        let failed = self.lost.last().map(|lost| lost.at);
        let newest = self.answered.last().filter(|answer| failed.is_none_or(|failed| answer.at > failed));
        newest.map(|answer| answer.version.as_str())
    }

    /// The longest time from one answer to the next.
    pub fn longest_gap(&self) -> Duration {
        self.answered.windows(2).map(|pair| pair[1].at.saturating_sub(pair[0].at)).max().unwrap_or_default()
    }

    /// The first answer of this version behind which nothing else was seen: no other version, and no loss. None: it is not so at the end.
    pub fn only_since(&self, version: &str) -> Option<Duration> {
        let others = self.answered.iter().filter(|answer| answer.version != version).map(|answer| answer.at);
        let last = others.chain(self.lost.iter().map(|lost| lost.at)).max();
        let behind = |answer: &&Answered| answer.version == version && last.is_none_or(|last| answer.at > last);
        self.answered.iter().find(behind).map(|answer| answer.at)
    }

    /// How many requests were made.
    pub fn requests(&self) -> usize {
        self.answered.len() + self.lost.len()
    }
}

impl Shared {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Client {
    address: SocketAddr,
    manner: Manner,
    began: Instant,
    connection: Option<Connection<TcpStream>>,
    shared: Arc<Shared>,
}

impl Client {
    fn work(mut self) {
        for _ in 0..REQUESTS_AT_MOST {
            if self.shared.stopping.load(Ordering::SeqCst) {
                return;
            }
            let asked = Instant::now();
            let answer = self.ask();
            let at = self.began.elapsed();
            match answer {
                Ok(version) => {
                    self.shared.record().answered.push(Answered { at, took: asked.elapsed(), version });
                }
                Err(error) => self.shared.record().lost.push(Lost { at, why: format!("{error:#}") }),
            }
            thread::sleep(self.manner.every.saturating_sub(asked.elapsed()));
        }
    }

    /// One request; after a failure, or where the other side wants it, the next one gets a new connection.
    fn ask(&mut self) -> Result<String> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open_within(self.address, self.manner.connect, self.manner.answer)?,
        };
        let wish = if self.manner.keep_alive { "keep-alive" } else { "close" };
        let answer = connection.send(Request { headers: &[("Connection", wish)], ..Request::new("GET", "/") })?;
        if self.manner.keep_alive && !connection.is_closed() {
            self.connection = Some(connection);
        }
        ensure!(answer.status == 200, "answered {}: {}", answer.status, answer.text());
        Ok(answer.text())
    }
}

#[cfg(test)]
mod tests;
