//! What agents call: their stream, and a newer certificate. A host speaks for itself alone. Not here: what flows over the stream
//! (`conversation.rs`).

use async_trait::async_trait;
use evenkeel_certs::public_key_digest;
use evenkeel_model::{Epoch, HostFacts, HostId, Millis};
use evenkeel_proto::v1::agent_service_server::AgentService;
use evenkeel_proto::v1::{
    Hello, RenewCertificateRequest, RenewCertificateResponse, SessionDown, SessionUp, session_up,
};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::conversation::Conversation;
use super::enrolment::end_of;
use super::{Api, Invalid, StreamEnd, caller, link, parse};
use crate::auth::{Caller, Denied, Needed};

/// How long a host may take to introduce itself: its hello goes out with the call.
const HELLO_TIMEOUT: Millis = Millis::seconds(10);

/// Messages down that wait to be sent. One: what waits is the newest, and is made when there is room for it.
const DOWN_QUEUE: usize = 1;

#[async_trait]
impl AgentService for Api {
    type SessionStream = ReceiverStream<Result<SessionDown, Status>>;

    async fn session(&self, request: Request<Streaming<SessionUp>>) -> Result<Response<Self::SessionStream>, Status> {
        let (host, link) = (host(&request)?, link(&request)?);
        let mut up = request.into_inner();
        let hello = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(StreamEnd::Stopping.into()),
            first = timeout(HELLO_TIMEOUT.to_std(), up.message()) => {
                hello(first.map_err(|_| no_hello("nothing came"))??)?
            }
        };
        let claimed: HostId = parse("hello.host", &hello.host)?;
        if claimed != host {
            tracing::warn!(%host, %claimed, from = %link.remote(), "an agent spoke for another host, and was refused");
            return Err(OtherHost { host, claimed }.into());
        }
        let facts =
            hello.facts.as_ref().map(HostFacts::from).ok_or_else(|| Invalid::new("hello.facts", "is missing"))?;
        let connected = self.handle.connect(host.clone(), Epoch(hello.highest_epoch), facts).await?;
        let (down, messages) = mpsc::channel(DOWN_QUEUE);
        let conversation = Conversation {
            host,
            link,
            handle: self.handle.clone(),
            terms: self.terms,
            time: self.time.clone(),
            stop: self.stop.clone(),
            connected,
        };
        self.tasks.spawn(conversation.hold(up, down));
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn renew_certificate(
        &self,
        request: Request<RenewCertificateRequest>,
    ) -> Result<Response<RenewCertificateResponse>, Status> {
        let (host, link) = (host(&request)?, link(&request)?);
        let pem = request.into_inner().certificate_request;
        public_key_digest(&pem).map_err(|problem| Invalid::new("certificate_request", problem.to_string()))?;
        let now = self.time.now();
        // Never shorter than the one it replaces, even if the configured lifetime was lowered since: one that ends before the
        // first is taken for an earlier host's.
        let until = end_of(now, self.terms.certificate).max(*link.valid_until().borrow());
        let certificate = self.sign(&host, &pem, now, until)?;
        self.handle.renewed(host.clone(), until).await.map_err(Denied::Member)?;
        link.renewed(until);
        tracing::info!(%host, "a host's certificate was renewed");
        Ok(Response::new(RenewCertificateResponse { certificate }))
    }
}

/// An agent claims to be somebody else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an agent speaks for its own host alone: the certificate is for {host}, and hello says {claimed}")]
pub(super) struct OtherHost {
    host: HostId,
    claimed: HostId,
}

/// The host that calls. The guard lets nobody else through.
fn host<T>(request: &Request<T>) -> Result<HostId, Status> {
    match caller(request)? {
        Caller::Host(host) => Ok(host),
        Caller::Anyone | Caller::Operator(_) => match link(request)?.identity() {
            Some(found) => Err(Denied::OtherKind { found: found.clone(), needed: Needed::Hosts }.into()),
            None => Err(Denied::NoCertificate.into()),
        },
    }
}

fn hello(first: Option<SessionUp>) -> Result<Hello, Invalid> {
    match first.and_then(|first| first.message) {
        Some(session_up::Message::Hello(hello)) => Ok(hello),
        Some(_) => Err(no_hello("something else came")),
        None => Err(no_hello("the stream ended")),
    }
}

fn no_hello(instead: &str) -> Invalid {
    Invalid::new("message", format!("a session begins with hello, and {instead}"))
}
