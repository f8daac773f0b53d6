//! A proxy on a loopback port of its own, and patience.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_model::Millis;
use evenkeel_proxy::{BoundSockets, Kind, Limits, Proxy, Route, RouteStatus, Upstream, UpstreamStatus};
use tokio::time::{sleep, timeout};

/// Longer than anything takes on a machine that is not broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Rig {
    pub(crate) proxy: Proxy,
    pub(crate) sockets: Arc<BoundSockets>,
    pub(crate) listen: SocketAddr,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let sockets = Arc::new(BoundSockets::default());
        let listen = reserve(&sockets);
        Self { proxy: Proxy::new(sockets.clone(), limits, None), sockets, listen }
    }

    /// The route of all hosts and paths to these, of equal weight.
    pub(crate) fn http(&self, upstreams: &[(&str, SocketAddr)]) -> Route {
        let upstreams =
            upstreams.iter().map(|(id, address)| Upstream { id: (*id).into(), address: *address, weight: 1 });
        Route {
            owner: "shop".into(),
            name: "web".into(),
            listen: self.listen,
            kind: Kind::Http { hosts: vec![], path: "/".into(), sticky: None, redirect_to_https: false, tls: false },
            upstreams: upstreams.collect(),
            hold: Millis(0),
            holding: false,
        }
    }

    pub(crate) fn tcp(&self, upstreams: &[(&str, SocketAddr)]) -> Route {
        Route { kind: Kind::Tcp, ..self.http(upstreams) }
    }

    pub(crate) fn apply(&self, route: Route) {
        self.proxy.apply("shop", vec![route]).unwrap();
    }

    /// Serves all requests by these from now on.
    pub(crate) fn serve(&self, upstreams: &[(&str, SocketAddr)]) {
        self.apply(self.http(upstreams));
    }

    pub(crate) fn route(&self) -> RouteStatus {
        self.proxy.status().routes.into_iter().find(|route| route.name == "web").unwrap()
    }

    /// What is said of one upstream of the route; nothing of one that has left and is idle.
    pub(crate) fn upstream(&self, id: &str) -> Option<UpstreamStatus> {
        let routes = self.proxy.status().routes;
        routes.into_iter().flat_map(|route| route.upstreams).find(|upstream| upstream.id == id)
    }

    pub(crate) fn in_flight(&self, id: &str) -> u64 {
        self.upstream(id).map_or(0, |upstream| upstream.in_flight)
    }

    /// Waits as the agent does, without polling, until nothing is in flight on a draining upstream.
    pub(crate) async fn drained(&self, id: &str) {
        let mut changed = self.proxy.changed();
        let drained = async {
            while self.in_flight(id) > 0 {
                changed.changed().await.unwrap();
            }
        };
        timeout(DEADLINE, drained).await.unwrap_or_else(|_| panic!("{id} still has {} in flight", self.in_flight(id)));
    }
}

/// A loopback port that nobody else has, listening already.
pub(crate) fn reserve(sockets: &BoundSockets) -> SocketAddr {
    sockets.keep(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap()
}

/// A loopback port where nobody listens.
pub(crate) fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let held = async {
        while !holds() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(DEADLINE, held).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// The result, or a failure that says what did not happen.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// The same port again, once whoever had it has let go.
pub(crate) async fn rebind(address: SocketAddr) -> tokio::net::TcpListener {
    let bound = async {
        loop {
            if let Ok(listener) = tokio::net::TcpListener::bind(address).await {
                return listener;
            }
            sleep(Duration::from_millis(2)).await;
        }
    };
    soon("the port is free", bound).await
}
