//! What a caller asks for: routes and who serves them. Plain data; callers keep it as JSON, so fields are only ever added.
//! Not here: which route a request takes (`table`), which upstream (`choose`).

use std::net::SocketAddr;

use evenkeel_model::Millis;
use serde::{Deserialize, Serialize};

/// One published port of one service, or a part of it: some hosts, some paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The app on this host that asked for it. Routes are replaced per owner.
    pub owner: String,
    /// The service's name, for people: it is in the text of our own answers.
    pub name: String,
    /// Where clients connect.
    pub listen: SocketAddr,
    /// What is spoken there.
    pub kind: Kind,
    /// Who serves it. With none of a weight above 0, requests are held.
    #[serde(default)]
    pub upstreams: Vec<Upstream>,
    /// How long a request waits for an upstream that serves, at most. 0: it does not wait.
    pub hold: Millis,
    /// All requests wait, and none starts on any upstream: the pause for a service that cannot run twice.
    #[serde(default)]
    pub holding: bool,
}

/// What is spoken at a route's port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// HTTP/1.1 and HTTP/2: an upstream is chosen for each request.
    Http {
        /// Hosts it is for, without port, in any case. None: all hosts that no other route on the port names.
        #[serde(default)]
        hosts: Vec<String>,
        /// It is for this path and all below it (`/api` is not for `/apis`). `/` is for all.
        #[serde(default = "root")]
        path: String,
        /// The name of the cookie that keeps a client on one upstream. None: each request is chosen for itself.
        #[serde(default)]
        sticky: Option<String>,
        /// Answer 308 with the https address.
        #[serde(default)]
        redirect_to_https: bool,
        /// Clients speak TLS. All routes on a port agree on this.
        #[serde(default)]
        tls: bool,
    },
    /// Bytes: an upstream is chosen for each connection.
    Tcp,
}

fn root() -> String {
    "/".into()
}

/// One container that may serve a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// The container's id: what [`crate::Proxy::cut`] takes, and what a cookie names the hash of.
    pub id: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its share among the route's upstreams. 0: nothing new, it drains.
    pub weight: u32,
}

/// A path on a port that this proxy answers by itself: for load balancers that ask each host whether to send requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessRule {
    /// The exact path, without query.
    pub path: String,
    /// 503 instead of 200: this host is about to stop serving.
    pub failing: bool,
}

impl Route {
    /// Finds what no table could hold: `Some(what is wrong)`.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let Kind::Http { hosts, path, sticky, .. } = &self.kind else { return None };
        if !path.starts_with('/') {
            return Some("its path does not begin with /");
        }
        if hosts.iter().any(|host| host.is_empty() || host.contains(['/', ' ', '*'])) {
            return Some("a host of it is not a plain host name");
        }
        let token =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if sticky.as_deref().is_some_and(|name| !token(name)) {
            return Some("the name of its cookie may have letters, digits, '-', '_' and '.' only");
        }
        let mut ids: Vec<_> = self.upstreams.iter().map(|upstream| &upstream.id).collect();
        ids.sort_unstable();
        ids.windows(2).any(|pair| pair[0] == pair[1]).then_some("it names an upstream twice")
    }

    /// Whether requests may start on its upstreams of a weight above 0.
    pub(crate) fn serves(&self) -> bool {
        !self.holding
    }
}
