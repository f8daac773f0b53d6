//! For which hosts whose TLS was ever in force, so that going back to one is not refused because its certificate went missing meanwhile.
//! Not here: refusing (`tls`).

use evenkeel_proxy::Route;
use serde::{Deserialize, Serialize};

use super::super::tls::tls_hosts;

/// So many are remembered beside those in force, of all owners: what a host goes back to is among the newest few.
const MOST: usize = 2000;

/// By owner and host, the one that was in force last first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::proxy::worker) struct Accepted(Vec<(String, String)>);

impl Accepted {
    /// These are, or were until now, in force. (A route for all hosts counts as one for the host without a name.) Says whether one is new: that
    /// must be kept, while the order is lost in a crash without harm.
    pub(in crate::proxy::worker) fn add<'a>(&mut self, routes: impl Iterator<Item = &'a Route>) -> bool {
        let mut is_new = false;
        for route in routes {
            let Some(hosts) = tls_hosts(route) else { continue };
            let all = hosts.is_empty().then(String::new);
            for host in hosts.iter().chain(&all) {
                is_new |= !self.has(&route.owner, host);
                self.0.retain(|(owner, other)| *owner != route.owner || other != host);
                self.0.insert(0, (route.owner.clone(), host.clone()));
            }
        }
        self.0.truncate(MOST);
        is_new
    }

    /// Whether it was in force for this owner.
    pub(in crate::proxy::worker) fn has(&self, owner: &str, host: &str) -> bool {
        self.0.iter().any(|(of, other)| of == owner && other == host)
    }
}
