//! One agent of the crowd: keeps its stream open as a real one does (the same pauses between tries, the same beats, the same patience), and does at once
//! what it is told. Not here: renewing its certificate, which outlives a bench.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use evenkeel_agent::backoff::Backoff;
use evenkeel_certs::ClientTls;
use evenkeel_model::{HostFacts, HostId, Millis};
use evenkeel_proto::convert::duration_from_wire;
use evenkeel_proto::v1::{self, Hello, SessionDown, SessionUp, Welcome, session_down, session_up};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::runtime::Host;
use crate::source::Source;
use crate::wire::{Client, connect};

/// As an agent has them (`agent/src/session/open.rs`): from dialling to the welcome, and how many messages may wait.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
const UP_QUEUE: usize = 4;

/// What all agents of this process have done.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Streams that were welcomed and told what is desired, and are open.
    pub(crate) live: AtomicU64,
    /// Streams that were, open or not.
    pub(crate) opened: AtomicU64,
    /// Streams and tries that have ended though they were wanted.
    pub(crate) broken: AtomicU64,
    /// Reports that were sent.
    pub(crate) reports: AtomicU64,
    /// Assignments that were withdrawn.
    pub(crate) withdrawn: AtomicU64,
    /// Why the last one ended.
    pub(crate) trouble: Mutex<Option<String>>,
}

/// One agent.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) number: usize,
    pub(crate) id: HostId,
    pub(crate) tls: ClientTls,
    pub(crate) coordinator: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    pub(crate) host: Host,
}

/// Counted as live until it is dropped.
struct Live<'a>(&'a Counters);

impl<'a> Live<'a> {
    fn begin(counters: &'a Counters) -> Self {
        counters.live.fetch_add(1, Ordering::Relaxed);
        counters.opened.fetch_add(1, Ordering::Relaxed);
        Self(counters)
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What agent and coordinator have agreed upon.
struct Terms {
    beat: Duration,
    lease: Duration,
    stats: Duration,
}

impl Terms {
    fn read(welcome: &Welcome) -> Result<Self> {
        let read = |field, wire: Option<&_>| duration_from_wire(field, wire).map(Millis::to_std);
        Ok(Self {
            beat: read("beat", welcome.beat_interval.as_ref())?,
            lease: read("lease", welcome.lease.as_ref())?,
            stats: read("stats", welcome.stats_interval.as_ref())?,
        })
    }
}

impl Agent {
    /// Has a stream open whenever as many agents are wanted as its number says.
    pub(crate) async fn live(mut self, mut wanted: watch::Receiver<usize>) {
        let (number, counters) = (self.number, Arc::clone(&self.counters));
        let mut backoff = Backoff::new(number as u64);
        while wanted.wait_for(|wanted| *wanted > number).await.is_ok() {
            let began = Instant::now();
            tokio::select! {
                biased;
                unwanted = wanted.wait_for(|wanted| *wanted <= number) => if unwanted.is_ok() { continue } else { return },
                ended = self.stream() => {
                    counters.broken.fetch_add(1, Ordering::Relaxed);
                    let why = ended.err().map_or_else(|| "it was closed".to_owned(), |error| format!("{error:#}"));
                    *counters.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                }
            }
            backoff.held(began.elapsed());
            sleep(backoff.wait()).await;
        }
    }

    /// One stream, until it ends.
    async fn stream(&mut self) -> Result<()> {
        let opened = timeout(OPEN_TIMEOUT, self.open()).await.context("no welcome in time")??;
        let (_client, up, mut down, terms) = opened;
        let mut live = None;
        say(&up, session_up::Message::Report(self.host.report())).await?;
        say(&up, session_up::Message::Stats((&self.host.stats()).into())).await?;
        let (mut deaf_at, mut beat_at) = (Instant::now() + terms.lease, Instant::now() + terms.beat);
        let mut stats_at = Instant::now() + terms.stats;
        loop {
            tokio::select! {
                biased;
                // Cancel safe: a message is either taken whole or not at all.
                message = down.message() => {
                    let Some(message) = message? else { return Ok(()) };
                    deaf_at = Instant::now() + terms.lease;
                    let Some(session_down::Message::Desired(desired)) = message.message else { continue };
                    let obeyed = self.host.obey(&desired)?;
                    self.counters.withdrawn.fetch_add(obeyed.withdrawn, Ordering::Relaxed);
                    self.counters.reports.fetch_add(obeyed.reports.len() as u64, Ordering::Relaxed);
                    live.get_or_insert_with(|| Live::begin(&self.counters));
                    if obeyed.reports.is_empty() {
                        continue;
                    }
                    for report in obeyed.reports {
                        say(&up, session_up::Message::Report(report)).await?;
                    }
                }
                () = sleep_until(deaf_at) => bail!("the coordinator was silent"),
                () = sleep_until(stats_at) => {
                    stats_at = Instant::now() + terms.stats;
                    say(&up, session_up::Message::Stats((&self.host.stats()).into())).await?;
                }
                () = sleep_until(beat_at) => say(&up, session_up::Message::Beat(v1::Beat {})).await?,
            }
            beat_at = Instant::now() + terms.beat;
        }
    }

    async fn open(&self) -> Result<(Client, mpsc::Sender<SessionUp>, Streaming<SessionDown>, Terms)> {
        let mut client = connect(Source::of(self.number), self.coordinator, &self.tls).await?;
        let (up, messages) = mpsc::channel(UP_QUEUE);
        let hello = Hello { host: self.id.to_string(), highest_epoch: 0, facts: Some((&facts()).into()) };
        say(&up, session_up::Message::Hello(hello)).await?;
        let mut down = client.session(ReceiverStream::new(messages)).await?.into_inner();
        match down.message().await?.and_then(|first| first.message) {
            Some(session_down::Message::Welcome(welcome)) => Ok((client, up, down, Terms::read(&welcome)?)),
            _ => bail!("it did not begin with a welcome"),
        }
    }
}

async fn say(up: &mpsc::Sender<SessionUp>, message: session_up::Message) -> Result<()> {
    up.send(SessionUp { message: Some(message) }).await.context("it takes no more messages")
}

fn facts() -> HostFacts {
    HostFacts {
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
        kernel: "6.1.0-28-cloud-amd64".to_owned(),
        architecture: "x86_64".to_owned(),
        cpus: 2,
        memory_total: 4 << 30,
        engine: Some("20.10.24".to_owned()),
    }
}
