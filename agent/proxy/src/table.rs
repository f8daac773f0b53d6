//! Which route a request takes: by port, host and path. Immutable; replaced as a whole, so a request sees all of a change or none.
//! Not here: which upstream of the route (`choose`, `entry`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::ApplyError;
use crate::entry::Entry;
use crate::route::{Kind, ReadinessRule, Route};

/// All ports.
#[derive(Debug, Default)]
pub(crate) struct Table {
    ports: HashMap<SocketAddr, Port>,
}

/// One port.
#[derive(Debug)]
pub(crate) enum Port {
    /// HTTP.
    Http(HttpPort),
    /// Bytes, of one route.
    Tcp(Arc<Entry>),
}

/// What an HTTP port serves.
#[derive(Debug)]
pub(crate) struct HttpPort {
    /// Clients speak TLS.
    pub(crate) tls: bool,
    /// The path that we answer ourselves.
    pub(crate) readiness: Option<ReadinessRule>,
    /// The routes.
    pub(crate) paths: Paths<Arc<Entry>>,
}

impl Table {
    /// Made of routes that have passed [`check`].
    pub(crate) fn new(
        entries: impl Iterator<Item = Arc<Entry>>,
        readiness: &HashMap<SocketAddr, ReadinessRule>,
    ) -> Self {
        let mut ports = HashMap::new();
        for entry in entries {
            let listen = entry.route.listen;
            let Kind::Http { hosts, path, tls, .. } = &entry.route.kind else {
                ports.insert(listen, Port::Tcp(entry));
                continue;
            };
            let port = ports.entry(listen).or_insert_with(|| {
                Port::Http(HttpPort { tls: *tls, readiness: readiness.get(&listen).cloned(), paths: Paths::default() })
            });
            if let Port::Http(port) = port {
                port.paths.insert(hosts, path, &entry);
            }
        }
        Self { ports }
    }

    /// One port, if any route is for it.
    pub(crate) fn port(&self, listen: SocketAddr) -> Option<&Port> {
        self.ports.get(&listen)
    }

    /// The HTTP route for these requests.
    pub(crate) fn http(&self, listen: SocketAddr, host: &str, path: &str) -> Option<&Arc<Entry>> {
        match self.port(listen)? {
            Port::Http(port) => port.paths.find(host, path),
            Port::Tcp(_) => None,
        }
    }
}

/// Something for each pair of host and path.
#[derive(Debug)]
pub(crate) struct Paths<T> {
    hosts: HashMap<String, Vec<(String, T)>>,
    any: Vec<(String, T)>,
}

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self { hosts: HashMap::new(), any: Vec::new() }
    }
}

impl<T: Clone> Paths<T> {
    /// Adds one, for each of the hosts or, without, for all.
    pub(crate) fn insert(&mut self, hosts: &[String], path: &str, value: &T) {
        let path = path.trim_end_matches('/');
        let add = |list: &mut Vec<(String, T)>| {
            // The longest first: the first that fits is the one.
            let place = list.partition_point(|(other, _)| other.len() > path.len());
            list.insert(place, (path.to_owned(), value.clone()));
        };
        if hosts.is_empty() {
            add(&mut self.any);
        }
        for host in hosts {
            add(self.hosts.entry(bare_host(host).into_owned()).or_default());
        }
    }

    /// The one with the longest path, among those that name the host; if none of them fits, among those that name none.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<&T> {
        let fits = |list: &'_ Vec<(String, T)>| list.iter().position(|(prefix, _)| below(prefix, path));
        if let Some(named) = self.hosts.get(bare_host(host).as_ref())
            && let Some(index) = fits(named)
        {
            return Some(&named[index].1);
        }
        fits(&self.any).map(|index| &self.any[index].1)
    }
}

/// Whether a path is the prefix or below it. The prefix has no slash at its end.
fn below(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

/// A host as routes name it: no port, no final dot, lower case.
pub(crate) fn bare_host(host: &str) -> Cow<'_, str> {
    let end = if host.starts_with('[') {
        host.find(']').map_or(host.len(), |at| at + 1)
    } else {
        host.find(':').unwrap_or(host.len())
    };
    let host = &host[..end];
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) { host.to_ascii_lowercase().into() } else { host.into() }
}

/// Refuses routes that cannot be in one table. Of two that clash, the error names the owner of the earlier one.
pub(crate) fn check<'a>(routes: impl Iterator<Item = &'a Route>, can_tls: bool) -> Result<(), ApplyError> {
    let mut ports: HashMap<SocketAddr, &Route> = HashMap::new();
    let mut requests: HashMap<(SocketAddr, Option<String>, &str), &Route> = HashMap::new();
    for route in routes {
        let listen = route.listen;
        if let Some(what) = route.problem() {
            return Err(ApplyError::Invalid { name: route.name.clone(), listen, what });
        }
        let earlier = *ports.entry(listen).or_insert(route);
        let (Kind::Http { hosts, path, tls, .. }, Kind::Http { tls: earlier_tls, .. }) = (&route.kind, &earlier.kind)
        else {
            if std::ptr::eq(earlier, route) {
                continue;
            }
            return Err(ApplyError::PortShared { listen, owner: earlier.owner.clone() });
        };
        if tls != earlier_tls {
            return Err(ApplyError::TlsDiffers { listen, owner: earlier.owner.clone() });
        }
        if *tls && !can_tls {
            return Err(ApplyError::NoTls { listen });
        }
        let all = hosts.is_empty().then_some(None);
        for host in hosts.iter().map(|host| Some(bare_host(host).into_owned())).chain(all) {
            let key = (listen, host, path.trim_end_matches('/'));
            if let Some(other) = requests.get(&key) {
                return Err(ApplyError::Clash { listen, host: key.1, path: path.clone(), owner: other.owner.clone() });
            }
            requests.insert(key, route);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
