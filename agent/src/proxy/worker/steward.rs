//! The one task that owns a worker's state: what the parent says, what the agent orders, what the data path counts, all come here in turn.
//!
//! As leader it takes orders and writes the files; else it follows the files, and tells the parent what it still has under way.
//! Not here: the data path, the wire, the files' form.

mod following;
mod https;
mod leading;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_certs::TimeSource;
use evenkeel_model::Millis;
use evenkeel_proxy::{Proxy, Shutdown};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::https::Ordering;
use super::book::{Book, BookFiles};
use super::control::Control;
use super::line::{Counts, Line, Word};
use super::order::Order;
use super::status;
use super::tls::Certificates;
use crate::config::ProxyConfig;
use crate::proxy::message::{Ask, Tell};

/// How often counts are told that nobody waits for, and what failed is tried again.
const TICK: Duration = Duration::from_millis(500);

/// A worker's state.
#[derive(Debug)]
pub(super) struct Steward {
    config: ProxyConfig,
    line: Arc<Line>,
    files: BookFiles,
    proxy: Proxy,
    certificates: Arc<Certificates>,
    /// What asks for certificates while it leads; none: nobody is asked.
    acme: Option<Ordering>,
    book: Book,
    /// The owners whose files do not say what the book says, because they could not be written.
    unstored: BTreeSet<String>,
    standing: Standing,
    /// The number of the newest change that others were to follow.
    follows: u64,
    /// Follows what callers of `Watch` are to know.
    wake: watch::Sender<()>,
    /// What the parent was told that is under way here.
    told: Counts,
    /// Containers that may still get something from here, whatever the files say.
    stuck: BTreeSet<(String, String)>,
    ending: JoinSet<Shutdown>,
}

#[derive(Debug)]
enum Standing {
    /// It has never led, or has given it up.
    Aside,
    /// It leads; no control socket: it could not be opened yet.
    Leading(Option<Control>),
}

impl Steward {
    /// Serves nothing yet.
    pub(super) fn new(
        config: &ProxyConfig,
        line: Arc<Line>,
        files: BookFiles,
        certificates: &Arc<Certificates>,
        time: &TimeSource,
    ) -> Self {
        let proxy = Proxy::new(line.clone(), config.limits, Some(certificates.terminate()));
        Self {
            acme: config.acme.as_ref().map(|acme| Ordering::new(acme, &config.state_dir, &proxy, certificates, time)),
            proxy,
            certificates: Arc::clone(certificates),
            config: config.clone(),
            line,
            files,
            book: Book::default(),
            unstored: BTreeSet::new(),
            standing: Standing::Aside,
            // Two leaders in a row never use the same number.
            follows: u64::from(std::process::id()) << 32,
            wake: watch::Sender::new(()),
            told: Counts::new(),
            stuck: BTreeSet::new(),
            ending: JoinSet::new(),
        }
    }

    /// Until it has retired.
    pub(super) async fn run(mut self, mut words: mpsc::Receiver<Word>) {
        self.line.say(&Ask::Prepared { drain: self.config.drain_on_upgrade });
        let (mut drained, mut elsewhere) = (self.proxy.changed(), self.line.elsewhere.clone());
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                word = words.recv() => match word {
                    Some(Word::Tell(tell)) => self.hear(tell).await,
                    Some(Word::Orphaned) | None => return self.orphaned().await,
                },
                Some(ended) = self.ending.join_next(), if !self.ending.is_empty() => {
                    let cut = ended.map_or(0, |shutdown| shutdown.cut);
                    return tracing::info!(cut, "the worker has finished");
                }
                Some(order) = next(&mut self.standing) => self.obey(order).await,
                Ok(()) = drained.changed() => self.counted(),
                Ok(()) = elsewhere.changed() => self.counted(),
                _ = tick.tick() => self.tick(),
            }
        }
    }

    async fn hear(&mut self, tell: Tell) {
        match tell {
            Tell::Lead => self.lead().await,
            Tell::Release => self.release().await,
            Tell::Retire { drain } => self.retire(drain).await,
            Tell::Follow { number } => self.follow_files(number).await,
            Tell::Cut { owner, container } => {
                self.proxy.cut(&owner, &container);
                self.report();
            }
            // Sorted out by the line.
            Tell::Opened { .. } | Tell::Refused { .. } | Tell::Followed { .. } | Tell::Elsewhere { .. } => {}
        }
    }

    /// Nobody is left to lead it, or to give it sockets: it finishes what it has.
    async fn orphaned(mut self) {
        tracing::error!("the parent is gone; the worker finishes what it has and ends");
        self.retire(self.config.drain_on_upgrade).await;
        self.ending.join_next().await;
    }

    /// Accepts no more. Told again, it ends at the earlier of the two.
    async fn retire(&mut self, drain: Millis) {
        if let Standing::Leading(Some(control)) = std::mem::replace(&mut self.standing, Standing::Aside) {
            // Nobody comes after it: the proxy as a whole ends.
            control.close().await;
            let _ = std::fs::remove_file(&self.config.socket);
        }
        self.stop_ordering().await;
        tracing::info!(%drain, connections = self.proxy.status().connections, "the worker retires");
        let proxy = self.proxy.clone();
        self.ending.spawn(async move { proxy.shutdown(drain.to_std()).await });
    }

    fn counted(&mut self) {
        self.wake.send_replace(());
        self.report();
    }

    fn tick(&mut self) {
        match &self.standing {
            Standing::Leading(None) => self.open_control(),
            Standing::Leading(Some(_)) => {}
            Standing::Aside => self.report(),
        }
    }

    /// Tells the parent what has changed of what is under way here. Not as leader: that one is asked.
    fn report(&mut self) {
        if matches!(self.standing, Standing::Leading(_)) {
            return;
        }
        let mut counts = status::under_way(&self.proxy.status());
        for key in &self.stuck {
            let count = counts.entry(key.clone()).or_default();
            *count = (*count).max(1);
        }
        for key in self.told.keys() {
            counts.entry(key.clone()).or_default();
        }
        for ((owner, container), in_flight) in &counts {
            if self.told.get(&(owner.clone(), container.clone())).copied().unwrap_or(0) != *in_flight {
                let (owner, container) = (owner.clone(), container.clone());
                self.line.say(&Ask::Underway { owner, container, in_flight: *in_flight });
            }
        }
        counts.retain(|_, in_flight| *in_flight > 0);
        self.told = counts;
    }

    /// The ports where it serves.
    fn ports(&self) -> BTreeSet<SocketAddr> {
        self.book.routes().map(|route| route.listen).collect()
    }
}

/// The next order, while there is a control socket.
async fn next(standing: &mut Standing) -> Option<Order> {
    match standing {
        Standing::Leading(Some(control)) => control.orders.recv().await,
        _ => std::future::pending().await,
    }
}
