//! The control socket's answers: from the wire to orders, and back. Not here: obeying them (`steward`).

use std::pin::Pin;

use evenkeel_proto::v1::proxy_service_server::ProxyService;
use evenkeel_proto::v1::{
    self, CutRequest, CutResponse, ProxyChanged, ProxyStatus, ProxyStatusRequest, SetRoutesRequest, SetRoutesResponse,
    WatchProxyRequest, set_routes_response::Problem,
};
use evenkeel_proxy::ApplyError;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::book::Page;
use super::order::{Order, Refusal};
use crate::proxy::wire;

/// Answers the agent.
#[derive(Debug)]
pub(super) struct Service {
    orders: mpsc::Sender<Order>,
    wake: watch::Receiver<()>,
    stop: CancellationToken,
}

impl Service {
    /// Until `stop`.
    pub(super) fn new(orders: mpsc::Sender<Order>, wake: watch::Receiver<()>, stop: CancellationToken) -> Self {
        Self { orders, wake, stop }
    }

    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, Status> {
        let (answer, answered) = oneshot::channel();
        let lost = || Status::unavailable("the proxy hands over to a newer process, or ends: ask again");
        self.orders.send(order(answer)).await.map_err(|_| lost())?;
        answered.await.map_err(|_| lost())
    }
}

#[tonic::async_trait]
impl ProxyService for Service {
    async fn set_routes(&self, request: Request<SetRoutesRequest>) -> Result<Response<SetRoutesResponse>, Status> {
        let SetRoutesRequest { owner, mark, routes } = request.into_inner();
        let malformed = |problem: evenkeel_proto::Malformed| Status::invalid_argument(problem.to_string());
        let named = |field, text: &str| if text.is_empty() { Err(wire::missing(field)) } else { Ok(()) };
        named("owner", &owner).and_then(|()| named("mark", &mark)).map_err(malformed)?;
        let failing = routes.iter().filter(|route| route.failing).map(|route| route.service.clone()).collect();
        let routes = routes
            .iter()
            .map(|route| wire::route_from_wire(&owner, route))
            .collect::<Result<_, _>>()
            .map_err(malformed)?;
        let page = Page { mark: Some(mark), routes, failing };
        let answer = self.order(|answer| Order::SetRoutes { owner, page, answer }).await?;
        Ok(Response::new(SetRoutesResponse { problem: answer.err().map(problem) }))
    }

    async fn status(&self, request: Request<ProxyStatusRequest>) -> Result<Response<ProxyStatus>, Status> {
        let owner = request.into_inner().owner;
        self.order(|answer| Order::Status { owner, answer }).await.map(Response::new)
    }

    async fn cut(&self, request: Request<CutRequest>) -> Result<Response<CutResponse>, Status> {
        let CutRequest { owner, container } = request.into_inner();
        let ended = self.order(|answer| Order::Cut { owner, container, answer }).await?;
        Ok(Response::new(CutResponse { ended }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<ProxyChanged, Status>> + Send>>;

    async fn watch(&self, _: Request<WatchProxyRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let words = WatchStream::new(self.wake.clone()).map(|()| Ok(ProxyChanged {}));
        Ok(Response::new(Box::pin(words.take_until(self.stop.clone().cancelled_owned()))))
    }
}

fn problem(refusal: Refusal) -> Problem {
    let text = |error: &dyn std::error::Error| crate::session::chain(error);
    match refusal {
        Refusal::Apply(ApplyError::PortTaken { address }) => {
            Problem::PortTaken(v1::ProxyPortTaken { listen: address.to_string(), holder: None })
        }
        Refusal::Apply(
            ApplyError::Clash { listen, ref owner, .. }
            | ApplyError::PortShared { listen, ref owner }
            | ApplyError::TlsDiffers { listen, ref owner },
        ) => Problem::PortTaken(v1::ProxyPortTaken { listen: listen.to_string(), holder: Some(owner.clone()) }),
        Refusal::Apply(error) => Problem::Refused(text(&error)),
        Refusal::NoCertificate(what) => Problem::Refused(what),
        Refusal::NotDurable(error) => Problem::NotDurable(text(&error)),
    }
}
