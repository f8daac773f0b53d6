//! The host's proxy as the agent's driver sees it: [`Router`] over the control socket. Not here: which routes there should be.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use evenkeel_machine::{Proxy, RoutePlan, ServiceRoutes};
use evenkeel_model::{AppKey, CauseKind, Digest, Failure, Port, ServiceName, Via};
use evenkeel_proto::v1::{
    self, CutRequest, ProxyStatusRequest, SetRoutesRequest, WatchProxyRequest, set_routes_response::Problem,
};
use evenkeel_proxy::{Kind, Route, Upstream};
use tokio::sync::watch;

use super::call::{Caller, ProxyDown, describe};
use super::wire;
use crate::router::Router;

/// After a watch that ended, or could not begin.
const WATCH_RETRY: Duration = Duration::from_millis(200);

/// The proxy of this host.
#[derive(Debug)]
pub struct ProxyClient {
    caller: Caller,
    /// Where ports without an address of their own are published; none: on all addresses.
    publish_address: Option<IpAddr>,
    wake: watch::Sender<()>,
}

impl From<ProxyDown> for Failure {
    fn from(down: ProxyDown) -> Self {
        Self::plain(CauseKind::ProxyUnavailable, down.to_string())
    }
}

impl ProxyClient {
    /// The proxy with this control socket, which need not be there yet. To be called within a runtime.
    pub fn new(socket: &Path, publish_address: Option<IpAddr>) -> Self {
        Self { caller: Caller::new(socket), publish_address, wake: watch::Sender::new(()) }
    }

    /// Follows the proxy and wakes [`Router::wakeups`]. Never returns; to be run beside the drivers for as long as the agent lives.
    pub async fn listen(&self) {
        loop {
            let mut client = self.caller.client();
            match client.watch(WatchProxyRequest {}).await {
                Ok(stream) => {
                    let mut words = stream.into_inner();
                    // The first word comes at once: the proxy is there, perhaps another one than before.
                    while let Ok(Some(_)) = words.message().await {
                        self.wake.send_replace(());
                    }
                    self.wake.send_replace(());
                }
                Err(status) => tracing::debug!(error = describe(&status), "the proxy does not answer"),
            }
            tokio::time::sleep(WATCH_RETRY).await;
        }
    }

    /// A service's ports; an error: which of them can't be, for people.
    fn routes(&self, owner: &str, name: &ServiceName, plan: &ServiceRoutes) -> Result<Vec<v1::ProxyRoute>, String> {
        let route = |port: &Port| {
            let upstream = |upstream: &evenkeel_machine::Upstream| Upstream {
                id: upstream.container.clone(),
                address: SocketAddr::new(upstream.address, port.target),
                weight: upstream.weight,
            };
            let route = Route {
                owner: owner.to_owned(),
                name: name.to_string(),
                listen: self.listen_address(port)?,
                kind: kind(&port.via),
                upstreams: plan.upstreams.iter().map(upstream).collect(),
                hold: plan.hold,
                holding: plan.holding,
            };
            Ok(wire::route_to_wire(&route, plan.failing))
        };
        plan.ports.iter().map(route).collect()
    }

    fn listen_address(&self, port: &Port) -> Result<SocketAddr, String> {
        let ip = match &port.address {
            Some(text) => text
                .parse()
                .map_err(|_| format!("port {}: `{text}` is no IP address; write one, or none", port.published))?,
            None => self.publish_address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        Ok(SocketAddr::new(ip, port.published))
    }
}

#[async_trait]
impl Router for ProxyClient {
    async fn observe(&self, key: &AppKey) -> Proxy {
        let request = || ProxyStatusRequest { owner: Some(key.to_string()) };
        match self.caller.call(|mut client| async move { client.status(request()).await }).await {
            Ok(status) => sight(status),
            Err(down) => Proxy::Down { message: down.to_string() },
        }
    }

    async fn route(&self, key: &AppKey, plan: &RoutePlan) -> Result<(), Failure> {
        let owner = key.to_string();
        let services = plan.services.iter().map(|(service, plan)| self.routes(&owner, service, plan));
        let routes = services.collect::<Result<Vec<_>, String>>();
        let routes = routes.map_err(|message| Failure::plain(CauseKind::ProxyUnavailable, message))?.concat();
        let request = SetRoutesRequest { owner, mark: plan.mark().to_string(), routes };
        let request = &request;
        let answer = self.caller.call(|mut client| async move { client.set_routes(request.clone()).await }).await?;
        match answer.problem {
            None => Ok(()),
            Some(problem) => Err(failure(problem)),
        }
    }

    async fn cut(&self, key: &AppKey, container: &str) -> Result<(), Failure> {
        let request = || CutRequest { owner: key.to_string(), container: container.to_owned() };
        self.caller.call(|mut client| async move { client.cut(request()).await }).await?;
        Ok(())
    }

    fn wakeups(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }
}

fn kind(via: &Via) -> Kind {
    match via {
        // The machine routes no port that the engine publishes.
        Via::Engine | Via::Tcp => Kind::Tcp,
        Via::Http(http) => Kind::Http {
            hosts: http.hosts.clone(),
            path: http.path.clone(),
            sticky: http.sticky.clone(),
            redirect_to_https: http.redirect_to_https,
            tls: http.tls,
        },
    }
}

/// What the proxy said of one app.
fn sight(status: v1::ProxyStatus) -> Proxy {
    let Some(owner) = status.owners.into_iter().next() else { return Proxy::default() };
    let mut routed: BTreeMap<ServiceName, BTreeMap<String, u32>> = BTreeMap::new();
    for route in owner.routes {
        // A name that is none of ours was given by nobody who asks for it.
        if let Ok(service) = route.service.parse() {
            // An older proxy does not say the weights.
            let weights = route.weights.into_iter().chain(std::iter::repeat(1));
            routed.entry(service).or_default().extend(route.containers.into_iter().zip(weights));
        }
    }
    let under_way = owner.containers.into_iter().filter(|container| container.in_flight > 0);
    Proxy::Up {
        // One that can't be read equals no plan's: the routes are given again.
        mark: owner.mark.and_then(|mark| mark.parse::<Digest>().ok()),
        routed,
        in_flight: under_way.map(|container| (container.container, container.in_flight)).collect(),
    }
}

fn failure(problem: Problem) -> Failure {
    let unavailable = |message: String| Failure::plain(CauseKind::ProxyUnavailable, message);
    match problem {
        Problem::PortTaken(taken) => {
            let port = port_for_people(&taken.listen);
            let holder = taken
                .holder
                .map_or("another program on this host".to_owned(), |holder| format!("app {holder} on this host"));
            let message = format!("{port} is taken by {holder}: stop it, or publish another port");
            Failure::plain(CauseKind::PortTaken, message)
        }
        Problem::Refused(message) => unavailable(format!("the host's proxy refuses the routes: {message}")),
        Problem::NotDurable(message) => unavailable(format!(
            "the host's proxy can't keep the routes: {message}; free some space, or mend the disk (see `systemctl status evenkeel-proxy`)"
        )),
    }
}

/// `port 80 (on 127.0.0.1)`.
fn port_for_people(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => format!("port {}", address.port()),
        Ok(address) => format!("port {} on {}", address.port(), address.ip()),
        Err(_) => listen.to_owned(),
    }
}

#[cfg(test)]
mod tests;
