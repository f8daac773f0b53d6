//! What is known of the hosts because they are heard: streams, leases, facts, stats. Never stored; after a start all hosts are
//! silent. Not here: reports on apps, which are kept by app (`app.rs`), and what silence means (crate `evenkeel-rollout`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use evenkeel_model::{AppKey, AppReport, Epoch, HostFacts, HostId, HostStats, RefusedAssignment, UnixMillis};
use evenkeel_rollout::Contact;

use super::event::{ConnectionId, Hello, Wanted};
use super::heard::Heard;
use crate::gauge::{Line, Lines};

/// One host.
#[derive(Debug)]
pub(super) struct LiveHost {
    /// The newest stream; none: it is silent.
    stream: Option<Stream>,
    /// The number of the newest stream there ever was.
    newest: ConnectionId,
    /// Since when it is silent, if it is; the coordinator's start at first.
    silent_since: UnixMillis,
    /// When it was last heard by a stream that has ended; none: by none since the coordinator's start.
    heard_before: Option<UnixMillis>,
    /// The highest epoch that it had heard when it last connected.
    pub(super) highest_epoch: Epoch,
    /// Facts, if it has connected.
    pub(super) facts: Option<HostFacts>,
    /// Its last stats.
    pub(super) stats: Option<HostStats>,
    /// Reports on apps that are not known here (yet).
    pub(super) strays: BTreeMap<AppKey, AppReport>,
    /// What it refused in its last report.
    pub(super) refused: Vec<RefusedAssignment>,
    /// Where it is published what is wanted of it, once somebody asked.
    pub(super) wanted: Option<watch::Sender<Arc<Wanted>>>,
}

#[derive(Debug)]
struct Stream {
    connection: ConnectionId,
    over: CancellationToken,
    heard: Heard,
    /// Under which it is among the leases.
    due: Instant,
}

/// A stream that was taken.
#[derive(Debug)]
pub(super) struct Taken {
    /// Cancelled when the stream is to end.
    pub(super) over: CancellationToken,
    /// Where it is noted that something came by it.
    pub(super) heard: Heard,
    /// By which it is asked.
    pub(super) line: Line,
}

impl LiveHost {
    fn silent(since: UnixMillis) -> Self {
        Self {
            stream: None,
            newest: ConnectionId(0),
            silent_since: since,
            heard_before: None,
            highest_epoch: Epoch(0),
            facts: None,
            stats: None,
            strays: BTreeMap::new(),
            refused: Vec::new(),
            wanted: None,
        }
    }

    /// Whether it is heard.
    pub(super) fn contact(&self) -> Contact {
        match self.stream {
            Some(_) => Contact::Live,
            None => Contact::Silent { since: self.silent_since },
        }
    }

    /// When it was last heard; none: not since the coordinator's start.
    pub(super) fn last_heard(&self) -> Option<UnixMillis> {
        self.stream.as_ref().map(|stream| stream.heard.at_wall()).or(self.heard_before)
    }

    /// The host is silent from now on. What it said is forgotten.
    fn end_stream(&mut self) -> Option<Stream> {
        let stream = self.stream.take()?;
        stream.over.cancel();
        self.strays.clear();
        self.refused.clear();
        self.silent_since = stream.heard.at_wall();
        self.heard_before = Some(self.silent_since);
        Some(stream)
    }
}

/// All hosts.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) hosts: BTreeMap<HostId, LiveHost>,
    /// When each live host's lease is to be looked at: one entry for each stream, which is moved on when it falls due and the
    /// host has been heard since. So hearing a host costs nothing here.
    leases: BTreeSet<(Instant, HostId)>,
    lease: Duration,
    /// Kept in step with the streams.
    lines: Lines,
    started: UnixMillis,
}

impl Live {
    /// All is silent since `started`.
    pub(super) fn new(lease: Duration, lines: Lines, started: UnixMillis) -> Self {
        Self { hosts: BTreeMap::new(), leases: BTreeSet::new(), lease, lines, started }
    }

    /// The host's place, made when it is first asked for.
    pub(super) fn host_mut(&mut self, host: &HostId) -> &mut LiveHost {
        if !self.hosts.contains_key(host) {
            self.hosts.insert(host.clone(), LiveHost::silent(self.started));
        }
        self.hosts.get_mut(host).expect("it was made just now")
    }

    /// Takes a stream, and ends the host's older one. None: a later one is there already.
    pub(super) fn connect(&mut self, hello: &Hello, now: UnixMillis) -> Option<Taken> {
        let heard = Heard::begin(now);
        let due = heard.at() + self.lease;
        if hello.connection <= self.host_mut(&hello.host).newest {
            return None;
        }
        self.end_stream(&hello.host);
        let over = CancellationToken::new();
        let host = self.host_mut(&hello.host);
        host.newest = hello.connection;
        host.stream = Some(Stream { connection: hello.connection, over: over.clone(), heard: heard.clone(), due });
        host.highest_epoch = hello.highest_epoch;
        host.facts = Some(hello.facts.clone());
        self.leases.insert((due, hello.host.clone()));
        let line = Line::default();
        self.lines.open(&hello.host, line.clone());
        Some(Taken { over, heard, line })
    }

    /// Something came by a stream. None: it is not the host's newest one, and what came by it is not to be believed.
    pub(super) fn hear(&mut self, host: &HostId, connection: ConnectionId) -> Option<&mut LiveHost> {
        let host = self.hosts.get_mut(host)?;
        let stream = host.stream.as_ref().filter(|stream| stream.connection == connection)?;
        stream.heard.note();
        Some(host)
    }

    /// A stream has ended; whether it was the newest, so that the host is silent now.
    pub(super) fn gone(&mut self, host: &HostId, connection: ConnectionId) -> bool {
        let stream = self.hosts.get(host).and_then(|host| host.stream.as_ref());
        let is_newest = stream.is_some_and(|stream| stream.connection == connection);
        if is_newest {
            self.end_stream(host);
        }
        is_newest
    }

    /// Ends a host's stream, if it has one.
    pub(super) fn end_stream(&mut self, host: &HostId) {
        if let Some(stream) = self.hosts.get_mut(host).and_then(LiveHost::end_stream) {
            self.leases.remove(&(stream.due, host.clone()));
            self.lines.close(host);
        }
    }

    /// Forgets a host that was removed, and ends its stream.
    pub(super) fn remove(&mut self, host: &HostId) {
        self.end_stream(host);
        self.hosts.remove(host);
    }

    /// Ends the streams of the hosts whose lease has run out, and names these hosts.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<HostId> {
        let mut expired = Vec::new();
        while self.leases.first().is_some_and(|(due, _)| *due <= now) {
            let Some((_, id)) = self.leases.pop_first() else { break };
            let Some(host) = self.hosts.get_mut(&id) else { continue };
            let Some(stream) = &mut host.stream else { continue };
            stream.due = stream.heard.at() + self.lease;
            if stream.due > now {
                self.leases.insert((stream.due, id));
            } else {
                host.end_stream();
                self.lines.close(&id);
                expired.push(id);
            }
        }
        expired
    }

    /// The contact of a host that was not heard since the start.
    pub(super) fn never_heard(&self) -> Contact {
        Contact::Silent { since: self.started }
    }

    /// When a lease is to be looked at next.
    pub(super) fn next_lease(&self) -> Option<Instant> {
        self.leases.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::host_id;

    fn hello(connection: u64) -> Hello {
        Hello {
            host: host_id(1),
            connection: ConnectionId(connection),
            highest_epoch: Epoch(0),
            facts: HostFacts::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_comes_and_goes_leaves_no_leases_behind() {
        let mut live = Live::new(Duration::from_secs(5), Lines::default(), UnixMillis(0));
        for connection in 1..100 {
            assert!(live.connect(&hello(connection), UnixMillis(connection)).is_some());
            tokio::time::advance(Duration::from_millis(10)).await;
            assert!(connection % 3 != 0 || live.gone(&host_id(1), ConnectionId(connection)));
            assert!(live.leases.len() <= 1);
        }
        live.remove(&host_id(1));
        assert_eq!(live.next_lease(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_was_opened_earlier_does_not_end_a_later_one() {
        let mut live = Live::new(Duration::from_secs(5), Lines::default(), UnixMillis(0));
        let later = live.connect(&hello(2), UnixMillis(0)).unwrap();
        assert!(live.connect(&hello(1), UnixMillis(0)).is_none());
        assert!(!later.over.is_cancelled());
    }
}
