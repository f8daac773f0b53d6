//! The routes in force and the marks they came with. Not here: keeping them over restarts (`files`), serving them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use evenkeel_proxy::{Kind, Route};
use serde::{Deserialize, Serialize};

use self::accepted::Accepted;
pub(super) use self::files::{BookFiles, Loaded};

mod accepted;
mod files;

/// One app's routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    /// What the agent calls them; none: not all of what it asked for is in force, or not durably.
    pub(super) mark: Option<String>,
    /// The routes.
    pub(super) routes: Vec<Route>,
    /// The services whose ports' readiness path answers 503.
    #[serde(default)]
    pub(super) failing: BTreeSet<String>,
}

/// All apps' routes, by owner. An owner without routes is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Book {
    pub(super) owners: BTreeMap<String, Page>,
    /// What may be gone back to.
    pub(super) accepted: Accepted,
}

impl Book {
    /// All apps' routes.
    pub(super) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.owners.values().flat_map(|page| &page.routes)
    }

    /// An owner's routes are these now. The hosts of both pages are remembered: those before may be gone back to. Says whether one of them is new.
    pub(super) fn turn_page(&mut self, owner: &str, page: Option<Page>) -> bool {
        let before = match page {
            Some(page) => self.owners.insert(owner.to_owned(), page),
            None => self.owners.remove(owner),
        };
        let pages = before.iter().chain(self.owners.get(owner));
        self.accepted.add(pages.flat_map(|page| &page.routes))
    }

    /// The ports where requests are spoken, and whether their readiness path is to answer 503: if any app on it says so.
    pub(super) fn readiness(&self) -> BTreeMap<SocketAddr, bool> {
        let mut ports = BTreeMap::new();
        for page in self.owners.values() {
            for route in page.routes.iter().filter(|route| matches!(route.kind, Kind::Http { .. })) {
                *ports.entry(route.listen).or_default() |= page.failing.contains(&route.name);
            }
        }
        ports
    }
}

#[cfg(test)]
mod tests;
