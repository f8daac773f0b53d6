//! A coordinator that gives canned answers, and the wire to it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use evenkeel_certs::Authority;
use evenkeel_cli::{Dial, DialFailure, Wire};
use evenkeel_model::{Millis, UnixMillis};
use evenkeel_proto::v1::operator_service_server::{OperatorService, OperatorServiceServer};
use evenkeel_proto::v1::*;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _, iter, pending};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::desk::NOW;

/// What one watch is told, one after the other.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    View(Box<RolloutView>),
    Error(Status),
    /// Nothing more, and the stream stays open. Without it, the stream ends.
    Silence,
}

impl Told {
    pub(crate) fn view(view: RolloutView) -> Self {
        Self::View(Box::new(view))
    }
}

/// The answers. Those that are not set are empty.
#[derive(Debug, Default)]
pub(crate) struct Canned {
    pub(crate) token: CreateTokenResponse,
    pub(crate) hosts: ListHostsResponse,
    pub(crate) host: HostView,
    pub(crate) plan: PlanResponse,
    pub(crate) deploy: Option<DeployResponse>,
    pub(crate) rollouts: ListRolloutsResponse,
    pub(crate) rollout: RolloutView,
    pub(crate) releases: ListReleasesResponse,
    pub(crate) status: StatusResponse,
    pub(crate) freeze: FreezeView,
    pub(crate) freezes: ListFreezesResponse,
    pub(crate) operators: ListOperatorsResponse,
    /// What the host is shown as, one view after the other; then `host`.
    pub(crate) looks: Mutex<VecDeque<Result<HostView, Status>>>,
    /// Certifies new operators. Without one, nobody is.
    pub(crate) authority: Option<Authority>,
    /// Given instead of any answer but a watch.
    pub(crate) refusal: Option<Status>,
    /// What each watch is told; those after the last are told nothing.
    pub(crate) watches: Mutex<VecDeque<Vec<Told>>>,
    /// All requests, as `Debug` writes them.
    pub(crate) heard: Mutex<Vec<String>>,
}

impl Canned {
    fn answer<T>(&self, request: &impl std::fmt::Debug, answer: T) -> Result<Response<T>, Status> {
        self.heard.lock().unwrap().push(format!("{request:?}"));
        match &self.refusal {
            Some(status) => Err(status.clone()),
            None => Ok(Response::new(answer)),
        }
    }

    /// Requests for words are all of one kind: which was asked is told before it.
    fn word(&self, word: &str, request: &Request<RolloutWordRequest>) -> Result<Response<RolloutView>, Status> {
        self.answer(&format_args!("{word} {:?}", request.get_ref()), self.rollout.clone())
    }

    pub(crate) fn watches(scripts: Vec<Vec<Told>>) -> Mutex<VecDeque<Vec<Told>>> {
        Mutex::new(scripts.into())
    }
}

/// Leads to a coordinator in this process. Must be made in a runtime.
#[derive(Debug)]
pub(crate) struct InMemory(mpsc::Sender<Result<DuplexStream, std::io::Error>>);

impl InMemory {
    pub(crate) fn to(canned: Arc<Canned>) -> Self {
        let (sender, incoming) = mpsc::channel(1);
        let service = OperatorServiceServer::from_arc(Arc::new(Shared(canned)));
        tokio::spawn(Server::builder().add_service(service).serve_with_incoming(ReceiverStream::new(incoming)));
        Self(sender)
    }
}

#[tonic::async_trait]
impl Dial for InMemory {
    async fn dial(&self, _: &str) -> Result<Box<dyn Wire>, DialFailure> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let gone = |_| DialFailure::Network(std::io::ErrorKind::ConnectionRefused.into());
        self.0.send(Ok(theirs)).await.map_err(gone)?;
        Ok(Box::new(ours))
    }
}

pub(crate) struct Shared(pub(crate) Arc<Canned>);

#[tonic::async_trait]
impl OperatorService for Shared {
    async fn create_token(
        &self,
        request: Request<CreateTokenRequest>,
    ) -> Result<Response<CreateTokenResponse>, Status> {
        self.0.answer(request.get_ref(), self.0.token.clone())
    }

    async fn list_hosts(&self, request: Request<ListHostsRequest>) -> Result<Response<ListHostsResponse>, Status> {
        self.0.answer(request.get_ref(), self.0.hosts.clone())
    }

    async fn show_host(&self, request: Request<ShowHostRequest>) -> Result<Response<HostView>, Status> {
        let look = self.0.looks.lock().unwrap().pop_front().unwrap_or_else(|| Ok(self.0.host.clone()))?;
        self.0.answer(request.get_ref(), look)
    }

    async fn set_host_duty(&self, request: Request<HostDutyRequest>) -> Result<Response<HostView>, Status> {
        let duty = request.get_ref().duty.clone();
        self.0.answer(request.get_ref(), HostView { duty, ..self.0.host.clone() })
    }

    async fn label_host(&self, request: Request<LabelHostRequest>) -> Result<Response<HostView>, Status> {
        self.0.answer(request.get_ref(), self.0.host.clone())
    }

    async fn remove_host(&self, request: Request<RemoveHostRequest>) -> Result<Response<RemoveHostResponse>, Status> {
        self.0.answer(request.get_ref(), RemoveHostResponse {})
    }

    async fn plan(&self, request: Request<DeployRequest>) -> Result<Response<PlanResponse>, Status> {
        self.0.answer(request.get_ref(), self.0.plan.clone())
    }

    async fn deploy(&self, request: Request<DeployRequest>) -> Result<Response<DeployResponse>, Status> {
        self.0.answer(request.get_ref(), self.0.deploy.clone().unwrap_or_default())
    }

    async fn rollback(&self, request: Request<RollbackRequest>) -> Result<Response<DeployResponse>, Status> {
        self.0.answer(request.get_ref(), self.0.deploy.clone().unwrap_or_default())
    }

    async fn list_rollouts(
        &self,
        request: Request<ListRolloutsRequest>,
    ) -> Result<Response<ListRolloutsResponse>, Status> {
        self.0.answer(request.get_ref(), self.0.rollouts.clone())
    }

    async fn show_rollout(&self, request: Request<ShowRolloutRequest>) -> Result<Response<RolloutView>, Status> {
        self.0.answer(request.get_ref(), self.0.rollout.clone())
    }

    type WatchRolloutStream = Pin<Box<dyn Stream<Item = Result<RolloutView, Status>> + Send>>;

    async fn watch_rollout(
        &self,
        request: Request<ShowRolloutRequest>,
    ) -> Result<Response<Self::WatchRolloutStream>, Status> {
        self.0.heard.lock().unwrap().push(format!("watch {:?}", request.get_ref()));
        let told = self.0.watches.lock().unwrap().pop_front().unwrap_or_default();
        let silence = told.iter().any(|told| matches!(told, Told::Silence));
        let said = told.into_iter().filter_map(|told| match told {
            Told::View(view) => Some(Ok(*view)),
            Told::Error(status) => Some(Err(status)),
            Told::Silence => None,
        });
        let said = iter(said.collect::<Vec<_>>());
        Ok(Response::new(if silence { Box::pin(said.chain(pending())) } else { Box::pin(said) }))
    }

    async fn abort_rollout(&self, request: Request<AbortRolloutRequest>) -> Result<Response<RolloutView>, Status> {
        self.0.answer(request.get_ref(), self.0.rollout.clone())
    }

    async fn list_releases(
        &self,
        request: Request<ListReleasesRequest>,
    ) -> Result<Response<ListReleasesResponse>, Status> {
        self.0.answer(request.get_ref(), self.0.releases.clone())
    }

    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        self.0.answer(request.get_ref(), self.0.status.clone())
    }

    async fn pause_rollout(&self, request: Request<RolloutWordRequest>) -> Result<Response<RolloutView>, Status> {
        self.0.word("pause", &request)
    }

    async fn resume_rollout(&self, request: Request<RolloutWordRequest>) -> Result<Response<RolloutView>, Status> {
        self.0.word("resume", &request)
    }

    async fn promote_rollout(&self, request: Request<RolloutWordRequest>) -> Result<Response<RolloutView>, Status> {
        self.0.word("promote", &request)
    }

    async fn approve_rollout(&self, request: Request<RolloutWordRequest>) -> Result<Response<RolloutView>, Status> {
        self.0.word("approve", &request)
    }

    async fn freeze(&self, request: Request<FreezeRequest>) -> Result<Response<FreezeView>, Status> {
        self.0.answer(request.get_ref(), self.0.freeze.clone())
    }

    async fn unfreeze(&self, request: Request<UnfreezeRequest>) -> Result<Response<FreezeView>, Status> {
        self.0.answer(request.get_ref(), self.0.freeze.clone())
    }

    async fn list_freezes(
        &self,
        request: Request<ListFreezesRequest>,
    ) -> Result<Response<ListFreezesResponse>, Status> {
        self.0.answer(request.get_ref(), self.0.freezes.clone())
    }

    async fn add_operator(
        &self,
        request: Request<AddOperatorRequest>,
    ) -> Result<Response<AddOperatorResponse>, Status> {
        let certified = match &self.0.authority {
            Some(authority) => certify(authority, request.get_ref()),
            None => AddOperatorResponse::default(),
        };
        self.0.answer(request.get_ref(), certified)
    }

    async fn list_operators(
        &self,
        request: Request<ListOperatorsRequest>,
    ) -> Result<Response<ListOperatorsResponse>, Status> {
        self.0.answer(request.get_ref(), self.0.operators.clone())
    }

    async fn remove_operator(
        &self,
        request: Request<RemoveOperatorRequest>,
    ) -> Result<Response<RemoveOperatorResponse>, Status> {
        self.0.answer(request.get_ref(), RemoveOperatorResponse {})
    }
}

fn certify(authority: &Authority, request: &AddOperatorRequest) -> AddOperatorResponse {
    let identity = format!("spiffe://{}/operator/{}", authority.fleet(), request.operator).parse().unwrap();
    let lifetime = if request.lifetime_ms == 0 { Millis::minutes(60) } else { Millis(request.lifetime_ms) };
    AddOperatorResponse {
        certificate: authority.sign_csr(&request.certificate_request, &identity, lifetime, UnixMillis(NOW)).unwrap(),
        authority: authority.certificate_pem().to_owned(),
        operator: Some(OperatorView {
            operator: request.operator.clone(),
            role: request.role.clone(),
            certificate_expires: NOW + lifetime.0,
        }),
    }
}
