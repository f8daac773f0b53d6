//! The client against a socket that answers what a test wants. The real proxy behind it is tested as processes (`tests/proxy_process.rs`).

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use evenkeel_model::{HttpRoute, Millis, Protocol};
use evenkeel_proto::v1::proxy_service_server::{ProxyService, ProxyServiceServer};
use evenkeel_proto::v1::{
    CutResponse, ProxyChanged, ProxyContainer, ProxyOwner, ProxyPortTaken, ProxyRouteStatus, ProxyStatus,
    SetRoutesResponse,
};
use futures_util::{Stream, StreamExt as _};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::*;

/// Longer than any machine takes for what is waited for.
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
struct Fake {
    problem: Option<Problem>,
    status: ProxyStatus,
    asked: Arc<Mutex<Vec<SetRoutesRequest>>>,
    changed: watch::Sender<()>,
    /// Ends the watches: a process that ends would.
    gone: CancellationToken,
}

#[tonic::async_trait]
impl ProxyService for Fake {
    async fn set_routes(&self, request: Request<SetRoutesRequest>) -> Result<Response<SetRoutesResponse>, Status> {
        self.asked.lock().unwrap().push(request.into_inner());
        Ok(Response::new(SetRoutesResponse { problem: self.problem.clone() }))
    }

    async fn status(&self, _: Request<ProxyStatusRequest>) -> Result<Response<ProxyStatus>, Status> {
        Ok(Response::new(self.status.clone()))
    }

    async fn cut(&self, _: Request<CutRequest>) -> Result<Response<CutResponse>, Status> {
        Ok(Response::new(CutResponse { ended: 1 }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<ProxyChanged, Status>> + Send>>;

    async fn watch(&self, _: Request<WatchProxyRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let words = WatchStream::new(self.changed.subscribe()).map(|()| Ok(ProxyChanged {}));
        Ok(Response::new(Box::pin(words.take_until(self.gone.clone().cancelled_owned()))))
    }
}

impl Fake {
    fn new() -> Self {
        Self {
            problem: None,
            status: ProxyStatus::default(),
            asked: Arc::default(),
            changed: watch::Sender::new(()),
            gone: CancellationToken::new(),
        }
    }

    fn serve(&self, socket: &Path) -> JoinHandle<()> {
        let _ = std::fs::remove_file(socket);
        let listener = UnixListenerStream::new(UnixListener::bind(socket).unwrap());
        let server = tonic::transport::Server::builder().add_service(ProxyServiceServer::new(self.clone()));
        tokio::spawn(async move { server.serve_with_incoming(listener).await.unwrap() })
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    socket: PathBuf,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    Bench { socket: folder.path().join("proxy.sock"), _folder: folder }
}

fn key() -> AppKey {
    AppKey { environment: "default".parse().unwrap(), app: "shop".parse().unwrap() }
}

fn port(address: Option<&str>, published: u16, via: Via) -> Port {
    Port { address: address.map(str::to_owned), published, target: 8080, protocol: Protocol::Tcp, via }
}

fn plan(ports: Vec<Port>) -> RoutePlan {
    let upstream =
        evenkeel_machine::Upstream { container: "c1".to_owned(), address: "10.0.0.2".parse().unwrap(), weight: 1 };
    let routes =
        ServiceRoutes { ports, upstreams: vec![upstream], hold: Millis::seconds(30), holding: true, failing: true };
    RoutePlan { services: BTreeMap::from([("web".parse().unwrap(), routes)]) }
}

#[tokio::test]
async fn a_plan_becomes_the_routes_of_its_app_with_its_mark() {
    let (bench, fake) = (bench(), Fake::new());
    let _server = fake.serve(&bench.socket);
    let client = ProxyClient::new(&bench.socket, None);
    let http = HttpRoute { hosts: vec!["shop.example".to_owned()], ..HttpRoute::default() };
    let plan = plan(vec![port(None, 80, Via::Http(http)), port(Some("127.0.0.1"), 25, Via::Tcp)]);
    client.route(&key(), &plan).await.unwrap();
    let asked = fake.asked.lock().unwrap()[0].clone();
    assert_eq!((asked.owner.as_str(), asked.mark), ("default/shop", plan.mark().to_string()));
    let listen: Vec<&str> = asked.routes.iter().map(|route| route.listen.as_str()).collect();
    assert_eq!(listen, ["[::]:80", "127.0.0.1:25"]);
    assert!(asked.routes.iter().all(|route| route.service == "web" && route.holding && route.failing));
    assert_eq!(asked.routes[0].upstreams[0].address, "10.0.0.2:8080", "the container's port");
}

#[tokio::test]
async fn a_port_without_an_address_is_published_where_the_agents_file_says() {
    let (bench, fake) = (bench(), Fake::new());
    let _server = fake.serve(&bench.socket);
    let client = ProxyClient::new(&bench.socket, Some("127.0.0.3".parse().unwrap()));
    client.route(&key(), &plan(vec![port(None, 80, Via::Tcp), port(Some("::1"), 81, Via::Tcp)])).await.unwrap();
    let asked = fake.asked.lock().unwrap()[0].clone();
    let listen: Vec<&str> = asked.routes.iter().map(|route| route.listen.as_str()).collect();
    assert_eq!(listen, ["127.0.0.3:80", "[::1]:81"]);
}

#[tokio::test]
async fn a_failure_names_what_is_wrong_and_what_to_do() {
    let taken = |holder: Option<&str>| {
        Problem::PortTaken(ProxyPortTaken { listen: "[::]:80".to_owned(), holder: holder.map(str::to_owned) })
    };
    let cases = [
        (taken(None), CauseKind::PortTaken, "port 80 is taken by another program"),
        (taken(Some("default/blog")), CauseKind::PortTaken, "port 80 is taken by app default/blog"),
        (Problem::Refused("no tls".to_owned()), CauseKind::ProxyUnavailable, "no tls"),
        (Problem::NotDurable("no space".to_owned()), CauseKind::ProxyUnavailable, "free some space"),
    ];
    for (problem, kind, text) in cases {
        let (bench, fake) = (bench(), Fake { problem: Some(problem), ..Fake::new() });
        let _server = fake.serve(&bench.socket);
        let failure = ProxyClient::new(&bench.socket, None).route(&key(), &plan(vec![])).await.unwrap_err();
        assert_eq!(failure.kind, kind);
        assert!(failure.message.contains(text), "{failure}");
    }
}

#[tokio::test]
async fn what_the_proxy_says_of_an_app_is_what_the_machine_sees() {
    let mark = plan(vec![]).mark();
    let route = |service: &str, containers: &[&str], weights: &[u32]| ProxyRouteStatus {
        service: service.to_owned(),
        containers: containers.iter().map(|id| (*id).to_owned()).collect(),
        weights: weights.to_vec(),
        ..ProxyRouteStatus::default()
    };
    let container =
        |id: &str, in_flight| ProxyContainer { container: id.to_owned(), in_flight, ..ProxyContainer::default() };
    let owner = ProxyOwner {
        owner: "default/shop".to_owned(),
        mark: Some(mark.to_string()),
        routes: vec![
            route("web", &["c1"], &[75]),
            route("web", &["c1", "c2"], &[75, 25]),
            route("api", &[], &[]),
            route("told-by-an-older-one", &["c3", "c4"], &[]),
        ],
        containers: vec![container("c1", 0), container("c9", 4)],
    };
    let status = ProxyStatus { owners: vec![owner], ..ProxyStatus::default() };
    let (bench, fake) = (bench(), Fake { status, ..Fake::new() });
    let _server = fake.serve(&bench.socket);
    let client = ProxyClient::new(&bench.socket, None);
    let weights = |weights: &[(&str, u32)]| weights.iter().map(|(id, weight)| ((*id).to_owned(), *weight)).collect();
    let expected = Proxy::Up {
        mark: Some(mark),
        routed: BTreeMap::from([
            ("web".parse().unwrap(), weights(&[("c1", 75), ("c2", 25)])),
            ("api".parse().unwrap(), weights(&[])),
            ("told-by-an-older-one".parse().unwrap(), weights(&[("c3", 1), ("c4", 1)])),
        ]),
        in_flight: BTreeMap::from([("c9".to_owned(), 4)]),
    };
    assert_eq!(client.observe(&key()).await, expected);
    client.cut(&key(), "c9").await.unwrap();
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_a_sight_and_a_failure_with_the_next_step() {
    let bench = bench();
    let client = ProxyClient::new(&bench.socket, None);
    let Proxy::Down { message } = client.observe(&key()).await else { panic!("nobody answers") };
    assert!(message.contains("systemctl status evenkeel-proxy") && message.contains("No such file"), "{message}");
    let failure = client.route(&key(), &plan(vec![])).await.unwrap_err();
    assert_eq!((failure.kind, failure.message), (CauseKind::ProxyUnavailable, message));
}

#[tokio::test]
async fn a_call_finds_the_process_that_takes_over() {
    let (bench, fake) = (bench(), Fake::new());
    let server = fake.serve(&bench.socket);
    let client = ProxyClient::new(&bench.socket, None);
    assert_eq!(client.observe(&key()).await, Proxy::default());
    server.abort();
    let _ = server.await;
    let _server = fake.serve(&bench.socket);
    assert_eq!(client.observe(&key()).await, Proxy::default());
}

#[tokio::test]
async fn it_wakes_when_the_proxy_comes_speaks_or_goes() {
    let (bench, fake) = (bench(), Fake::new());
    let client = Arc::new(ProxyClient::new(&bench.socket, None));
    let mut wakeups = client.wakeups();
    let listening = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.listen().await }
    });
    let mut woken = async |why: &str| {
        tokio::time::timeout(DEADLINE, wakeups.changed()).await.unwrap_or_else(|_| panic!("not woken: {why}")).unwrap();
    };
    let server = fake.serve(&bench.socket);
    woken("it came").await;
    fake.changed.send_replace(());
    woken("it spoke").await;
    server.abort();
    let _ = server.await;
    fake.gone.cancel();
    woken("it went").await;
    let _server = Fake::new().serve(&bench.socket);
    woken("it came back").await;
    listening.abort();
}
