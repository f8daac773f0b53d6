//! Against a real server with a health service of its own making.

use std::convert::Infallible;

use tokio::net::TcpListener;
use tonic::Response;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Server;
use tower::service_fn;

use super::*;

/// More than anything here takes.
const SOON: Duration = Duration::from_secs(30);

/// A health service that answers for one service of that name, and for the server as a whole.
#[derive(Debug, Clone, Copy)]
struct HealthService(i32);

impl NamedService for HealthService {
    const NAME: &'static str = "grpc.health.v1.Health";
}

impl tower::Service<http::Request<Body>> for HealthService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let status = self.0;
        let answer = service_fn(move |asked: Request<Check>| async move {
            match asked.into_inner().service.as_str() {
                "" | "shop.Cart" => Ok(Response::new(Checked { status })),
                other => Err(Status::not_found(format!("no {other} here"))),
            }
        });
        Box::pin(async move {
            assert_eq!(request.uri().path(), METHOD);
            Ok(tonic::server::Grpc::new(Messages::<Checked, Check>::new()).unary(answer, request).await)
        })
    }
}

/// Asks a server that says this status.
async fn said(status: i32, service: &str) -> Answer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let server = Server::builder().add_service(HealthService(status)).serve_with_incoming(incoming);
    tokio::select! {
        biased;
        answer = ask(address, service, SOON) => answer,
        ended = server => panic!("the server ended: {ended:?}"),
    }
}

#[tokio::test]
async fn only_serving_is_healthy_and_all_else_is_told_by_its_name() {
    for service in ["", "shop.Cart"] {
        let answer = said(1, service).await;
        assert!(answer.healthy && answer.evidence.answer == "SERVING", "{answer:?}");
        assert!(answer.evidence.request.contains(service), "{answer:?}");
    }
    for (status, name) in [(0, "UNKNOWN"), (2, "NOT_SERVING"), (3, "SERVICE_UNKNOWN"), (99, "UNKNOWN")] {
        let answer = said(status, "").await;
        assert_eq!((answer.healthy, answer.evidence.answer.as_str()), (false, name));
    }
    let unknown = said(1, "shop.Till").await;
    assert!(!unknown.healthy && unknown.evidence.answer.contains("no shop.Till here"), "{unknown:?}");
}

#[tokio::test]
async fn a_server_without_a_health_service_or_without_grpc_is_said_in_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let server = Server::builder().add_routes(tonic::service::Routes::default()).serve_with_incoming(incoming);
    let answer = tokio::select! {
        biased;
        answer = ask(address, "", SOON) => answer,
        ended = server => panic!("the server ended: {ended:?}"),
    };
    assert_eq!(answer.evidence.answer, "the server has no health service (grpc.health.v1.Health)");

    let refused = ask("127.0.0.1:1".parse().unwrap(), "", SOON).await;
    assert_eq!((refused.healthy, refused.evidence.answer.as_str()), (false, "connection refused"));

    // Takes the connection, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let late = ask(silent.local_addr().unwrap(), "", Duration::from_millis(50)).await;
    assert_eq!((late.healthy, late.evidence.answer.as_str()), (false, "no answer within 50ms"));
}
