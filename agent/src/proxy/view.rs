//! The proxy's part of `evenkeel-agent status`: asked on its own socket, so that it is told also while the agent is busy. Stable names, for
//! scripts. Not here: the text for people (`crate::status`).

use std::path::Path;

use evenkeel_proto::convert::moment_from_wire;
use evenkeel_proto::v1::{self, ProxyStatusRequest};
use serde::{Deserialize, Serialize};

use super::call::{Caller, ProxyDown};

/// The host's proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProxyView {
    /// Why nothing is known; absent: it answers.
    pub trouble: Option<String>,
    /// The version of the process that serves.
    pub version: String,
    /// Clients' connections that are open, idle ones too.
    pub connections: u64,
    /// By app.
    pub apps: Vec<OwnerView>,
    /// Those that clients may be shown, and those that are to come.
    #[serde(default)]
    pub certificates: Vec<CertificateView>,
}

/// One certificate, or the lack of one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CertificateView {
    /// The host names it is for, or is to be for.
    pub names: Vec<String>,
    /// Its file, or `ACME`.
    pub source: String,
    /// Its last moment, in milliseconds since 1970; absent: there is none yet.
    pub not_after_ms: Option<u64>,
    /// What a person should know; absent: nothing.
    pub trouble: Option<String>,
}

/// One app's routes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OwnerView {
    /// Environment and name.
    pub app: String,
    /// Whether all that the agent asked for is in force and durable.
    pub complete: bool,
    /// By service and port.
    pub routes: Vec<RouteView>,
    /// Those that are routed to, and those that drain.
    pub containers: Vec<ContainerView>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RouteView {
    /// The service.
    pub service: String,
    /// Where clients connect.
    pub listen: String,
    /// The host names; none: all.
    pub hosts: Vec<String>,
    /// The path; absent: connections are passed on as they are.
    pub path: Option<String>,
    /// The containers that get what is new.
    pub containers: Vec<String>,
    /// The share of each of these, in their order; none: the proxy does not say.
    #[serde(default)]
    pub weights: Vec<u32>,
    /// Requests wait, because what serves them is being replaced.
    pub holding: bool,
    /// The readiness path answers 503.
    pub failing: bool,
    /// Requests and connections that wait now.
    pub waiting: u64,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerView {
    /// The engine's id.
    pub container: String,
    /// Requests and connections under way.
    pub in_flight: u64,
    /// All that the process that serves ever passed to it.
    pub requests: u64,
    /// Of these, those that it failed.
    pub failed: u64,
    /// It gets nothing new.
    pub draining: bool,
}

/// Asks the proxy with this socket. One that does not answer is a view too. To be called outside of a runtime.
pub fn ask(socket: &Path) -> ProxyView {
    let asked = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string());
    let answer = asked.and_then(|runtime| runtime.block_on(status(socket)).map_err(|down| down.to_string()));
    answer.map_or_else(|trouble| ProxyView { trouble: Some(trouble), ..ProxyView::default() }, view)
}

async fn status(socket: &Path) -> Result<v1::ProxyStatus, ProxyDown> {
    Caller::new(socket).call(|mut client| async move { client.status(ProxyStatusRequest { owner: None }).await }).await
}

fn view(status: v1::ProxyStatus) -> ProxyView {
    let route = |route: v1::ProxyRouteStatus| RouteView {
        service: route.service,
        listen: route.listen,
        hosts: route.hosts,
        path: route.path,
        containers: route.containers,
        weights: route.weights,
        holding: route.holding,
        failing: route.failing,
        waiting: route.waiting,
    };
    let container = |container: v1::ProxyContainer| ContainerView {
        container: container.container,
        in_flight: container.in_flight,
        requests: container.requests,
        failed: container.failed,
        draining: container.draining,
    };
    let app = |owner: v1::ProxyOwner| OwnerView {
        app: owner.owner,
        complete: owner.mark.is_some(),
        routes: owner.routes.into_iter().map(route).collect(),
        containers: owner.containers.into_iter().map(container).collect(),
    };
    let certificate = |certificate: v1::ProxyCertificate| CertificateView {
        names: certificate.names,
        source: certificate.source,
        not_after_ms: certificate.not_after.map(|moment| moment_from_wire(&moment).0),
        trouble: certificate.trouble,
    };
    ProxyView {
        trouble: None,
        version: status.version,
        connections: status.connections,
        apps: status.owners.into_iter().map(app).collect(),
        certificates: status.certificates.into_iter().map(certificate).collect(),
    }
}
