//! Between the wire and the data path's vocabulary. From the wire a bad field is named. Not here: what follows from it.

use std::net::SocketAddr;

use evenkeel_proto::Malformed;
use evenkeel_proto::convert::{duration_from_wire, duration_to_wire};
use evenkeel_proto::v1::{self, proxy_route};
use evenkeel_proxy::{Kind, Route, Upstream};

/// A field that must not be empty.
pub(super) fn missing(field: &'static str) -> Malformed {
    Malformed { field, problem: "is missing".to_owned() }
}

/// A route of this owner.
pub(super) fn route_from_wire(owner: &str, wire: &v1::ProxyRoute) -> Result<Route, Malformed> {
    let kind = match wire.kind.as_ref().ok_or_else(|| missing("routes.kind"))? {
        proxy_route::Kind::Tcp(v1::Unit {}) => Kind::Tcp,
        proxy_route::Kind::Http(http) => Kind::Http {
            hosts: http.hosts.clone(),
            path: http.path.clone(),
            sticky: http.sticky.clone(),
            redirect_to_https: http.redirect_to_https,
            tls: http.tls,
        },
    };
    Ok(Route {
        owner: owner.to_owned(),
        name: wire.service.clone(),
        listen: address("routes.listen", &wire.listen)?,
        kind,
        upstreams: wire.upstreams.iter().map(upstream_from_wire).collect::<Result<_, _>>()?,
        hold: duration_from_wire("routes.hold", wire.hold.as_ref())?,
        holding: wire.holding,
    })
}

fn upstream_from_wire(wire: &v1::ProxyUpstream) -> Result<Upstream, Malformed> {
    if wire.container.is_empty() {
        return Err(missing("routes.upstreams.container"));
    }
    let address = address("routes.upstreams.address", &wire.address)?;
    Ok(Upstream { id: wire.container.clone(), address, weight: wire.weight })
}

fn address(field: &'static str, text: &str) -> Result<SocketAddr, Malformed> {
    text.parse().map_err(|_| Malformed { field, problem: format!("`{text}` is no address and port") })
}

/// A route as the wire has it.
pub(super) fn route_to_wire(route: &Route, failing: bool) -> v1::ProxyRoute {
    let kind = match &route.kind {
        Kind::Tcp => proxy_route::Kind::Tcp(v1::Unit {}),
        Kind::Http { hosts, path, sticky, redirect_to_https, tls } => proxy_route::Kind::Http(v1::ProxyHttp {
            hosts: hosts.clone(),
            path: path.clone(),
            sticky: sticky.clone(),
            tls: *tls,
            redirect_to_https: *redirect_to_https,
        }),
    };
    let upstream = |upstream: &Upstream| v1::ProxyUpstream {
        container: upstream.id.clone(),
        address: upstream.address.to_string(),
        weight: upstream.weight,
    };
    v1::ProxyRoute {
        service: route.name.clone(),
        listen: route.listen.to_string(),
        kind: Some(kind),
        upstreams: route.upstreams.iter().map(upstream).collect(),
        hold: Some(duration_to_wire(route.hold)),
        holding: route.holding,
        failing,
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::Millis;

    use super::*;

    fn route() -> Route {
        Route {
            owner: "default/shop".to_owned(),
            name: "web".to_owned(),
            listen: "[::]:80".parse().unwrap(),
            kind: Kind::Http {
                hosts: vec!["shop.example".to_owned()],
                path: "/api".to_owned(),
                sticky: Some("s".to_owned()),
                redirect_to_https: true,
                tls: true,
            },
            upstreams: vec![Upstream { id: "c1".to_owned(), address: "10.0.0.2:8080".parse().unwrap(), weight: 3 }],
            hold: Millis(1500),
            holding: true,
        }
    }

    #[test]
    fn a_route_comes_back_as_it_went() {
        for route in [route(), Route { kind: Kind::Tcp, upstreams: vec![], holding: false, ..route() }] {
            assert_eq!(route_from_wire("default/shop", &route_to_wire(&route, true)), Ok(route));
        }
    }

    #[test]
    fn a_bad_field_is_named() {
        let good = || route_to_wire(&route(), false);
        let mut bad = [good(), good(), good(), good(), good()];
        bad[0].kind = None;
        bad[1].listen = "80".to_owned();
        bad[2].hold = None;
        bad[3].upstreams[0].address = "web:80".to_owned();
        bad[4].upstreams[0].container = String::new();
        let fields = bad.map(|wire| route_from_wire("o", &wire).unwrap_err().field);
        let expected =
            ["routes.kind", "routes.listen", "routes.hold", "routes.upstreams.address", "routes.upstreams.container"];
        assert_eq!(fields, expected);
    }
}
