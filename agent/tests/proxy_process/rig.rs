//! A proxy of its own for each test: its processes, its files, its control socket. All of it ends with the test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use evenkeel_proto::v1::proxy_service_client::ProxyServiceClient;
use evenkeel_proto::v1::{
    ProxyHttp, ProxyOwner, ProxyRoute, ProxyStatusRequest, ProxyUpstream, SetRoutesRequest, SetRoutesResponse, Unit,
    proxy_route,
};
use hyper_util::rt::TokioIo;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

/// By then whatever a test waits for has happened, on the slowest machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// The app of most tests.
pub(crate) const SHOP: &str = "default/shop";

/// Tries until it holds. For conditions that change by what other processes do.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, look).await.unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {what}"))
}

/// A proxy's files, and its processes while it runs.
#[derive(Debug)]
pub(crate) struct Rig {
    folder: TempDir,
    settings: String,
    parent: Option<Child>,
    /// Every worker that was ever seen.
    seen: Vec<u32>,
}

impl Rig {
    /// Runs, without routes.
    pub(crate) async fn start(settings: &str) -> Self {
        let mut rig = Self::prepared(settings);
        rig.restart().await;
        rig
    }

    /// Files alone.
    pub(crate) fn prepared(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rig = Self { settings: settings.to_owned(), folder, parent: None, seen: vec![] };
        let socket = format!("socket = '{}'\nstate_dir = '{}'\n", rig.socket().display(), rig.state().display());
        std::fs::write(rig.config(), format!("[proxy]\n{socket}workers = 2\n{}\n", rig.settings)).unwrap();
        rig
    }

    /// How the parent is started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel-agent"));
        command.arg("--config").arg(self.config()).arg("proxy").stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("EVENKEEL_")) {
            command.env_remove(name);
        }
        command
    }

    /// Starts it where it does not run, and waits until it answers.
    pub(crate) async fn restart(&mut self) {
        let command = self.command();
        self.restart_as(command).await;
    }

    /// The same, started in another way.
    pub(crate) async fn restart_as(&mut self, mut command: Command) {
        assert!(self.parent.is_none(), "it runs");
        self.parent = Some(command.spawn().unwrap());
        self.answers().await;
        self.workers();
    }

    /// Waits until the control socket answers.
    pub(crate) async fn answers(&self) {
        let mut client = self.client();
        let request = || ProxyStatusRequest { owner: None };
        eventually("the proxy answers", async || client.status(request()).await.ok()).await;
    }

    /// The parent's process.
    pub(crate) fn parent(&self) -> u32 {
        self.parent.as_ref().expect("it runs").id()
    }

    /// The workers' processes, oldest first.
    pub(crate) fn workers(&mut self) -> Vec<u32> {
        let parent = self.parent();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        let mut workers: Vec<u32> =
            children.split_whitespace().map(|id| id.parse().unwrap()).filter(|id| runs(*id)).collect();
        workers.sort_unstable();
        let fresh: Vec<u32> = workers.iter().copied().filter(|id| !self.seen.contains(id)).collect();
        self.seen.extend(fresh);
        workers
    }

    /// Sends a signal to the parent.
    pub(crate) fn signal(&self, signal: Signal) {
        send(self.parent(), signal);
    }

    /// Hands over, and waits until the control socket is a new one: the new worker's, or the old one's again if it keeps the lead.
    pub(crate) async fn hand_over(&mut self) {
        let before = inode(&self.socket());
        self.signal(Signal::SIGHUP);
        loop_until("a new control socket", || inode(&self.socket()) != before).await;
        self.workers();
        self.answers().await;
    }

    /// Ends it as a service manager does, and waits.
    pub(crate) async fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        self.ended().await;
    }

    /// Waits until the parent has ended.
    pub(crate) async fn ended(&mut self) {
        let parent = self.parent.as_mut().expect("it runs");
        loop_until("the parent ends", || parent.try_wait().unwrap().is_some()).await;
        self.parent = None;
    }

    /// Whether any worker that was ever seen still runs.
    pub(crate) fn any_worker_runs(&self) -> bool {
        self.seen.iter().any(|id| runs(*id))
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("proxy.sock")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("agent.toml")
    }

    /// A client of the control socket.
    pub(crate) fn client(&self) -> ProxyServiceClient<Channel> {
        let path = self.socket();
        let connector = tower::service_fn(move |_: http::Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        ProxyServiceClient::new(Endpoint::from_static("http://proxy").connect_with_connector_lazy(connector))
    }

    /// Gives routes. A proxy that hands over is asked again, as the agent does.
    pub(crate) async fn set(&self, owner: &str, mark: &str, routes: &[ProxyRoute]) -> SetRoutesResponse {
        let mut client = self.client();
        let request = SetRoutesRequest { owner: owner.to_owned(), mark: mark.to_owned(), routes: routes.to_vec() };
        let answer =
            eventually("the proxy takes the order", async || client.set_routes(request.clone()).await.ok()).await;
        answer.into_inner()
    }

    /// Gives routes that must be taken.
    pub(crate) async fn route(&self, owner: &str, mark: &str, routes: &[ProxyRoute]) {
        assert_eq!(self.set(owner, mark, routes).await, SetRoutesResponse { problem: None });
    }

    /// What the proxy says of one app; none: nothing.
    pub(crate) async fn owner(&self, owner: &str) -> Option<ProxyOwner> {
        let mut client = self.client();
        let request = || ProxyStatusRequest { owner: Some(owner.to_owned()) };
        let status = eventually("the proxy says how it is", async || client.status(request()).await.ok()).await;
        status.into_inner().owners.into_iter().next()
    }

    /// What is under way at a container.
    pub(crate) async fn in_flight(&self, container: &str) -> u64 {
        let containers = self.owner(SHOP).await.map(|owner| owner.containers).unwrap_or_default();
        containers.into_iter().find(|of| of.container == container).map_or(0, |of| of.in_flight)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if self.parent.is_some() {
            self.workers();
        }
        if let Some(mut parent) = self.parent.take() {
            let _ = parent.kill();
            let _ = parent.wait();
        }
        // Ours, by their ids; none of them can have been given to another process that is a child of nobody we know.
        self.seen.iter().filter(|id| runs(**id)).for_each(|id| send(*id, Signal::SIGKILL));
    }
}

/// The same for conditions of this machine.
pub(crate) async fn loop_until(what: &str, mut holds: impl FnMut() -> bool) {
    eventually(what, || std::future::ready(holds().then_some(()))).await;
}

/// Whether it is one of ours that still runs: a zombie does not.
pub(crate) fn runs(process: u32) -> bool {
    let Ok(text) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { return false };
    let (name, rest) = text.rsplit_once(')').unwrap_or_default();
    name.ends_with("(evenkeel-agent") && !rest.trim_start().starts_with('Z')
}

pub(crate) fn send(process: u32, signal: Signal) {
    // Gone already is as well.
    let _ = kill(Pid::from_raw(i32::try_from(process).unwrap()), signal);
}

fn inode(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).map_or(0, |metadata| metadata.ino())
}

/// A free port of 127.0.0.1.
pub(crate) fn free_port() -> SocketAddr {
    free_port_of("127.0.0.1")
}

pub(crate) fn free_port_of(address: &str) -> SocketAddr {
    std::net::TcpListener::bind((address, 0)).unwrap().local_addr().unwrap()
}

/// An HTTP route of the app's service `web`.
pub(crate) fn http_route(listen: SocketAddr, upstreams: &[(&str, SocketAddr)]) -> ProxyRoute {
    let http = ProxyHttp { path: "/".to_owned(), ..ProxyHttp::default() };
    route(listen, upstreams, proxy_route::Kind::Http(http))
}

/// A TCP route of it.
pub(crate) fn tcp_route(listen: SocketAddr, upstreams: &[(&str, SocketAddr)]) -> ProxyRoute {
    route(listen, upstreams, proxy_route::Kind::Tcp(Unit {}))
}

fn route(listen: SocketAddr, upstreams: &[(&str, SocketAddr)], kind: proxy_route::Kind) -> ProxyRoute {
    let upstream = |(container, address): &(&str, SocketAddr)| ProxyUpstream {
        container: (*container).to_owned(),
        address: address.to_string(),
        weight: 1,
    };
    ProxyRoute {
        service: "web".to_owned(),
        listen: listen.to_string(),
        upstreams: upstreams.iter().map(upstream).collect(),
        hold: Some(prost_types::Duration { seconds: 20, nanos: 0 }),
        holding: false,
        failing: false,
        kind: Some(kind),
    }
}
