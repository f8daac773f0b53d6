//! The agent, put together: every task it has is started here. The caller owns the ports and the reason to stop.
//!
//! | task | does | when told to stop |
//! |---|---|---|
//! | drivers | one for each app: decide and act | give up the action under way (each can be repeated) |
//! | prefetch | fetch announced images, one at a time | give up the pull under way |
//! | session | hold the stream to a coordinator | end it |
//! | listen | follow the engine's events | end |
//! | data root | ask the engine where it keeps images, until it says | end |
//! | status | answer on the unix socket, tell systemd | end |
//!
//! Deliberately not here: reading the configuration and the files (`main.rs`), any decision.

use std::future::Future;
use std::sync::Arc;

use evenkeel_certs::{CredentialsStore, Identity, TimeSource};
use evenkeel_model::{FleetName, HostId, Millis};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::contact::Contact;
use crate::credentials::CredentialsFiles;
use crate::dial::Dialer;
use crate::driver::{Needs, Shared};
use crate::drivers::Drivers;
use crate::facts::Facts;
use crate::failpoint::Failpoint;
use crate::fetched::FetchedImages;
use crate::ledger::{LedgerError, LedgerStore};
use crate::prefetch::Prefetcher;
use crate::probe::Prober;
use crate::reports::Reports;
use crate::router::Router;
use crate::runtime::Runtime;
use crate::session::Session;
use crate::status::{Socket, keep_status};
use crate::ticker::Ticker;

/// Free where the engine keeps images, in bytes, for an image to be pulled, unless somebody says otherwise: a pull that fills the disk hurts all
/// that runs there.
pub const MIN_FREE_DISK: u64 = 512 << 20;
/// After an engine that did not tell where it keeps images.
const DATA_ROOT_RETRY: Millis = Millis::seconds(1);

/// Everything that the agent touches.
pub struct Parts {
    /// The coordinators' addresses, tried in turn.
    pub addresses: Vec<String>,
    /// The container engine.
    pub runtime: Arc<dyn Runtime>,
    /// The host's proxy. Whoever makes it also has it followed: see [`Router::wakeups`].
    pub router: Arc<dyn Router>,
    /// No image is pulled while fewer bytes are free where the engine keeps them.
    pub min_free_disk: u64,
    /// Probes over the network.
    pub prober: Arc<dyn Prober>,
    /// What must survive.
    pub ledgers: Arc<dyn LedgerStore>,
    /// The host's facts and stats.
    pub facts: Arc<dyn Facts>,
    /// The network.
    pub dialer: Arc<dyn Dialer>,
    /// The certificate in use.
    pub credentials: Arc<CredentialsStore>,
    /// Where a renewed one is kept.
    pub files: Arc<dyn CredentialsFiles>,
    /// The wall clock.
    pub time: TimeSource,
    /// Where a test may end this process.
    pub failpoint: Arc<dyn Failpoint>,
    /// The status socket; none in the simulation.
    pub socket: Option<Socket>,
    /// Spreads waits between hosts.
    pub seed: u64,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// Why the agent can't run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The credentials are not a host's.
    #[error("the certificate is {0}'s, and an agent needs a host's: run `evenkeel-agent join`")]
    NotAHost(Identity),
    /// What must survive can't be read.
    #[error("the ledgers can't be read")]
    Ledgers(#[source] LedgerError),
}

/// Whose certificate it is.
pub fn host_of(credentials: &CredentialsStore) -> Result<(FleetName, HostId), RunError> {
    match credentials.credentials().identity() {
        Identity::Host { fleet, host } => Ok((fleet.clone(), host.clone())),
        other => Err(RunError::NotAHost(other.clone())),
    }
}

/// Learns where the engine keeps images as soon as it can tell: until then another disk's space would be reported. Not waited for, because
/// an engine that hangs is no reason not to run.
async fn find_data_root(runtime: Arc<dyn Runtime>, facts: Arc<dyn Facts>) {
    loop {
        if let Some(root) = runtime.data_root().await {
            return facts.set_data_root(&root);
        }
        tokio::time::sleep(DATA_ROOT_RETRY.to_std()).await;
    }
}

/// Runs until `shutdown`, then lets every task end.
pub async fn run(parts: Parts, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
    let (_, host) = host_of(&parts.credentials)?;
    let remembered = parts.ledgers.load().await.map_err(RunError::Ledgers)?;
    for path in &remembered.recovered {
        tracing::error!(path = %path.display(), "a ledger was damaged, and the record before it is used: check the disk");
    }
    let (ticker, reports, contact) = (Ticker::start(), Reports::default(), Contact::new(remembered.epoch));
    let (desired, wanted) = watch::channel(Vec::new());
    let (prefetch, announced) = watch::channel(Vec::new());
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();

    let shared = Shared {
        runtime: Arc::clone(&parts.runtime),
        router: parts.router,
        prober: parts.prober,
        facts: Arc::clone(&parts.facts),
        min_free_disk: parts.min_free_disk,
        needs: Needs::default(),
        fetched: FetchedImages::new(remembered.fetched, ticker.now()),
        ledgers: Arc::clone(&parts.ledgers),
        failpoint: parts.failpoint,
        reports: reports.clone(),
        contact: contact.clone(),
        ticker,
    };
    let session = Session {
        host: host.clone(),
        addresses: parts.addresses,
        dialer: parts.dialer,
        credentials: parts.credentials,
        files: parts.files,
        ledgers: parts.ledgers,
        runtime: Arc::clone(&parts.runtime),
        facts: Arc::clone(&parts.facts),
        reports: reports.clone(),
        desired,
        prefetch,
        contact: contact.clone(),
        ticker,
        time: parts.time,
    };
    tracing::info!(host = %host, apps = remembered.ledgers.len(), "the agent runs");
    // What the ledgers name is known by then: nothing of it is taken away as fetched in vain.
    let drivers = Drivers::start(shared.clone(), remembered.ledgers, stop.clone());
    let prefetcher = Prefetcher::new(host.clone(), shared, announced, wanted.clone());
    tasks.spawn(drivers.keep(wanted));
    tasks.spawn(prefetcher.run(stop.clone()));
    tasks.spawn(
        stop.clone().run_until_cancelled_owned(find_data_root(Arc::clone(&parts.runtime), Arc::clone(&parts.facts))),
    );
    let (session_stop, seed) = (stop.clone(), parts.seed);
    tasks.spawn(async move { session.keep(seed, session_stop).await });
    let (listen_stop, runtime) = (stop.clone(), parts.runtime);
    tasks.spawn(async move {
        tokio::select! {
            biased;
            () = listen_stop.cancelled() => {}
            () = runtime.listen() => {}
        }
    });
    tasks.spawn(keep_status(host, parts.socket, reports, contact, ticker, stop.clone()));
    tasks.close();

    tokio::select! {
        biased;
        () = shutdown => tracing::info!("the agent was told to stop; the containers go on"),
        // A driver that broke.
        () = stop.cancelled() => {}
    }
    stop.cancel();
    tasks.wait().await;
    Ok(())
}

#[cfg(test)]
mod tests;
