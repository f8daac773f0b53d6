//! What certificates need of the steward: which hosts there are, whether an order lacks one, and that they are asked for while it leads.
//! Not here: the certificates (`tls`), the asking (`acme`).

use std::path::Path;
use std::sync::Arc;

use evenkeel_certs::TimeSource;
use evenkeel_proto::convert::moment_to_wire;
use evenkeel_proto::v1;
use evenkeel_proxy::{Proxy, Route};
use tokio::task::JoinHandle;

use super::super::acme::{self, Acme, Door};
use super::super::disk::Writes;
use super::super::tls::{Certificates, Known};
use super::super::upkeep::kept_up;
use super::Steward;
use crate::config::AcmeConfig;

/// What asks for certificates, at work or not.
#[derive(Debug)]
pub(super) struct Ordering {
    acme: Arc<Acme>,
    door: Arc<Door>,
    task: Option<JoinHandle<()>>,
    /// Its writes that are under way.
    writes: Writes,
}

impl Ordering {
    /// Not at work yet.
    pub(super) fn new(
        config: &AcmeConfig,
        state: &Path,
        proxy: &Proxy,
        certificates: &Arc<Certificates>,
        time: &TimeSource,
    ) -> Self {
        let door = Door::new(proxy, config.challenge_listen);
        let writes = Writes::default();
        let acme = Acme::new(config, &acme::folder(state, config), certificates, &door, time, &writes);
        Self { acme: Arc::new(acme), door, task: None, writes }
    }
}

impl Steward {
    /// From now on it alone asks.
    pub(super) fn start_ordering(&mut self) {
        let Some(ordering) = self.acme.as_mut().filter(|ordering| ordering.task.is_none()) else { return };
        let acme = Arc::clone(&ordering.acme);
        ordering.task = Some(tokio::spawn(async move { kept_up("certificates are asked for", || acme.run()).await }));
    }

    /// Asks no more, when it returns.
    pub(super) async fn stop_ordering(&mut self) {
        let Some(ordering) = self.acme.as_mut() else { return };
        let Some(task) = ordering.task.take() else { return };
        task.abort();
        // Its end is what matters, and not how it came.
        let _ = task.await;
        // What it was writing is written nevertheless: the next worker must find it.
        ordering.writes.finish().await;
    }

    /// The routes of the book are in force.
    pub(super) fn serve_certificates(&self) {
        self.certificates.serve(self.book.routes());
        if let Some(ordering) = &self.acme {
            ordering.door.settle(self.book.routes().map(|route| route.listen));
        }
    }

    /// These are about to be in force.
    pub(super) fn make_room(&self, routes: &[Route]) {
        self.certificates.serve(self.book.routes().chain(routes));
        if let Some(ordering) = &self.acme {
            ordering.door.give_way(routes.iter().map(|route| route.listen));
        }
    }

    /// Why these routes can't be, if one has no certificate nor a way to one. Before that is said, the files are looked at: an operator who
    /// has just put one there need not wait. A host that was ever in force for the owner lacks none: a revert must not fail because a
    /// certificate went missing meanwhile.
    pub(super) async fn lacking_certificate(&self, owner: &str, routes: &[Route]) -> Option<String> {
        self.refusal(owner, routes)?;
        self.certificates.look().await;
        self.refusal(owner, routes)
    }

    fn refusal(&self, owner: &str, routes: &[Route]) -> Option<String> {
        let accepted = |host: &str| self.book.accepted.has(owner, host);
        routes.iter().find_map(|route| self.certificates.refusal(route, self.book.routes(), accepted))
    }

    /// For people.
    pub(super) fn known_certificates(&self) -> Vec<v1::ProxyCertificate> {
        let ordered = |host: &str| self.acme.as_ref().and_then(|ordering| ordering.acme.trouble(host));
        let known = self.certificates.known(ordered).into_iter();
        let to_wire = |known: Known| v1::ProxyCertificate {
            names: known.names,
            source: known.source,
            not_after: known.not_after.map(moment_to_wire),
            trouble: known.trouble,
        };
        known.map(to_wire).collect()
    }
}
