//! Certificates in a worker: those of the operator's files, those that ACME gave, and which of them are shown to whom. Not here: asking for
//! new ones (`acme`), the handshake (crate `evenkeel-certs`).

mod expiry;
mod folder;
mod found;
mod terminate;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evenkeel_certs::{PublicCertificate, PublicTls, TimeSource};
use evenkeel_model::UnixMillis;
use evenkeel_proxy::{Kind, Route, Terminate};
use tokio::sync::{Mutex as TurnMutex, watch};
use tokio::time::Instant;

use self::expiry::expiry;
use self::folder::Folder;
use self::found::Found;
use crate::disk::blocking;

/// How often the folders are looked at: what an operator who has just replaced a file is patient for.
const LOOK: Duration = Duration::from_secs(10);
/// How long a look is waited for; then things go on with what is known. Less than the agent and the parent wait for an order's answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// All certificates of a worker.
#[derive(Debug)]
pub(super) struct Certificates {
    tls: Arc<PublicTls>,
    time: TimeSource,
    directory: PathBuf,
    /// Whether one may be asked for.
    can_order: bool,
    /// One look at a time. Taken by those who may wait for a disk.
    files: Arc<TurnMutex<Folder>>,
    /// None: there is no ACME.
    issued: Option<Arc<TurnMutex<Folder>>>,
    /// Held for moments alone: those who serve wait for it.
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Inner {
    files: Found,
    issued: Found,
    /// The hosts of routes whose clients speak TLS.
    hosts: BTreeSet<String>,
}

/// What is known of one certificate, or of its lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// For which hosts.
    pub(super) names: Vec<String>,
    /// Its file, or `ACME`.
    pub(super) source: String,
    /// Its last moment; none: there is none yet.
    pub(super) not_after: Option<UnixMillis>,
    /// For people.
    pub(super) trouble: Option<String>,
}

/// Where the hosts' certificates of an ACME server are named as coming from.
const ACME: &str = "ACME";

impl Certificates {
    /// Of the operator's directory and, where there is ACME, of the folder where its certificates are kept. Nothing is read yet.
    pub(super) fn new(directory: &Path, issued: Option<&Path>, time: &TimeSource) -> Arc<Self> {
        Arc::new(Self {
            tls: Arc::new(PublicTls::new(time)),
            time: time.clone(),
            directory: directory.to_owned(),
            can_order: issued.is_some(),
            files: Arc::new(TurnMutex::new(Folder::of_pairs(directory))),
            issued: issued.map(|issued| Arc::new(TurnMutex::new(Folder::of_issued(issued)))),
            inner: Mutex::default(),
            changed: watch::Sender::new(()),
        })
    }

    /// Ends TLS with them.
    pub(super) fn terminate(&self) -> Arc<dyn Terminate> {
        Arc::new(terminate::Public::new(Arc::clone(&self.tls)))
    }

    /// Wakes when there may be other certificates, or other hosts.
    pub(super) fn changed(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Reads what has changed. Waits for the disk, but not for long: a look that takes longer goes on, and what it finds is taken then.
    pub(super) async fn look(self: &Arc<Self>) {
        let of_files = self.look_into(&self.files, |inner| &mut inner.files);
        let of_issued = async {
            if let Some(issued) = &self.issued {
                self.look_into(issued, |inner| &mut inner.issued).await;
            }
        };
        // Each for itself: a directory that hangs is not in the other's way.
        if tokio::time::timeout(PATIENCE, async { tokio::join!(of_files, of_issued) }).await.is_err() {
            tracing::warn!("a certificates' directory does not answer; what is known is used meanwhile");
        }
    }

    /// Those who wait for a look that hangs hold no thread.
    async fn look_into(self: &Arc<Self>, folder: &Arc<TurnMutex<Folder>>, place: fn(&mut Inner) -> &mut Found) {
        let mut folder = Arc::clone(folder).lock_owned().await;
        let (this, now) = (Arc::clone(self), Instant::now());
        blocking(move || {
            let is_other = folder.look(now);
            let mut inner = this.inner();
            place(&mut inner).clone_from(folder.found());
            this.show(&inner, is_other);
        })
        .await;
    }

    /// Looks again and again.
    pub(super) async fn keep_looking(self: &Arc<Self>) {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            // What was valid may have expired, also while nothing can be read.
            self.show(&self.inner(), false);
            self.look().await;
        }
    }

    /// The routes in force are these.
    pub(super) fn serve<'a>(&self, routes: impl Iterator<Item = &'a Route>) {
        let hosts = routes.filter_map(tls_hosts).flatten().cloned().collect();
        let mut inner = self.inner();
        if inner.hosts != hosts {
            inner.hosts = hosts;
            self.show(&inner, true);
        }
    }

    /// Why a route can't be: a host has no certificate, not even one that has expired, and there is no way to one. `known`: the routes
    /// that are in force, whose hosts are not asked about again, nor are those that were `accepted` before (empty: all hosts): a
    /// certificate that goes missing must be in the way neither of who serves nor of who goes back.
    pub(super) fn refusal<'a>(
        &self,
        route: &Route,
        mut known: impl Iterator<Item = &'a Route>,
        accepted: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let hosts = tls_hosts(route)?;
        let inner = self.inner();
        if hosts.is_empty() {
            let is_known = known.any(|other| other.listen == route.listen && tls_hosts(other) == Some(hosts));
            let any = inner.all(self.time.now()).next().is_some();
            return (!is_known && !any && !accepted("")).then(|| {
                format!(
                    "{} serves all hosts by TLS, and {}",
                    route.name,
                    self.next_step(&inner, "default", "is no certificate")
                )
            });
        }
        let known: BTreeSet<&String> = known.filter_map(tls_hosts).flatten().collect();
        let is_fine = |host: &String| known.contains(host) || self.may_have(&inner, host) || accepted(host);
        let lacking = hosts.iter().find(|host| !is_fine(host))?;
        Some(format!(
            "{} serves {lacking} by TLS, and {}",
            route.name,
            self.next_step(&inner, lacking, "is no certificate for it")
        ))
    }

    /// The hosts that are to have a certificate by ACME, and what they have.
    pub(super) fn to_order(&self) -> Vec<(String, Option<Arc<PublicCertificate>>)> {
        let inner = self.inner();
        if !self.can_order {
            return vec![];
        }
        let now = self.time.now();
        let hosts = inner.hosts.iter().filter(|host| is_name(host) && !inner.files.has_valid(host, now));
        hosts.map(|host| (host.clone(), inner.issued.get(host))).collect()
    }

    /// Everything, for people.
    pub(super) fn known(&self, order: impl Fn(&str) -> Option<String>) -> Vec<Known> {
        let inner = self.inner();
        let now = self.time.now();
        let mut known = inner.files.known(now);
        for host in inner.hosts.iter().filter(|host| !inner.files.has_valid(host, now)) {
            let certificate = inner.issued.get(host);
            let trouble = match &certificate {
                _ if !self.can_order => Some(self.next_step(&inner, host, "is none")),
                Some(certificate) => order(host).or_else(|| expiry(certificate, now)),
                None => {
                    Some(order(host).unwrap_or_else(|| "is being asked for; until then clients are refused".to_owned()))
                }
            };
            let not_after = certificate.map(|certificate| certificate.not_after());
            known.push(Known { names: vec![host.clone()], source: ACME.to_owned(), not_after, trouble });
        }
        known
    }

    fn may_have(&self, inner: &Inner, host: &str) -> bool {
        let mut all = inner.files.serving().chain(inner.issued.serving());
        (self.can_order && is_name(host)) || all.any(|certificate| certificate.covers(host))
    }

    fn next_step(&self, inner: &Inner, name: &str, what: &str) -> String {
        let directory = self.directory.display();
        let also = inner.files.trouble().map_or(String::new(), |trouble| format!(" (and {trouble})"));
        let acme = if self.can_order { "" } else { ", or set [proxy.acme] in its agent.toml" };
        format!("there {what}: put {name}.crt and {name}.key into {directory} on this host{acme}{also}")
    }

    /// The operator's first, so that one of them is what clients without a name are shown. Those who wait for other certificates are woken
    /// if there may be some.
    fn show(&self, inner: &Inner, is_other: bool) {
        let all: Vec<_> = inner.all(self.time.now()).cloned().collect();
        let lacks = |host: &&String| !all.iter().any(|certificate| certificate.covers(host));
        self.tls.show(&all, inner.hosts.iter().filter(lacks).cloned().collect());
        if is_other {
            self.changed.send_replace(());
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The operator's, and the issued ones that a route needs, because no valid one of the operator's is for its host.
    fn all(&self, now: UnixMillis) -> impl Iterator<Item = &Arc<PublicCertificate>> {
        let lacking: Vec<&String> = self.hosts.iter().filter(|host| !self.files.has_valid(host, now)).collect();
        let needed = move |certificate: &&Arc<PublicCertificate>| lacking.iter().any(|host| certificate.covers(host));
        self.files.serving().chain(self.issued.serving().filter(needed))
    }
}

/// The hosts of a route whose clients speak TLS; none of another.
pub(super) fn tls_hosts(route: &Route) -> Option<&Vec<String>> {
    match &route.kind {
        Kind::Http { tls: true, hosts, .. } => Some(hosts),
        Kind::Http { .. } | Kind::Tcp => None,
    }
}

/// Whether an ACME server could certify it: an address is no name.
fn is_name(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_err()
}

#[cfg(test)]
mod tests;
