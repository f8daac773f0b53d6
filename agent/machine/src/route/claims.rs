//! Which of two claims on a port wins, and the plan made of what is left. Not here: who claims what (`parts`, `beside`).

use evenkeel_model::{HttpRoute, Port, Via};

use super::Part;
use crate::situation::Situation;
use crate::{Container, RoutePlan, ServiceRoutes, Upstream};

/// The plan of these parts. What is needed by who serves comes first; of a service that has been replaced by one of another name,
/// the newer has the port.
pub(super) fn plan(s: &Situation<'_>, parts: &[Part<'_>]) -> RoutePlan {
    let mut had: Vec<&Port> = held_by_engine(s);
    let mut given: Vec<Vec<Port>> = vec![Vec::new(); parts.len()];
    let switched = parts.iter().enumerate().filter(|(_, part)| part.switched).map(|(at, part)| (at, &part.ports));
    let others = parts.iter().enumerate().filter(|(_, part)| !part.switched).map(|(at, part)| (at, &part.ports));
    let claims = parts.iter().enumerate().map(|(at, part)| (at, &part.claims));
    for (at, ports) in switched.chain(others).chain(claims) {
        for port in ports {
            if !had.iter().any(|other| collide(port, other)) {
                had.push(port);
                given[at].push((*port).clone());
            }
        }
    }
    let services = parts.iter().zip(given).filter(|(_, ports)| !ports.is_empty());
    RoutePlan { services: services.map(|(part, ports)| (part.name.clone(), routes(part, ports))).collect() }
}

fn routes(part: &Part<'_>, mut ports: Vec<Port>) -> ServiceRoutes {
    // In one order whichever release they come from: the same routes are the same plan.
    ports.sort();
    ServiceRoutes {
        ports,
        upstreams: part.upstreams.iter().filter_map(|(container, weight)| upstream(container, *weight)).collect(),
        hold: part.hold,
        holding: part.holding,
        failing: part.failing,
    }
}

fn upstream(container: &Container, weight: u32) -> Option<Upstream> {
    Some(Upstream { container: container.id.clone(), address: container.address?, weight })
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
        && s.why_not_staged(service).is_none()
        && s.keeper(&s.wanted, service).is_some_and(|new| new.id == container.id)
        && !s.containers_of(service).any(Container::is_running)
}

/// Whether two ports can't be had at once. Only where both are one socket can it take the requests of both.
fn collide(one: &Port, other: &Port) -> bool {
    let apart = match (&one.via, &other.via) {
        (Via::Http(http), Via::Http(others)) => {
            one.address == other.address && http.tls == others.tls && !routes_meet(http, others)
        }
        _ => false,
    };
    one.meets(other) && !apart
}

/// Whether `new`, once it is routed, would have requests that are `old`'s without it: the same, or those of a host or below a path of it.
pub(super) fn takes_from(new: &Port, old: &Port) -> bool {
    let below = match (&new.via, &old.via) {
        (Via::Http(new), Via::Http(old)) => {
            let host = old.hosts.is_empty() || new.hosts.iter().any(|host| old.hosts.contains(host));
            let prefix = old.path.trim_end_matches('/');
            let rest = new.path.strip_prefix(prefix);
            host && rest.is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
        }
        _ => false,
    };
    collide(new, old) || (new.meets(old) && below)
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
    fn a_port_takes_from_another_what_would_have_been_that_one_s() {
        let on = |hosts: &[&str], path: &str| port(None, 80, http(hosts, path, false));
        let rows = [
            (on(&[], "/"), on(&[], "/"), true),
            (on(&[], "/api"), on(&[], "/"), true),
            (on(&[], "/"), on(&[], "/api"), false),
            (on(&[], "/apis"), on(&[], "/api"), false),
            (on(&[], "/api/v2"), on(&[], "/api/"), true),
            (on(&["b.example"], "/"), on(&["a.example"], "/"), false),
            (on(&["b.example"], "/"), on(&[], "/"), true),
            (on(&[], "/"), on(&["a.example"], "/"), false),
            (on(&["a.example", "b.example"], "/api"), on(&["b.example"], "/"), true),
            (port(None, 81, http(&[], "/", false)), on(&[], "/"), false),
            (port(None, 80, Via::Tcp), on(&[], "/"), true),
            (on(&[], "/"), port(None, 80, Via::Engine), true),
        ];
        for (new, old, expected) in rows {
            assert_eq!(takes_from(&new, &old), expected, "{new:?} {old:?}");
        }
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
