//! The rpcs: from the wire to the controller's `Handle` and back. Each checks what the caller may say of whom; who may call it
//! at all was checked before (`auth.rs`).
//!
//! Not here: any state, any decision, and connections (`listen.rs`).

mod agent;
mod beats;
mod conversation;
mod engine;
mod enrolment;
mod follow;
mod operator;
mod pins;
mod questions;
mod status;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use evenkeel_certs::{Authority, TimeSource};
use evenkeel_model::UnixMillis;
use evenkeel_proto::Malformed;
use evenkeel_proto::v1::agent_service_server::AgentServiceServer;
use evenkeel_proto::v1::enrolment_service_server::EnrolmentServiceServer;
use evenkeel_proto::v1::operator_service_server::OperatorServiceServer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::{Request, Status};

use crate::auth::{Caller, Denied};
use crate::clock::Clock;
use crate::config::SessionTerms;
use crate::controller::Handle;
use crate::listen::Link;
use crate::moment::Moment;
use crate::resolve::ImageResolver;

pub(crate) use enrolment::end_of;

/// The longest message, in bytes, from and to an agent, and from an operator: a report on 50 apps whose failures carry their
/// logs has a tenth of it.
const LONGEST_MESSAGE: usize = 4 * 1024 * 1024;

/// The longest answer to an operator, in bytes, as the operator's program takes it: a list of 10,000 hosts with their stats, or a
/// rollout over a thousand hosts that all failed, each with its log.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// The longest request to join, in bytes: a tenth of it is used. Anybody may send one, and many at a time.
const LONGEST_JOIN: usize = 16 * 1024;

/// The longest key or value of a label, in bytes, as for names.
const LONGEST_LABEL: usize = 63;

/// The longest wait for a moment of the wall clock, in milliseconds: somebody may set the clock meanwhile.
const LONGEST_WAIT: u64 = 60_000;

/// What all rpcs work with.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) handle: Handle,
    pub(crate) authority: Arc<Authority>,
    pub(crate) resolver: Arc<dyn ImageResolver>,
    /// The clock of rollouts and tokens.
    pub(crate) clock: Arc<dyn Clock>,
    /// The clock of certificates.
    pub(crate) time: TimeSource,
    pub(crate) terms: SessionTerms,
    /// Streams end at this.
    pub(crate) stop: CancellationToken,
    /// Streams of agents are tasks among these.
    pub(crate) tasks: TaskTracker,
}

impl Api {
    /// The services, to be put behind the guard.
    pub(crate) fn routes(self) -> Routes {
        let agents = AgentServiceServer::new(self.clone())
            .max_decoding_message_size(LONGEST_MESSAGE)
            .max_encoding_message_size(LONGEST_MESSAGE);
        let enrolment = EnrolmentServiceServer::new(self.clone()).max_decoding_message_size(LONGEST_JOIN);
        let operators = OperatorServiceServer::new(self)
            .max_decoding_message_size(LONGEST_MESSAGE)
            .max_encoding_message_size(LONGEST_ANSWER);
        Routes::new(agents).add_service(enrolment).add_service(operators)
    }
}

/// A request with a field that can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
struct Invalid {
    field: &'static str,
    problem: String,
}

impl Invalid {
    fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

impl From<Malformed> for Invalid {
    fn from(malformed: Malformed) -> Self {
        Self { field: malformed.field, problem: malformed.problem }
    }
}

/// Why a stream was ended by the coordinator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum StreamEnd {
    /// The process ends.
    #[error("the coordinator is stopping")]
    Stopping,
    /// And none was renewed over this connection.
    #[error("the certificate expired at {}: connect again with a newer one", Moment(*.0))]
    Expired(UnixMillis),
    /// The controller has let go of it.
    #[error("the stream is over: this host opened another one, or was not heard for too long")]
    Superseded,
    /// What it follows comes no more.
    #[error("the coordinator has lost track of it: ask again")]
    Lost,
}

/// A field that holds a checked text.
fn parse<T>(field: &'static str, text: &str) -> Result<T, Invalid>
where
    T: FromStr,
    T::Err: ToString,
{
    text.parse().map_err(|problem: T::Err| Invalid::new(field, problem.to_string()))
}

/// A field of which empty means that it was left out.
fn parse_unless_empty<T>(field: &'static str, text: &str) -> Result<Option<T>, Invalid>
where
    T: FromStr,
    T::Err: ToString,
{
    if text.is_empty() { Ok(None) } else { parse(field, text).map(Some) }
}

/// Labels as placement and `docker inspect` can show them.
fn check_labels(field: &'static str, labels: &BTreeMap<String, String>) -> Result<(), Invalid> {
    labels.iter().try_for_each(|(key, value)| {
        let is_odd = |character: char| character.is_whitespace() || character.is_control() || character == '=';
        if key.is_empty() || key.len() > LONGEST_LABEL || key.contains(is_odd) {
            return Err(Invalid::new(
                field,
                format!("`{key}` is not a label's key: 1 to 63 bytes without spaces and `=`"),
            ));
        }
        if value.len() > LONGEST_LABEL || value.contains(char::is_control) {
            return Err(Invalid::new(field, format!("the value of {key} is not a label's: up to 63 bytes of text")));
        }
        Ok(())
    })
}

/// Who calls. The guard has put it there; without a guard nobody does.
fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    request.extensions().get::<Caller>().cloned().ok_or_else(|| Denied::Unlisted.into())
}

/// The connection by which the call came.
fn link<T>(request: &Request<T>) -> Result<Arc<Link>, Status> {
    request.extensions().get::<Arc<Link>>().cloned().ok_or_else(|| Denied::NoCertificate.into())
}

/// Resolves when the connection's word counts no more, or the process ends; says which.
async fn revoked(link: &Link, time: &TimeSource, stop: &CancellationToken) -> StreamEnd {
    let valid_until = link.valid_until();
    loop {
        let (until, now) = (*valid_until.borrow(), time.now());
        if !link.is_valid(now) {
            return StreamEnd::Expired(until);
        }
        // One more, as the last moment itself still counts. A renewal meanwhile shows in the next turn.
        let left = until.since(now).0.saturating_add(1).min(LONGEST_WAIT);
        tokio::select! {
            biased;
            () = stop.cancelled() => return StreamEnd::Stopping,
            () = tokio::time::sleep(std::time::Duration::from_millis(left)) => {}
        }
    }
}
