//! The connection to the coordinator, and one function for each request that has one answer. Not here: watching a rollout
//! (`watch.rs`), and what errors mean (`errors.rs`).

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

use evenkeel_certs::{ClientTls, CredentialsStore};
use evenkeel_model::Millis;
use evenkeel_proto::v1::operator_service_client::OperatorServiceClient;
use evenkeel_proto::v1::{RolloutView, ShowRolloutRequest};

use crate::context::{Context, ContextError};
use crate::dial::{CONNECT_TIMEOUT, Dial, TlsDial, dial_any};
use crate::errors::{Asked, CliError};
use crate::faults::Faults;
use crate::globals::Globals;
use crate::surroundings::{Reach, Surroundings};

/// How long most requests may take: they are answered from memory or a small database.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long `plan` and `deploy` may take: the coordinator asks registries first, each with retries of its own.
const RESOLVING_TIMEOUT: Duration = Duration::from_mins(2);

/// How often a connection that is in use is tried, and how long the answer may take: a coordinator whose machine has gone
/// is noticed after 20 s, and not when TCP gives up.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Bytes of the largest answer: a rollout over a thousand hosts that all failed, with 50 log lines each.
const LARGEST_ANSWER: usize = 64 << 20;

/// The way to the coordinator's operator service.
#[derive(Debug)]
pub(crate) struct Connection {
    client: OperatorServiceClient<Channel>,
    faults: Faults,
    /// The coordinators' addresses.
    pub(crate) addresses: Vec<String>,
}

impl Connection {
    /// Connects as the context file (or the test) says. A connection that is lost later is made again at the next request.
    pub(crate) async fn open(globals: &Globals, surroundings: &Surroundings, asked: Asked) -> Result<Self, CliError> {
        let (addresses, dial) = reach(globals, surroundings)?;
        let all = addresses.clone();
        let faults = Faults::default();
        let watching = faults.clone();
        let connector = tower::service_fn(move |_| {
            let (dial, all, faults) = (Arc::clone(&dial), all.clone(), watching.clone());
            async move { dial_any(dial.as_ref(), &all).await.map(|wire| TokioIo::new(faults.watch(wire))) }
        });
        let channel = Endpoint::from_static("http://coordinator")
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true)
            .connect_with_connector(connector)
            .await
            .map_err(|error| CliError::of_connecting(&error, faults.take(), asked))?;
        let client = OperatorServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
        Ok(Self { client, faults, addresses })
    }

    /// What makes requests; all of them share the one wire.
    pub(crate) fn client(&self) -> OperatorServiceClient<Channel> {
        self.client.clone()
    }

    /// Waits for a request's one answer, not longer than it may take.
    pub(crate) async fn answer<T>(
        &self,
        asked: Asked,
        request: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, CliError> {
        let limit = match asked {
            Asked::Plan | Asked::Deploy | Asked::Rollback => RESOLVING_TIMEOUT,
            _ => REQUEST_TIMEOUT,
        };
        let answered = timeout(limit, request).await.map_err(|_| CliError::too_slow(asked, limit.as_secs()))?;
        answered.map(Response::into_inner).map_err(|status| self.explain(&status, asked))
    }

    /// Begins to watch a rollout. The stream has no time limit, its beginning has.
    pub(crate) async fn watch(&self, which: &ShowRolloutRequest) -> Result<Streaming<RolloutView>, CliError> {
        self.answer(Asked::Rollout, self.client().watch_rollout(Request::new(which.clone()))).await
    }

    /// What a failed request means, with what the wire knows of it.
    pub(crate) fn explain(&self, status: &Status, asked: Asked) -> CliError {
        CliError::of_status(status, self.faults.take(), asked)
    }
}

/// Addresses, and how each is reached.
fn reach(globals: &Globals, surroundings: &Surroundings) -> Result<(Vec<String>, Arc<dyn Dial>), CliError> {
    if let Reach::Given { addresses, dial } = &surroundings.reach {
        return Ok((addresses.clone(), Arc::clone(dial)));
    }
    let now = surroundings.time.now();
    let context = Context::load(globals.context.as_deref(), &surroundings.variables, now)?;
    let store = CredentialsStore::new(context.credentials, surroundings.time.clone())
        .map_err(|source| ContextError::Credentials { path: context.path, source: Box::new(source) })?;
    let tls = ClientTls::new(&store).with_handshake_timeout(Millis::from(CONNECT_TIMEOUT));
    Ok((context.addresses, Arc::new(TlsDial(tls))))
}
