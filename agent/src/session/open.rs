//! Opening the stream: TCP, TLS, HTTP/2, hello and welcome. Not here: what flows afterwards.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_certs::{ClientTls, CredentialsError};
use evenkeel_model::{Epoch, Millis};
use evenkeel_proto::convert::duration_from_wire;
use evenkeel_proto::v1::agent_service_client::AgentServiceClient;
use evenkeel_proto::v1::{Hello, SessionDown, SessionUp, session_down, session_up};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use super::Session;

/// From dialling to the coordinator's welcome.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// Messages that may wait to be sent: reports replace each other, so more than these would only be stale ones.
const UP_QUEUE: usize = 4;

/// Why there is no stream (any more).
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The address does not answer, or not with TLS that we trust.
    #[error("the coordinator can't be reached")]
    Unreachable(#[source] tonic::transport::Error),
    /// No coordinator would hear us.
    #[error(
        "this host's certificate is not valid now: check its clock; if it was away for longer than the certificate's life, \
         run `evenkeel-agent join` again, and restart the agent"
    )]
    Credentials(#[source] CredentialsError),
    /// It took too long.
    #[error("the coordinator did not welcome us within {}", Millis::from(OPEN_TIMEOUT))]
    Slow,
    /// It refused, or the stream broke.
    #[error("the coordinator ended the stream: {0}")]
    Ended(String),
    /// Nothing was heard for a whole lease.
    #[error("the coordinator was silent for {0}")]
    Silent(Millis),
    /// Another coordinator reigns.
    #[error(
        "the coordinator's epoch {offered} is older than {highest}, which was heard before: it was replaced, or its store was restored"
    )]
    OldEpoch {
        /// Its epoch.
        offered: Epoch,
        /// The highest heard.
        highest: Epoch,
    },
    /// It said something that can't be.
    #[error("the coordinator sent what can't be read")]
    Malformed(#[from] evenkeel_proto::Malformed),
    /// The epoch could not be kept.
    #[error("the coordinator's epoch can't be stored")]
    Ledger(#[source] crate::ledger::LedgerError),
}

/// A stream that was welcomed.
pub(crate) struct Open {
    /// To the coordinator.
    pub(crate) up: mpsc::Sender<SessionUp>,
    /// From the coordinator.
    pub(crate) down: Streaming<SessionDown>,
    /// For calls beside the stream.
    pub(crate) client: AgentServiceClient<Channel>,
    /// The coordinator's reign.
    pub(crate) epoch: Epoch,
    /// How often either side sends something.
    pub(crate) beat: Millis,
    /// Silence by which either side is taken for gone.
    pub(crate) lease: Millis,
    /// How often stats are sent.
    pub(crate) stats: Millis,
}

impl Session {
    /// Opens the stream at one address.
    pub(crate) async fn open(&self, address: &str) -> Result<Open, SessionError> {
        tokio::time::timeout(OPEN_TIMEOUT, self.open_slowly(address)).await.map_err(|_| SessionError::Slow)?
    }

    async fn open_slowly(&self, address: &str) -> Result<Open, SessionError> {
        self.credentials.credentials().validate(self.time.now()).map_err(SessionError::Credentials)?;
        let mut client = AgentServiceClient::new(self.channel(address).await.map_err(SessionError::Unreachable)?);
        let (up, messages) = mpsc::channel(UP_QUEUE);
        let hello = Hello {
            host: self.host.to_string(),
            highest_epoch: self.contact.line().epoch.0,
            facts: Some((&super::facts(&*self.runtime, &*self.facts).await).into()),
        };
        up.try_send(message(session_up::Message::Hello(hello))).expect("a new queue has room for one message");
        let mut down = client.session(ReceiverStream::new(messages)).await.map_err(ended)?.into_inner();
        let first = down.message().await.map_err(ended)?.and_then(|first| first.message);
        let Some(session_down::Message::Welcome(welcome)) = first else {
            return Err(SessionError::Ended("it did not begin with a welcome".to_owned()));
        };
        let (offered, highest) = (Epoch(welcome.epoch), self.contact.line().epoch);
        if offered < highest {
            return Err(SessionError::OldEpoch { offered, highest });
        }
        Ok(Open {
            up,
            down,
            client,
            epoch: offered,
            beat: duration_from_wire("beat_interval", welcome.beat_interval.as_ref())?,
            lease: duration_from_wire("lease", welcome.lease.as_ref())?,
            stats: duration_from_wire("stats_interval", welcome.stats_interval.as_ref())?,
        })
    }

    async fn channel(&self, address: &str) -> Result<Channel, tonic::transport::Error> {
        let tls = Arc::new(ClientTls::new(&self.credentials));
        let (dialer, address) = (Arc::clone(&self.dialer), address.to_owned());
        let connector = tower::service_fn(move |_: http::Uri| {
            let (tls, dialer, address) = (Arc::clone(&tls), Arc::clone(&dialer), address.clone());
            async move {
                let stream = dialer.dial(&address).await?;
                tls.connect(stream).await.map(TokioIo::new).map_err(io::Error::other)
            }
        });
        // The URI is never looked up: the connector knows the address, and the certificate says who answers.
        Endpoint::from_static("http://coordinator").connect_with_connector(connector).await
    }
}

/// A message up.
pub(crate) fn message(message: session_up::Message) -> SessionUp {
    SessionUp { message: Some(message) }
}

/// What a gRPC status says, for people. By value, as `map_err` hands it over.
#[allow(clippy::needless_pass_by_value)]
pub(crate) fn ended(status: tonic::Status) -> SessionError {
    SessionError::Ended(status.message().to_owned())
}
