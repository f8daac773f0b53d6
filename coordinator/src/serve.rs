//! The coordinator, put together: every task it has is started here. The caller owns the ports and the reason to stop; the
//! simulation runs this very function.
//!
//! | task | does | when told to stop |
//! |---|---|---|
//! | controller | owns all state | last: finish the turn, end |
//! | accept, handshakes | take connections | end at once |
//! | rpcs, streams | answer, follow | streams are told and end, calls under way are answered within the grace |
//! | renewal | keep the coordinator's certificate and the first operator's young | end |
//! | health | answer `/healthz` | end |
//!
//! Deliberately not here: reading the configuration, binding sockets, signals (`start.rs`), any decision.

mod admin;
mod founding;
mod health;
mod renewal;

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_certs::{AuthorityError, CredentialsError, CredentialsStore, ServerTls, TimeSource};
use evenkeel_model::FleetName;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::Server;

use crate::api::Api;
use crate::auth::{Guard, GuardLayer};
use crate::clock::Clock;
use crate::config::Config;
use crate::controller::{Controller, Settings, StartError, Unavailable};
use crate::gauge::{Gauge, Gauges};
use crate::listen::{Acceptor, Limits, Listener};
use crate::resolve::ImageResolver;
use crate::store::{Store, StoreError};

pub use admin::{ADMIN_LIFETIME, AdminFile, FolderAdminFile, MemoryAdminFile};
pub use renewal::COORDINATOR_LIFETIME;

/// How long calls under way are waited for at the end: a deploy that asks a slow registry, and an agent's last report.
const GRACE: Duration = Duration::from_secs(10);
/// For what is cut after that to notice.
const CUT_GRACE: Duration = Duration::from_secs(1);
/// Calls at the same time on one connection: an agent has two, an operator's program a few.
const STREAMS_PER_CONNECTION: u32 = 64;
/// Bytes of one call's headers: ours have a tenth of it.
const LONGEST_HEADERS: u32 = 16 * 1024;
/// Bytes of one HTTP/2 frame: the protocol's own minimum, so that one peer's long message does not hold up its beats.
const LONGEST_FRAME: u32 = 16 * 1024;

/// Everything that the coordinator touches.
pub struct Parts {
    /// The checked configuration.
    pub config: Config,
    /// What outlives this process.
    pub store: Arc<dyn Store>,
    /// The clock of rollouts.
    pub clock: Arc<dyn Clock>,
    /// The clock of certificates.
    pub time: TimeSource,
    /// Where agents and operators connect.
    pub listener: Box<dyn Listener>,
    /// How much is accepted there.
    pub limits: Limits,
    /// Where `/healthz` is answered; none: nowhere.
    pub http: Option<Box<dyn Listener>>,
    /// Finds out what tags mean.
    pub resolver: Arc<dyn ImageResolver>,
    /// Measures what analysis gates ask for.
    pub gauge: Arc<dyn Gauge>,
    /// Where the first operator's context is kept.
    pub admin: Arc<dyn AdminFile>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Why the coordinator can't run, or did not end as it was told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// What is stored can't be loaded, or nothing can be stored.
    #[error("the store can't be used")]
    Store(#[source] StoreError),
    /// The store is of one fleet, and the configuration of another.
    #[error(
        "the store is of the fleet {stored}, and the configuration says {configured}: correct `fleet` or `data_dir`"
    )]
    OtherFleet {
        /// Whose it is.
        stored: FleetName,
        /// What is configured.
        configured: FleetName,
    },
    /// It can't be made, loaded, or does not sign.
    #[error("the fleet's authority can't be used")]
    Authority(#[source] AuthorityError),
    /// The coordinator's own.
    #[error("the coordinator's certificate can't be used")]
    Credentials(#[source] CredentialsError),
    /// It does not start.
    #[error("the controller can't start")]
    Controller(#[source] StartError),
    /// The books could not be asked.
    #[error("the controller does not answer")]
    Unavailable(#[source] Unavailable),
    /// The context file of the first operator.
    #[error("the first operator's context file can't be written")]
    Admin(#[source] io::Error),
    /// Where it listens can't be told.
    #[error("the listening socket can't be used")]
    Listener(#[source] io::Error),
    /// Serving ended by itself.
    #[error("the server ended without being told to")]
    Server(#[source] Option<tonic::transport::Error>),
    /// A defect: it owns everything.
    #[error("the controller ended without being told to")]
    ControllerEnded,
}

/// By what the tasks are told to end.
#[derive(Debug, Clone, Default)]
struct Ends {
    /// Accepting ends, streams are told, calls under way go on.
    stop: CancellationToken,
    /// Connections are cut.
    cut: CancellationToken,
    /// The controller ends.
    controller: CancellationToken,
}

/// Runs until `shutdown`, then lets every task end: what was acknowledged is stored, whatever is cut short.
///
/// May be dropped at any moment, as by a crash.
pub async fn run(parts: Parts, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    let (ends, tasks) = (Ends::default(), TaskTracker::new());
    // Whatever way this function is left, nothing that it started outlives it for long.
    let _guards = (ends.stop.clone().drop_guard(), ends.cut.clone().drop_guard(), ends.controller.clone().drop_guard());
    let authority = Arc::new(founding::found(parts.store.as_ref(), &parts.config.fleet, &parts.time).await?);
    let settings = Settings { lease: parts.config.session.lease };
    let gauges = Gauges::new(Arc::clone(&parts.gauge), tasks.clone());
    let (controller, handle) = Controller::start(Arc::clone(&parts.store), Arc::clone(&parts.clock), gauges, &settings)
        .await
        .map_err(ServeError::Controller)?;
    let mut controller = tasks.spawn(controller.run(ends.controller.clone()));

    let admin = admin::Admin {
        handle: handle.clone(),
        authority: Arc::clone(&authority),
        file: Arc::clone(&parts.admin),
        addresses: addresses(&parts)?,
        time: parts.time.clone(),
    };
    admin.keep_young().await?;
    let credentials = renewal::issue(&authority, &parts.time)?;
    let credentials = CredentialsStore::new(credentials, parts.time.clone()).map_err(ServeError::Credentials)?;
    let renewal = renewal::Renewal {
        authority: Arc::clone(&authority),
        credentials: Arc::clone(&credentials),
        admin,
        time: parts.time.clone(),
    };
    tasks.spawn(ends.stop.clone().run_until_cancelled_owned(renewal.keep()));
    if let Some(http) = parts.http {
        let health = health::Health { store: parts.store, handle: handle.clone() };
        tasks.spawn(ends.stop.clone().run_until_cancelled_owned(health.answer(http, tasks.clone())));
    }
    let acceptor = Acceptor {
        listener: parts.listener,
        tls: ServerTls::new(&credentials),
        limits: parts.limits,
        stop: ends.stop.clone(),
        cut: ends.cut.clone(),
        tasks: tasks.clone(),
    };
    let guard = Guard { fleet: authority.fleet().clone(), handle: handle.clone(), time: parts.time.clone() };
    let api = Api {
        handle,
        authority,
        resolver: parts.resolver,
        clock: parts.clock,
        time: parts.time,
        terms: parts.config.session,
        stop: ends.stop.clone(),
        tasks: tasks.clone(),
    };
    let mut server = Box::pin(serve(api, guard, acceptor, ends.stop.clone()));
    tokio::select! {
        biased;
        () = shutdown => tracing::info!("the coordinator was told to stop; what runs on hosts goes on"),
        ended = &mut server => return Err(ServeError::Server(ended.err())),
        _ = &mut controller => return Err(ServeError::ControllerEnded),
    }
    end(&ends, server, &tasks).await;
    Ok(())
}

/// The rpcs over the connections, until `stop` and until every connection has ended.
async fn serve(
    api: Api,
    guard: Guard,
    acceptor: Acceptor,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    Server::builder()
        // The beat of the session says who is alive.
        .http2_keepalive_interval(None)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_max_header_list_size(LONGEST_HEADERS)
        .max_frame_size(LONGEST_FRAME)
        .layer(GuardLayer(Arc::new(guard)))
        .add_routes(api.routes())
        .serve_with_incoming_shutdown(ReceiverStream::new(acceptor.start()), stop.cancelled_owned())
        .await
}

async fn end(
    ends: &Ends,
    mut server: std::pin::Pin<Box<impl Future<Output = Result<(), tonic::transport::Error>>>>,
    tasks: &TaskTracker,
) {
    ends.stop.cancel();
    if tokio::time::timeout(GRACE, &mut server).await.is_err() {
        tracing::warn!(
            grace_s = GRACE.as_secs(),
            "connections did not end in time and are cut: calls under way on them have no answer"
        );
        ends.cut.cancel();
        // Nothing more can be done for one that does not end even now.
        let _ = tokio::time::timeout(CUT_GRACE, &mut server).await;
    }
    ends.controller.cancel();
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        tracing::warn!(tasks = tasks.len(), "tasks did not end in time and are left behind");
    }
}

/// By which others find this coordinator: as configured, or where it listens, seen from this machine.
fn addresses(parts: &Parts) -> Result<Vec<String>, ServeError> {
    if !parts.config.advertise.is_empty() {
        return Ok(parts.config.advertise.clone());
    }
    let bound = parts.listener.local_addr().map_err(ServeError::Listener)?;
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(vec![SocketAddr::new(ip, bound.port()).to_string()])
}

#[cfg(test)]
mod tests;
