//! A running coordinator, and clients of every kind.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use evenkeel_certs::{
    Authority, ClientTls, Credentials, CredentialsStore, Identity, JoinToken, KeyAndRequest, TimeSource,
};
use evenkeel_model::manifest::{IfOrphaned, ServiceDraft};
use evenkeel_model::{Digest, ImagePin, Millis, OperatorName, Policy, Specification, UnixMillis};
use evenkeel_proto::v1::agent_service_client::AgentServiceClient;
use evenkeel_proto::v1::enrolment_service_client::EnrolmentServiceClient;
use evenkeel_proto::v1::operator_service_client::OperatorServiceClient;
use evenkeel_proto::v1::{
    CreateTokenRequest, DeployRequest, Hello, HostFacts, JoinRequest, JoinResponse, SessionDown, SessionUp,
    session_down, session_up,
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

use crate::clock::Clock;
use crate::config::{Config, RawConfig, SessionTerms};
use crate::fixture;
use crate::listen::Limits;
use crate::resolve::{ImageResolver, ResolveError};
use crate::serve::{MemoryAdminFile, Parts, ServeError, run};
use crate::store::{MemoryStore, Operator, Role, Store as _, Write};

/// Longer than anything here takes, on the slowest machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// Waits for something that must come.
pub(super) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("it must come in time")
}

/// A wall clock that goes on, and can be set ahead.
#[derive(Debug, Clone, Default)]
pub(super) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(super) fn ahead(&self, by: Millis) {
        self.0.fetch_add(by.0, Ordering::SeqCst);
    }

    pub(super) fn time(&self) -> TimeSource {
        let clock = self.clone();
        TimeSource::new(move || clock.now())
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixMillis {
        TimeSource::system().now() + Millis(self.0.load(Ordering::SeqCst))
    }
}

/// Knows every image, but those whose names say otherwise.
struct Resolver;

#[async_trait]
impl ImageResolver for Resolver {
    async fn resolve(&self, image: &str) -> Result<ImagePin, ResolveError> {
        let (reference, registry) = (image.to_owned(), "r.example".to_owned());
        match image {
            image if image.contains("missing") => Err(ResolveError::NotFound { reference, registry }),
            image if image.contains("secret") => {
                Err(ResolveError::Denied { reference, registry, answer: "401".to_owned() })
            }
            image if image.contains("down") => {
                Err(ResolveError::Unreachable { reference, registry, problem: "no route".to_owned(), status: None })
            }
            image => {
                let digest = Digest::of(image.as_bytes());
                Ok(ImagePin::Registry { reference, repository: "r.example/shop".to_owned(), digest })
            }
        }
    }
}

/// How a coordinator is started.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) store: Arc<MemoryStore>,
    pub(super) admin: Arc<MemoryAdminFile>,
    pub(super) clock: TestClock,
    pub(super) terms: SessionTerms,
    pub(super) limits: Limits,
    pub(super) fleet: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            store: Arc::default(),
            admin: Arc::default(),
            clock: TestClock::default(),
            terms: SessionTerms { beat: Millis(100), lease: Millis::seconds(5), ..SessionTerms::default() },
            limits: Limits::default(),
            fleet: "prod",
        }
    }
}

/// A running coordinator.
pub(super) struct Fleet {
    pub(super) options: Options,
    pub(super) address: SocketAddr,
    pub(super) health: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<Result<(), ServeError>>,
}

pub(super) type Operators = OperatorServiceClient<Channel>;
pub(super) type Agents = AgentServiceClient<Channel>;

impl Fleet {
    pub(super) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub(super) async fn start_with(options: Options) -> Self {
        let (listener, http) =
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (address, health) = (listener.local_addr().unwrap(), http.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.toml");
        std::fs::write(&empty, "").unwrap();
        let flags = RawConfig { fleet: Some(options.fleet.to_owned()), ..RawConfig::default() };
        let config = Config { session: options.terms, ..Config::load(Some(&empty), &[], flags).unwrap() };
        let parts = Parts {
            config,
            store: options.store.clone(),
            clock: Arc::new(options.clock.clone()),
            time: options.clock.time(),
            listener: Box::new(listener),
            limits: options.limits,
            http: Some(Box::new(http)),
            resolver: Arc::new(Resolver),
            gauge: Arc::new(crate::gauge::ScriptedGauge::new()),
            admin: options.admin.clone(),
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn(run(parts, stop.clone().cancelled_owned()));
        Self { options, address, health, stop, running }
    }

    /// Tells it to stop, and waits.
    pub(super) async fn stop(self) -> (Result<(), ServeError>, Options) {
        self.stop.cancel();
        (soon(self.running).await.unwrap(), self.options)
    }

    /// What it ends with by itself.
    pub(super) async fn ended(self) -> Result<(), ServeError> {
        soon(self.running).await.unwrap()
    }

    pub(super) fn time(&self) -> TimeSource {
        self.options.clock.time()
    }

    /// The first operator's credentials, once they are written.
    pub(super) async fn admin_credentials(&self) -> Credentials {
        soon(async {
            loop {
                if let Some(credentials) = self.options.admin.credentials() {
                    return credentials;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    pub(super) async fn authority(&self) -> Authority {
        self.admin_credentials().await;
        let fleet = self.options.store.load().await.unwrap().fleet.unwrap();
        Authority::load(&fleet.authority_certificate, &fleet.authority_key).unwrap()
    }

    pub(super) async fn admin(&self) -> Operators {
        Operators::new(self.channel(self.admin_credentials().await).await.unwrap())
    }

    /// An operator of the store's books (put there before the start) by this name.
    pub(super) async fn operator(&self, name: &str) -> Operators {
        let authority = self.authority().await;
        let identity = Identity::Operator { fleet: authority.fleet().clone(), operator: name.parse().unwrap() };
        let credentials = authority.issue(&identity, Millis::minutes(60), self.time().now()).unwrap();
        Operators::new(self.channel(credentials).await.unwrap())
    }

    /// A connection with a certificate.
    pub(super) async fn channel(&self, credentials: Credentials) -> Result<Channel, tonic::transport::Error> {
        let store = CredentialsStore::new(credentials, self.time()).unwrap();
        let (tls, address) = (ClientTls::new(&store), self.address);
        let connector = tower::service_fn(move |_: http::Uri| {
            let tls = tls.clone();
            async move {
                let stream = TcpStream::connect(address).await?;
                tls.connect(stream).await.map(TokioIo::new).map_err(std::io::Error::other)
            }
        });
        soon(Endpoint::from_static("http://coordinator").connect_with_connector(connector)).await
    }

    /// A connection without a certificate, to whoever has an authority with this fingerprint.
    pub(super) async fn stranger(&self, fingerprint: Digest) -> Result<Channel, tonic::transport::Error> {
        let (tls, address) = (ClientTls::enrolment(fingerprint, &self.time()), self.address);
        let connector = tower::service_fn(move |_: http::Uri| {
            let tls = tls.clone();
            async move {
                let stream = TcpStream::connect(address).await?;
                let connected = tls.connect(stream).await.map_err(std::io::Error::other);
                connected.map(|(stream, _)| TokioIo::new(stream))
            }
        });
        soon(Endpoint::from_static("http://coordinator").connect_with_connector(connector)).await
    }

    pub(super) async fn token(&self, request: CreateTokenRequest) -> JoinToken {
        let made = soon(self.admin().await.create_token(request)).await.unwrap().into_inner();
        made.token.parse().unwrap()
    }

    pub(super) async fn join(
        &self,
        token: &JoinToken,
        host: &str,
        key: &KeyAndRequest,
    ) -> Result<JoinResponse, Status> {
        let channel = self.stranger(token.fingerprint.clone()).await.unwrap();
        let request = JoinRequest {
            secret: token.secret.expose(),
            host: host.to_owned(),
            certificate_request: key.request_pem().to_owned(),
        };
        Ok(soon(EnrolmentServiceClient::new(channel).join(request)).await?.into_inner())
    }

    /// A new host.
    pub(super) async fn host(&self, host: &str) -> Credentials {
        let token = self.token(CreateTokenRequest::default()).await;
        let key = KeyAndRequest::generate().unwrap();
        let joined = self.join(&token, host, &key).await.unwrap();
        Credentials::new(&joined.certificate, key.key_pem(), &joined.authority).unwrap()
    }

    /// A new host, connected.
    pub(super) async fn agent(&self, host: &str) -> Agents {
        Agents::new(self.channel(self.host(host).await).await.unwrap())
    }
}

/// Books with an operator of each role beside the first one: `viewer`, `deployer`, `admin2`.
pub(super) async fn books() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let operator = |name: &str, role| {
        let name: OperatorName = name.parse().unwrap();
        Write::PutOperator(Operator { name, role, certificate_expires: UnixMillis(0) })
    };
    let operators =
        [operator("viewer", Role::Viewer), operator("deployer", Role::Deployer), operator("admin2", Role::Admin)];
    store.apply(&operators).await.unwrap();
    store
}

/// An agent's open stream.
pub(super) struct Stream {
    pub(super) up: mpsc::Sender<SessionUp>,
    pub(super) down: Streaming<SessionDown>,
}

impl Stream {
    pub(super) async fn open(agents: &mut Agents, host: &str) -> Result<Self, Status> {
        let (up, messages) = mpsc::channel(16);
        let hello = Hello { host: host.to_owned(), highest_epoch: 0, facts: Some(HostFacts::default()) };
        up.try_send(SessionUp { message: Some(session_up::Message::Hello(hello)) }).unwrap();
        let down = soon(agents.session(ReceiverStream::new(messages))).await?.into_inner();
        Ok(Self { up, down })
    }

    pub(super) async fn say(&self, message: session_up::Message) {
        soon(self.up.send(SessionUp { message: Some(message) })).await.unwrap();
    }

    pub(super) async fn next(&mut self) -> Result<Option<session_down::Message>, Status> {
        Ok(soon(self.down.message()).await?.and_then(|message| message.message))
    }

    /// The next one that this picks.
    pub(super) async fn find<T>(&mut self, pick: impl Fn(session_down::Message) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.next().await.unwrap().expect("it goes on")) {
                return found;
            }
        }
    }

    /// Hears the coordinator out until the stream ends.
    pub(super) async fn end(mut self) -> Option<Status> {
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(status) => return Some(status),
            }
        }
    }
}

/// A deploy of one service `web` of the app `shop`.
pub(super) fn deploy(image: &str) -> DeployRequest {
    let draft = ServiceDraft { image: image.to_owned(), local: false, spec: fixture::spec() };
    let specification = Specification {
        app: "shop".parse().unwrap(),
        services: [("web".parse().unwrap(), draft)].into(),
        if_orphaned: IfOrphaned::Keep,
        keep: evenkeel_model::manifest::DEFAULT_KEEP,
        policy: Policy::default(),
        notes: vec!["a note".to_owned()],
    };
    DeployRequest { specification: serde_json::to_vec(&specification).unwrap(), ..DeployRequest::default() }
}
