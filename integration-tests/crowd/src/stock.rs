//! `stock`: what a coordinator's streams cost with nothing of the coordinator in it: tonic's server and codec as they come, the same TLS, a task and a
//! queue for each stream, the same welcome and beats. Not here: anything that is done with what agents say.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result};
use evenkeel::store::{SqliteStore, Store as _};
use evenkeel_certs::{Authority, CredentialsStore, Identity, ServerStream, ServerTls, TimeSource};
use evenkeel_model::Millis;
use evenkeel_proto::convert::duration_to_wire;
use evenkeel_proto::v1::{Beat, Desired, SessionDown, SessionUp, Welcome, session_down};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

/// As the coordinator has them.
const BEAT: Millis = Millis::seconds(2);
const LEASE: Millis = Millis::seconds(5);
const STATS: Millis = Millis::seconds(10);
/// Messages that may wait to be sent.
const QUEUE: usize = 4;
/// Connections that are ready and not yet served.
const READY: usize = 64;

/// Until it is killed. The authority is that of a coordinator's store, which nobody else may have open.
pub(crate) async fn serve(address: SocketAddr, store: &Path) -> Result<()> {
    let tls = tls(store).await?;
    let listener = TcpListener::bind(address).await?;
    let (ready, connections) = mpsc::channel(READY);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, ready) = (tls.clone(), ready.clone());
            tokio::spawn(async move {
                let set = stream.set_nodelay(true);
                if let (Ok(()), Ok((stream, _))) = (set, tls.accept(stream).await) {
                    // An error means that the server has ended.
                    let _ = ready.send(Ok::<_, Infallible>(Connection(stream))).await;
                }
            });
        }
    });
    Ok(Server::builder().add_service(Stock).serve_with_incoming(ReceiverStream::new(connections)).await?)
}

async fn tls(store: &Path) -> Result<ServerTls> {
    let store = SqliteStore::open(store).await?;
    let fleet = store.load().await?.fleet.context("the store has no fleet")?;
    store.close().await;
    let authority = Authority::load(&fleet.authority_certificate, &fleet.authority_key)?;
    let time = TimeSource::system();
    let identity = Identity::Coordinator { fleet: fleet.name };
    let credentials = authority.issue(&identity, Millis::minutes(24 * 60), time.now())?;
    Ok(ServerTls::new(&CredentialsStore::new(credentials, time)?))
}

/// The agents' service, by hand: the generated one has a codec of ours.
#[derive(Debug, Clone, Copy)]
struct Stock;

impl NamedService for Stock {
    const NAME: &'static str = "evenkeel.v1.AgentService";
}

impl tower::Service<http::Request<Body>> for Stock {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).streaming(Session, request).await) })
    }
}

struct Session;

impl StreamingService<SessionUp> for Session {
    type Response = SessionDown;
    type ResponseStream = ReceiverStream<Result<SessionDown, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<SessionUp>>) -> Self::Future {
        let (down, messages) = mpsc::channel(QUEUE);
        tokio::spawn(converse(request.into_inner(), down));
        ready(Ok(Response::new(ReceiverStream::new(messages))))
    }
}

async fn converse(mut up: Streaming<SessionUp>, down: mpsc::Sender<Result<SessionDown, Status>>) {
    let welcome = Welcome {
        epoch: 1,
        beat_interval: Some(duration_to_wire(BEAT)),
        lease: Some(duration_to_wire(LEASE)),
        stats_interval: Some(duration_to_wire(STATS)),
    };
    let first = [session_down::Message::Welcome(welcome), session_down::Message::Desired(Desired::default())];
    for message in first {
        if down.send(Ok(SessionDown { message: Some(message) })).await.is_err() {
            return;
        }
    }
    let mut beats = interval(BEAT.to_std());
    loop {
        tokio::select! {
            biased;
            message = timeout(LEASE.to_std(), up.message()) => if !matches!(message, Ok(Ok(Some(_)))) { return },
            _ = beats.tick() => {
                let beat = SessionDown { message: Some(session_down::Message::Beat(Beat {})) };
                if down.send(Ok(beat)).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// What tonic serves.
struct Connection(ServerStream<TcpStream>);

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
