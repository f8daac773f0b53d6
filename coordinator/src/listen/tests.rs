//! Accepting, over connections in memory with real TLS.

use std::collections::VecDeque;
use std::sync::Mutex;

use evenkeel_certs::{Authority, ClientTls, CredentialsStore, Identity, TimeSource};
use evenkeel_model::{FleetName, Millis};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::Notify;

use super::*;

/// Gives what was queued: connections, and errors.
#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<io::Result<DuplexStream>>>,
    more: Notify,
}

impl Queue {
    fn connect(&self) -> DuplexStream {
        let (near, far) = duplex(64 * 1024);
        self.push(Ok(far));
        near
    }

    fn push(&self, next: io::Result<DuplexStream>) {
        self.waiting.lock().unwrap().push_back(next);
        self.more.notify_one();
    }
}

#[async_trait]
impl Listener for Arc<Queue> {
    async fn accept(&self) -> io::Result<(Box<dyn Io>, SocketAddr)> {
        loop {
            let next = self.waiting.lock().unwrap().pop_front();
            match next {
                Some(next) => return next.map(|io| (Box::new(io) as Box<dyn Io>, ([10, 0, 0, 9], 40_000).into())),
                None => self.more.notified().await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(([10, 0, 0, 1], 7400).into())
    }
}

/// How long the coordinator waits for a handshake here.
const HANDSHAKE: Millis = Millis::seconds(4);

struct Harness {
    queue: Arc<Queue>,
    authority: Authority,
    time: TimeSource,
    connections: mpsc::Receiver<Result<Connection, std::convert::Infallible>>,
    stop: CancellationToken,
    cut: CancellationToken,
    tasks: TaskTracker,
}

impl Harness {
    fn start(limits: Limits) -> Self {
        let (queue, time) = (Arc::new(Queue::default()), TimeSource::system());
        let fleet: FleetName = "prod".parse().unwrap();
        let authority = Authority::create(&fleet, time.now()).unwrap();
        let own = authority.issue(&Identity::Coordinator { fleet }, Millis::minutes(60), time.now()).unwrap();
        let store = CredentialsStore::new(own, time.clone()).unwrap();
        let (stop, cut, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let acceptor = Acceptor {
            listener: Box::new(Arc::clone(&queue)),
            // Sooner than the clients give up.
            tls: ServerTls::new(&store).with_handshake_timeout(HANDSHAKE),
            limits,
            stop: stop.clone(),
            cut: cut.clone(),
            tasks: tasks.clone(),
        };
        Self { queue, authority, time, connections: acceptor.start(), stop, cut, tasks }
    }

    /// A host connects; the coordinator's end of it, and its own.
    async fn host(&mut self) -> (Connection, impl AsyncRead + AsyncWrite + Unpin + use<>) {
        let identity: Identity = "spiffe://prod/host/web-1".parse().unwrap();
        let credentials = self.authority.issue(&identity, Millis::minutes(60), self.time.now()).unwrap();
        let tls = ClientTls::new(&CredentialsStore::new(credentials, self.time.clone()).unwrap());
        let near = tls.connect(self.queue.connect()).await.unwrap();
        (self.next().await, near)
    }

    async fn stranger(&mut self) -> impl AsyncRead + AsyncWrite + Unpin + use<> {
        let tls = ClientTls::enrolment(self.authority.fingerprint().clone(), &self.time);
        tls.connect(self.queue.connect()).await.unwrap().0
    }

    async fn next(&mut self) -> Connection {
        self.connections.recv().await.unwrap().unwrap()
    }
}

async fn is_over(connection: &mut (impl AsyncRead + Unpin)) -> bool {
    connection.read_u8().await.is_err()
}

#[tokio::test]
async fn a_connection_carries_who_is_there_and_from_where() {
    let mut harness = Harness::start(Limits::default());
    let (connection, _near) = harness.host().await;
    let link = tonic::transport::server::Connected::connect_info(&connection);
    assert_eq!(link.identity().unwrap().to_string(), "spiffe://prod/host/web-1");
    assert_eq!(link.remote().port(), 40_000);
    let ends = link.peer().unwrap().not_after;
    assert!(link.is_valid(ends) && !link.is_valid(ends + Millis(1)));
    link.renewed(ends + Millis(5));
    link.renewed(ends);
    assert!(link.is_valid(ends + Millis(5)));
}

#[tokio::test(start_paused = true)]
async fn silent_clients_hold_up_nobody_until_all_places_for_handshakes_are_taken_and_then_only_for_a_while() {
    let mut harness = Harness::start(Limits { handshakes: 3, ..Limits::default() });
    let _silent = [harness.queue.connect(), harness.queue.connect()];
    harness.host().await;
    let _third = harness.queue.connect();
    // All three places are taken by silent ones; they lose them after the handshake's timeout.
    let before = tokio::time::Instant::now();
    harness.host().await;
    assert!(before.elapsed() <= HANDSHAKE.to_std() + Duration::from_secs(1));
}

#[tokio::test]
async fn a_plain_text_client_is_closed_and_the_next_one_served() {
    let mut harness = Harness::start(Limits::default());
    let mut plain = harness.queue.connect();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).await.unwrap();
    harness.host().await;
}

#[tokio::test(start_paused = true)]
async fn accepting_goes_on_after_errors() {
    let mut harness = Harness::start(Limits::default());
    let full = || io::Error::from_raw_os_error(24);
    for error in [full(), full(), io::ErrorKind::ConnectionAborted.into(), full()] {
        harness.queue.push(Err(error));
    }
    harness.host().await;
}

#[tokio::test(start_paused = true)]
async fn strangers_have_few_places_and_are_cut_after_a_while() {
    let limits = Limits { strangers: 1, ..Limits::default() };
    let mut harness = Harness::start(limits);
    let mut near = harness.stranger().await;
    let mut first = harness.next().await;
    assert!(tonic::transport::server::Connected::connect_info(&first).peer().is_none());
    // A second one finds no place; a host does.
    let mut second = harness.stranger().await;
    assert!(is_over(&mut second).await);
    harness.host().await;
    let before = tokio::time::Instant::now();
    assert!(is_over(&mut first).await);
    assert!(before.elapsed() + Duration::from_secs(1) >= limits.stranger_lifetime);
    drop(first);
    assert!(is_over(&mut near).await);
    harness.stranger().await;
    harness.next().await;
}

#[tokio::test(start_paused = true)]
async fn beyond_the_last_place_new_connections_wait_for_one_that_ends() {
    let mut harness = Harness::start(Limits { connections: 1, ..Limits::default() });
    let (first, _near) = harness.host().await;
    let waiting = tokio::time::timeout(Duration::from_secs(3), harness.host()).await;
    assert!(waiting.is_err(), "there was a place");
    drop(first);
    // The one that gave up has left its place in the queue: it is accepted, and found to be gone.
    harness.host().await;
}

#[tokio::test]
async fn what_is_cut_ends_and_nothing_is_accepted_after_the_stop() {
    let mut harness = Harness::start(Limits::default());
    let (mut connection, _near) = harness.host().await;
    harness.stop.cancel();
    harness.tasks.close();
    harness.tasks.wait().await;
    assert!(harness.connections.recv().await.is_none());
    harness.cut.cancel();
    assert!(is_over(&mut connection).await);
    assert!(is_over(&mut connection).await, "asked again, it is still over");
}
