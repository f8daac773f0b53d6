//! How things are, for the agent: the book, the data path's counts, and what older workers still have under way. Not here: gathering them.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_proto::v1;
use evenkeel_proxy::{Kind, Route, RouteStatus, Status, Upstream};

use super::book::{Book, Page};
use super::line::Counts;

/// All of it, or one owner's part.
pub(super) fn status(book: &Book, counted: &Status, elsewhere: &Counts, owner: Option<&str>) -> v1::ProxyStatus {
    let routed = book.owners.keys().map(String::as_str);
    // What answers an ACME server is nobody's app.
    let draining = counted.routes.iter().map(|route| route.owner.as_str()).filter(|owner| *owner != super::acme::OWNER);
    let retiring = elsewhere.keys().map(|(owner, _)| owner.as_str());
    let names: BTreeSet<&str> = routed.chain(draining).chain(retiring).collect();
    let asked = names.into_iter().filter(|name| owner.is_none_or(|owner| owner == *name));
    v1::ProxyStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        connections: counted.connections,
        owners: asked.map(|name| of_owner(name, book.owners.get(name), counted, elsewhere)).collect(),
        certificates: vec![],
    }
}

/// What this worker has under way, by owner and container.
pub(super) fn under_way(counted: &Status) -> Counts {
    let mut counts = Counts::new();
    for route in &counted.routes {
        for upstream in &route.upstreams {
            *counts.entry((route.owner.clone(), upstream.id.clone())).or_default() += upstream.in_flight;
        }
    }
    counts
}

fn of_owner(owner: &str, page: Option<&Page>, counted: &Status, elsewhere: &Counts) -> v1::ProxyOwner {
    let counted: Vec<&RouteStatus> = counted.routes.iter().filter(|route| route.owner == owner).collect();
    let routes = page
        .into_iter()
        .flat_map(|page| page.routes.iter().map(move |route| (route, page.failing.contains(&route.name))));
    v1::ProxyOwner {
        owner: owner.to_owned(),
        mark: page.and_then(|page| page.mark.clone()),
        routes: routes.map(|(route, failing)| of_route(route, failing, &counted)).collect(),
        containers: containers(owner, page, &counted, elsewhere),
    }
}

fn of_route(route: &Route, failing: bool, counted: &[&RouteStatus]) -> v1::ProxyRouteStatus {
    let (hosts, path) = match &route.kind {
        Kind::Http { hosts, path, .. } => (hosts.clone(), Some(path.clone())),
        Kind::Tcp => (vec![], None),
    };
    let same = |counted: &&&RouteStatus| {
        !counted.removed
            && counted.name == route.name
            && counted.listen == route.listen
            && counted.hosts == hosts
            && counted.path == path
    };
    let waiting = counted.iter().find(same).map_or(0, |counted| counted.waiting);
    v1::ProxyRouteStatus {
        service: route.name.clone(),
        listen: route.listen.to_string(),
        containers: chosen(route).map(|upstream| upstream.id.clone()).collect(),
        weights: chosen(route).map(|upstream| upstream.weight).collect(),
        holding: route.holding,
        failing,
        waiting,
        hosts,
        path,
    }
}

/// Those that get what is new.
pub(super) fn chosen(route: &Route) -> impl Iterator<Item = &Upstream> {
    route.upstreams.iter().filter(|upstream| upstream.weight > 0)
}

fn containers(
    owner: &str,
    page: Option<&Page>,
    counted: &[&RouteStatus],
    elsewhere: &Counts,
) -> Vec<v1::ProxyContainer> {
    let mut all: BTreeMap<String, v1::ProxyContainer> = BTreeMap::new();
    let mut entry = |id: &str, add: &dyn Fn(&mut v1::ProxyContainer)| {
        let fresh = || v1::ProxyContainer { container: id.to_owned(), draining: true, ..v1::ProxyContainer::default() };
        add(all.entry(id.to_owned()).or_insert_with(fresh));
    };
    for upstream in counted.iter().flat_map(|route| &route.upstreams) {
        entry(&upstream.id, &|container| {
            container.in_flight += upstream.in_flight;
            container.requests += upstream.requests;
            container.failed += upstream.failed;
        });
    }
    for ((_, id), in_flight) in elsewhere.iter().filter(|((of, _), _)| of == owner) {
        entry(id, &|container| container.in_flight += in_flight);
    }
    // It drains if no route chooses it; one that is holding chooses nobody.
    for route in page.into_iter().flat_map(|page| &page.routes).filter(|route| !route.holding) {
        for upstream in chosen(route) {
            entry(&upstream.id, &|container| container.draining = false);
        }
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests;
