//! Certificates in a worker: those of the operator's files, those that ACME gave, and which of them are shown to whom. Not here: asking for
//! new ones (`acme`), the handshake (crate `evenkeel-certs`).

mod expiry;
mod folder;
mod terminate;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evenkeel_certs::{PublicCertificate, PublicTls, TimeSource};
use evenkeel_proxy::{Kind, Route, Terminate};
use tokio::sync::watch;

use self::expiry::expiry;
use self::folder::Folder;
use super::disk::blocking;

/// How often the folders are looked at: what an operator who has just replaced a file is patient for.
const LOOK: Duration = Duration::from_secs(10);

/// All certificates of a worker.
#[derive(Debug)]
pub(super) struct Certificates {
    tls: Arc<PublicTls>,
    time: TimeSource,
    directory: PathBuf,
    /// Whether one may be asked for.
    can_order: bool,
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Inner {
    files: Folder,
    /// None: there is no ACME.
    issued: Option<Folder>,
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
    pub(super) not_after: Option<evenkeel_model::UnixMillis>,
    /// For people.
    pub(super) trouble: Option<String>,
}

/// Where the hosts' certificates of an ACME server are named as coming from.
const ACME: &str = "ACME";

impl Certificates {
    /// Of the operator's directory and, where there is ACME, of the folder where its certificates are kept. Nothing is read yet.
    pub(super) fn new(directory: &Path, issued: Option<&Path>, time: &TimeSource) -> Arc<Self> {
        let inner =
            Inner { files: Folder::of_pairs(directory), issued: issued.map(Folder::of_issued), hosts: BTreeSet::new() };
        Arc::new(Self {
            tls: Arc::new(PublicTls::new(time)),
            time: time.clone(),
            directory: directory.to_owned(),
            can_order: issued.is_some(),
            inner: Mutex::new(inner),
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

    /// Reads what has changed. Blocks as long as the disk does.
    pub(super) fn look(&self) {
        let mut inner = self.inner();
        let files = inner.files.look();
        let issued = inner.issued.as_mut().is_some_and(Folder::look);
        if files || issued {
            self.show(&inner);
        }
    }

    /// Looks again and again.
    pub(super) async fn keep_looking(self: Arc<Self>) {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let this = Arc::clone(&self);
            blocking(move || this.look()).await;
        }
    }

    /// The routes in force are these.
    pub(super) fn serve<'a>(&self, routes: impl Iterator<Item = &'a Route>) {
        let hosts = routes.filter_map(tls_hosts).flatten().cloned().collect();
        let mut inner = self.inner();
        if inner.hosts != hosts {
            inner.hosts = hosts;
            self.show(&inner);
        }
    }

    /// Why a route can't be: a host has no certificate, and there is no way to one. `known`: the routes that are in force, whose hosts are
    /// not asked about again, because a certificate that goes missing must not be in the way of who serves.
    pub(super) fn refusal<'a>(&self, route: &Route, mut known: impl Iterator<Item = &'a Route>) -> Option<String> {
        let hosts = tls_hosts(route)?;
        let inner = self.inner();
        if hosts.is_empty() {
            let is_known = known.any(|other| other.listen == route.listen && tls_hosts(other) == Some(hosts));
            let any = inner.all().any(|certificate| self.is_valid(certificate));
            return (!is_known && !any).then(|| {
                format!(
                    "{} serves all hosts by TLS, and {}",
                    route.name,
                    self.next_step(&inner, "default", "is no certificate")
                )
            });
        }
        let known: BTreeSet<&String> = known.filter_map(tls_hosts).flatten().collect();
        let lacking = hosts.iter().find(|host| !known.contains(host) && !self.may_have(&inner, host))?;
        Some(format!(
            "{} serves {lacking} by TLS, and {}",
            route.name,
            self.next_step(&inner, lacking, "is no certificate for it")
        ))
    }

    /// The hosts that are to have a certificate by ACME, and what they have.
    pub(super) fn to_order(&self) -> Vec<(String, Option<Arc<PublicCertificate>>)> {
        let inner = self.inner();
        let Some(issued) = &inner.issued else { return vec![] };
        let hosts = inner.hosts.iter().filter(|host| is_name(host) && !self.is_in_files(&inner, host));
        hosts.map(|host| (host.clone(), issued.get(host))).collect()
    }

    /// Everything, for people.
    pub(super) fn known(&self, order: impl Fn(&str) -> Option<String>) -> Vec<Known> {
        let inner = self.inner();
        let now = self.time.now();
        let mut known = inner.files.known(now);
        for host in inner.hosts.iter().filter(|host| !self.is_in_files(&inner, host)) {
            let certificate = inner.issued.as_ref().and_then(|issued| issued.get(host));
            let trouble = match &certificate {
                _ if inner.issued.is_none() => Some(self.next_step(&inner, host, "is none")),
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
        (self.can_order && is_name(host)) || self.is_in_files(inner, host)
    }

    fn is_in_files(&self, inner: &Inner, host: &str) -> bool {
        inner.files.serving().any(|certificate| certificate.covers(host) && self.is_valid(certificate))
    }

    fn is_valid(&self, certificate: &PublicCertificate) -> bool {
        self.time.now() < certificate.not_after()
    }

    fn next_step(&self, inner: &Inner, name: &str, what: &str) -> String {
        let directory = self.directory.display();
        let also = inner.files.trouble().map_or(String::new(), |trouble| format!(" (and {trouble})"));
        let acme = if self.can_order { "" } else { ", or set [proxy.acme] in its agent.toml" };
        format!("there {what}: put {name}.crt and {name}.key into {directory} on this host{acme}{also}")
    }

    /// The operator's first, so that one of them is what clients without a name are shown.
    fn show(&self, inner: &Inner) {
        let all: Vec<_> = inner.all().cloned().collect();
        let lacks = |host: &&String| !all.iter().any(|certificate| certificate.covers(host));
        self.tls.show(&all, inner.hosts.iter().filter(lacks).cloned().collect());
        self.changed.send_replace(());
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The operator's, and the issued ones that a route needs.
    fn all(&self) -> impl Iterator<Item = &Arc<PublicCertificate>> {
        let issued = self.issued.iter().flat_map(Folder::serving);
        let needed = issued.filter(|certificate| self.hosts.iter().any(|host| certificate.covers(host)));
        self.files.serving().chain(needed)
    }
}

/// The hosts of a route whose clients speak TLS; none of another.
fn tls_hosts(route: &Route) -> Option<&Vec<String>> {
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
