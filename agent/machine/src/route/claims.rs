//! Which of two claims on a port wins, and the plan made of what is left. Not here: who claims what (`shares`).

use evenkeel_model::{HttpRoute, Port, Via};

use super::Share;
use crate::situation::Situation;
use crate::{Container, RoutePlan, ServiceRoutes, Upstream};

/// The plan of these shares. What is needed by who serves comes first; of a service that has been replaced by one of another name,
/// the newer has the port.
pub(super) fn plan(s: &Situation<'_>, shares: &[Share<'_>]) -> RoutePlan {
    let mut had: Vec<&Port> = held_by_engine(s);
    let mut given: Vec<Vec<Port>> = vec![Vec::new(); shares.len()];
    let switched = shares.iter().enumerate().filter(|(_, share)| share.switched).map(|(at, share)| (at, &share.ports));
    let others = shares.iter().enumerate().filter(|(_, share)| !share.switched).map(|(at, share)| (at, &share.ports));
    let claims = shares.iter().enumerate().map(|(at, share)| (at, &share.claims));
    for (at, ports) in switched.chain(others).chain(claims) {
        for port in ports {
            if !had.iter().any(|other| collide(port, other)) {
                had.push(port);
                given[at].push((*port).clone());
            }
        }
    }
    let services = shares.iter().zip(given).filter(|(_, ports)| !ports.is_empty());
    RoutePlan { services: services.map(|(share, ports)| (share.name.clone(), routes(share, ports))).collect() }
}

fn routes(share: &Share<'_>, mut ports: Vec<Port>) -> ServiceRoutes {
    // In one order whichever release they come from: the same routes are the same plan.
    ports.sort();
    ServiceRoutes {
        ports,
        upstreams: share.upstreams.iter().filter_map(|container| upstream(container)).collect(),
        hold: share.hold,
        holding: share.holding,
        failing: share.failing,
    }
}

fn upstream(container: &Container) -> Option<Upstream> {
    Some(Upstream { container: container.id.clone(), address: container.address?, weight: 1 })
}

/// The ports that the engine has, or will have to have next, for a container: the proxy can't have them.
fn held_by_engine<'s>(s: &'s Situation<'_>) -> Vec<&'s Port> {
    let holders = s.observed.containers.iter().filter(|container| container.is_running() || is_next(s, container));
    let specs = holders.filter_map(|container| s.made_from(container)).map(|wanted| &wanted.service.spec);
    specs.flat_map(|spec| &spec.ports).filter(|port| !port.is_routed()).collect()
}

/// Whether nothing but the proxy's ports is in the way of starting this container of the wanted release.
fn is_next(s: &Situation<'_>, container: &Container) -> bool {
    let service = &container.place.service;
    s.accepted.end.is_none()
        && s.keeper(&s.wanted, service).is_some_and(|new| new.id == container.id)
        && !s.containers_of(service).any(Container::is_running)
}

/// Whether two ports can't be had at once. Only where both are one socket can it take the requests of both.
pub(crate) fn collide(one: &Port, other: &Port) -> bool {
    let apart = match (&one.via, &other.via) {
        (Via::Http(http), Via::Http(others)) => {
            one.address == other.address && http.tls == others.tls && !routes_meet(http, others)
        }
        _ => false,
    };
    one.meets(other) && !apart
}

/// Whether the same requests would be both routes'.
fn routes_meet(one: &HttpRoute, other: &HttpRoute) -> bool {
    let no_host = one.hosts.is_empty() && other.hosts.is_empty();
    one.path == other.path && (no_host || one.hosts.iter().any(|host| other.hosts.contains(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(hosts: &[&str], path: &str, tls: bool) -> Via {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Via::Http(HttpRoute { hosts, path: path.to_owned(), tls, ..HttpRoute::default() })
    }

    fn port(address: Option<&str>, published: u16, via: Via) -> Port {
        let (address, protocol) = (address.map(str::to_owned), evenkeel_model::Protocol::Tcp);
        Port { address, published, target: 8080, protocol, via }
    }

    #[test]
    fn two_ports_collide_where_the_same_requests_would_be_both_s() {
        let any = || http(&[], "/", false);
        let rows = [
            (port(None, 80, any()), port(None, 81, any()), false),
            (port(None, 80, any()), port(None, 80, any()), true),
            (port(None, 80, any()), port(Some("127.0.0.1"), 80, any()), true),
            (port(Some("127.0.0.2"), 80, any()), port(Some("127.0.0.1"), 80, any()), false),
            (port(Some("0.0.0.0"), 80, any()), port(Some("127.0.0.1"), 80, any()), true),
            (port(Some("::"), 80, any()), port(Some("127.0.0.1"), 80, Via::Engine), true),
            (
                port(Some("0.0.0.0"), 80, http(&["a.example"], "/", false)),
                port(Some("127.0.0.1"), 80, http(&["b.example"], "/", false)),
                true,
            ),
            (
                port(Some("127.0.0.1"), 80, http(&["a.example"], "/", false)),
                port(Some("127.0.0.1"), 80, http(&["b.example"], "/", false)),
                false,
            ),
            (port(None, 80, any()), port(None, 80, http(&["a.example"], "/", false)), false),
            (
                port(None, 80, http(&["a.example", "b.example"], "/", false)),
                port(None, 80, http(&["b.example"], "/", false)),
                true,
            ),
            (
                port(None, 80, http(&["a.example"], "/", false)),
                port(None, 80, http(&["a.example"], "/api", false)),
                false,
            ),
            (port(None, 80, any()), port(None, 80, http(&["a.example"], "/", true)), true),
            (port(None, 80, any()), port(None, 80, Via::Tcp), true),
            (port(None, 80, Via::Engine), port(None, 80, any()), true),
        ];
        for (one, other, expected) in rows {
            assert_eq!((collide(&one, &other), collide(&other, &one)), (expected, expected), "{one:?} {other:?}");
        }
    }
}
