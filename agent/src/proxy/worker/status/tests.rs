//! What the agent is told, from what is known.

use evenkeel_model::Millis;
use evenkeel_proxy::UpstreamStatus;

use super::*;

const OWNER: &str = "default/shop";

fn route(upstreams: &[(&str, u32)], holding: bool) -> Route {
    let address = "10.0.0.1:80".parse().unwrap();
    let upstreams =
        upstreams.iter().map(|(id, weight)| Upstream { id: (*id).to_owned(), address, weight: *weight }).collect();
    Route {
        owner: OWNER.to_owned(),
        name: "web".to_owned(),
        listen: "127.0.0.1:80".parse().unwrap(),
        kind: Kind::Tcp,
        upstreams,
        hold: Millis::seconds(1),
        holding,
    }
}

fn counted(route: &Route, in_flight: &[(&str, u64)], removed: bool) -> RouteStatus {
    let upstream = |(id, in_flight): &(&str, u64)| UpstreamStatus {
        id: (*id).to_owned(),
        address: "10.0.0.1:80".parse().unwrap(),
        weight: 1,
        draining: false,
        in_flight: *in_flight,
        requests: 10,
        failed: 1,
    };
    RouteStatus {
        owner: OWNER.to_owned(),
        name: route.name.clone(),
        listen: route.listen,
        hosts: vec![],
        path: None,
        removed,
        holding: route.holding,
        waiting: 2,
        upstreams: in_flight.iter().map(upstream).collect(),
    }
}

fn book(route: Route) -> Book {
    let failing = BTreeSet::from(["web".to_owned()]);
    Book {
        owners: BTreeMap::from([(OWNER.to_owned(), Page { mark: Some("m".to_owned()), routes: vec![route], failing })]),
        ..Book::default()
    }
}

fn container(status: &v1::ProxyStatus, id: &str) -> v1::ProxyContainer {
    status.owners[0].containers.iter().find(|container| container.container == id).unwrap().clone()
}

#[test]
fn what_older_workers_have_under_way_counts_too() {
    let route = route(&[("new", 1), ("old", 0)], false);
    let counted = Status { routes: vec![counted(&route, &[("new", 3), ("old", 1)], false)], connections: 9 };
    let elsewhere =
        Counts::from([((OWNER.to_owned(), "old".to_owned()), 5), (("default/blog".to_owned(), "b".to_owned()), 7)]);
    let status = status(&book(route), &counted, &elsewhere, Some(OWNER));
    assert_eq!((status.owners.len(), status.connections), (1, 9));
    assert_eq!(status.owners[0].routes[0].containers, ["new"]);
    assert_eq!((status.owners[0].routes[0].waiting, status.owners[0].routes[0].failing), (2, true));
    assert_eq!((container(&status, "new").in_flight, container(&status, "new").draining), (3, false));
    assert_eq!((container(&status, "old").in_flight, container(&status, "old").draining), (6, true));
}

#[test]
fn a_container_drains_while_its_route_is_holding() {
    let route = route(&[("only", 1)], true);
    let counted = Status { routes: vec![counted(&route, &[("only", 2)], false)], connections: 0 };
    let status = status(&book(route), &counted, &Counts::new(), None);
    assert_eq!(status.owners[0].routes[0].containers, ["only"], "it is still the one that is routed to");
    assert!(container(&status, "only").draining && status.owners[0].routes[0].holding);
}

#[test]
fn the_weights_are_told_in_the_order_of_the_containers() {
    let route = route(&[("old", 75), ("gone", 0), ("new", 25)], false);
    let status = status(&book(route), &Status::default(), &Counts::new(), None);
    let told = &status.owners[0].routes[0];
    assert_eq!(
        (told.containers.as_slice(), told.weights.as_slice()),
        (&["old".to_owned(), "new".to_owned()][..], &[75, 25][..])
    );
}

#[test]
fn an_app_whose_routes_are_gone_is_told_until_nothing_is_under_way() {
    let route = route(&[("old", 1)], false);
    let counted = Status { routes: vec![counted(&route, &[("old", 2)], true)], connections: 2 };
    let told = status(&Book::default(), &counted, &Counts::new(), None);
    assert_eq!((told.owners[0].mark.as_ref(), told.owners[0].routes.len()), (None, 0));
    assert_eq!(container(&told, "old").in_flight, 2);
    assert!(status(&Book::default(), &Status::default(), &Counts::new(), None).owners.is_empty());
}

#[test]
fn what_is_under_way_at_several_ports_of_a_container_is_one_count() {
    let route = route(&[("c", 1)], false);
    let twice = Status {
        routes: vec![counted(&route, &[("c", 2)], false), counted(&route, &[("c", 3)], true)],
        connections: 0,
    };
    assert_eq!(under_way(&twice), Counts::from([((OWNER.to_owned(), "c".to_owned()), 5)]));
}
