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

/// A client at work. Dropping it stops it.
#[derive(Debug)]
pub struct Traffic {
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
        Self::begin(address, false)
    }

    /// Asks `GET /` at `address` on one connection for as long as the other side keeps it.
    pub fn start_kept_alive(address: SocketAddr) -> Self {
        Self::begin(address, true)
    }

    fn begin(address: SocketAddr, keep_alive: bool) -> Self {
        let shared = Arc::new(Shared::default());
        let client = Client { address, keep_alive, connection: None, shared: Arc::clone(&shared) };
        Self { shared, client: Some(thread::spawn(move || client.work())) }
    }

    /// What has been seen up to now.
    pub fn so_far(&self) -> Record {
        self.shared.record().clone()
    }

    /// The version of the last answer.
    pub fn version(&self) -> Option<String> {
        self.shared.record().answered.last().map(|answer| answer.version.clone())
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

    /// The longest time from one answer to the next.
    pub fn longest_gap(&self) -> Duration {
        self.answered.windows(2).map(|pair| pair[1].at.saturating_sub(pair[0].at)).max().unwrap_or_default()
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
    keep_alive: bool,
    connection: Option<Connection<TcpStream>>,
    shared: Arc<Shared>,
}

impl Client {
    fn work(mut self) {
        let began = Instant::now();
        for _ in 0..REQUESTS_AT_MOST {
            if self.shared.stopping.load(Ordering::SeqCst) {
                return;
            }
            let asked = Instant::now();
            let answer = self.ask();
            let at = began.elapsed();
            match answer {
                Ok(version) => {
                    self.shared.record().answered.push(Answered { at, took: asked.elapsed(), version });
                }
                Err(error) => self.shared.record().lost.push(Lost { at, why: format!("{error:#}") }),
            }
            thread::sleep(INTERVAL.saturating_sub(asked.elapsed()));
        }
    }

    /// One request; after a failure, or where the other side wants it, the next one gets a new connection.
    fn ask(&mut self) -> Result<String> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address, TIMEOUT)?,
        };
        let wish = if self.keep_alive { "keep-alive" } else { "close" };
        let answer = connection.send(Request { headers: &[("Connection", wish)], ..Request::new("GET", "/") })?;
        if self.keep_alive && !connection.is_closed() {
            self.connection = Some(connection);
        }
        ensure!(answer.status == 200, "answered {}: {}", answer.status, answer.text());
        Ok(answer.text())
    }
}

#[cfg(test)]
mod tests;
