//! Our proxy as operators have it (`evenkeel-agent proxy`), told its routes over its own control socket, as the agent tells them.
//! Not here: what is measured of it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use evenkeel_proto::v1::proxy_service_client::ProxyServiceClient;
use evenkeel_proto::v1::{ProxyHttp, ProxyRoute, ProxyUpstream, SetRoutesRequest, proxy_route};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint, Uri};

use super::ground::{Ground, PROXY_CORE};
use crate::bench::until;
use crate::hosts::Process;
use crate::installation::agent_binary;

/// For the control socket to be there.
const DEADLINE: Duration = Duration::from_secs(30);

/// The proxy, and the way to it.
#[derive(Debug)]
pub(super) struct Ours {
    process: Process,
    runtime: Runtime,
    client: ProxyServiceClient<Channel>,
}

impl Ours {
    /// One thread on the proxies' core, no routes.
    pub(super) fn start(ground: &Ground, name: &str) -> Result<Self> {
        let directory = ground.directory(name)?;
        let (file, socket) = (directory.join("agent.toml"), directory.join("proxy.sock"));
        let text = format!(
            "[proxy]\nsocket = \"{}\"\nstate_dir = \"{}\"\nworkers = 1\n",
            socket.display(),
            directory.join("state").display()
        );
        fs::write(&file, text)?;
        let mut command = ground.pinned(PROXY_CORE, agent_binary()?);
        command.arg("--config").arg(&file).arg("proxy");
        let process = ground.host().spawn(name, command)?;
        until("the proxy's control socket is there", DEADLINE, || {
            ensure!(process.is_running(), "the proxy has ended: {}", process.log());
            Ok(socket.exists())
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(async { client(socket) });
        Ok(Self { process, runtime, client })
    }

    /// Sets an app's routes; returns when they are in force and durable.
    pub(super) fn set(&self, owner: &str, routes: Vec<ProxyRoute>) -> Result<()> {
        let request = SetRoutesRequest { owner: owner.to_owned(), mark: "bench".to_owned(), routes };
        let mut client = self.client.clone();
        let answer = self.runtime.block_on(client.set_routes(request)).context("the proxy does not answer")?;
        let problem = answer.into_inner().problem;
        ensure!(problem.is_none(), "the proxy refuses the routes: {problem:?}");
        Ok(())
    }

    /// Without the way to it.
    pub(super) fn into_process(self) -> Process {
        self.process
    }
}

/// Connects when it is first used.
fn client(socket: PathBuf) -> ProxyServiceClient<Channel> {
    let connector = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    ProxyServiceClient::new(Endpoint::from_static("http://proxy").connect_with_connector_lazy(connector))
}

/// A route for these host names, or all, to one upstream.
pub(super) fn route(listen: &str, hosts: &[String], upstream: SocketAddr) -> ProxyRoute {
    let http =
        ProxyHttp { hosts: hosts.to_vec(), path: "/".to_owned(), sticky: None, tls: false, redirect_to_https: false };
    ProxyRoute {
        service: "web".to_owned(),
        listen: listen.to_owned(),
        kind: Some(proxy_route::Kind::Http(http)),
        upstreams: vec![ProxyUpstream { container: upstream.to_string(), address: upstream.to_string(), weight: 1 }],
        hold: Some(evenkeel_proto::convert::duration_to_wire(evenkeel_model::Millis::seconds(1))),
        holding: false,
        failing: false,
    }
}
