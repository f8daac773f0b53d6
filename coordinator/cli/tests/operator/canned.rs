//! A coordinator that gives canned answers, and the wire to it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use evenkeel_cli::{Dial, DialFailure, Wire};
use evenkeel_proto::v1::operator_service_server::{OperatorService, OperatorServiceServer};
use evenkeel_proto::v1::*;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _, iter, pending};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

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
        self.0.answer(request.get_ref(), self.0.host.clone())
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
}
