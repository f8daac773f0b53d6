//! Ports: who may have them, and that a change is whole or not at all.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use evenkeel_proxy::{
    Alpn, ApplyError, BoundSockets, BoxFuture, Kind, Limits, Names, Proxy, ReadinessRule, Route, Terminate, Terminated,
};
use tokio::net::TcpStream;

use crate::app::App;
use crate::client::{Client, Raw, fetch, get};
use crate::rig::{Rig, nowhere, reserve, soon, until};

fn on(route: Route, owner: &str, listen: SocketAddr, hosts: &[&str], path: &str) -> Route {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    let kind = Kind::Http { hosts, path: path.into(), sticky: None, redirect_to_https: false, tls: false };
    Route { owner: owner.into(), listen, kind, ..route }
}

async fn named(rig: &Rig, host: &str, path: &str) -> String {
    let mut request = get(path);
    request.headers_mut().insert("host", host.parse().unwrap());
    Client::http1(rig.listen).await.got(request).await.body
}

#[tokio::test]
async fn owners_share_a_port_by_host_and_path_and_neither_touches_the_other() {
    let (rig, one, two) = (Rig::new(), App::named("one").await, App::named("two").await);
    let of =
        |owner, app: &App, hosts: &[&str], path| on(rig.http(&[(owner, app.address)]), owner, rig.listen, hosts, path);
    rig.proxy.apply("a", vec![of("a", &one, &["shop.test"], "/")]).unwrap();
    rig.proxy.apply("b", vec![of("b", &two, &["shop.test"], "/api"), of("b", &two, &[], "/")]).unwrap();
    assert_eq!(named(&rig, "shop.test", "/").await, "one");
    assert_eq!(named(&rig, "Shop.Test:80", "/api/x?y").await, "two");
    assert_eq!(named(&rig, "other.test", "/").await, "two");
    let clash = rig.proxy.apply("b", vec![of("b", &two, &["shop.test"], "/")]).unwrap_err();
    assert!(matches!(clash, ApplyError::Clash { owner, .. } if owner == "a"));
    assert_eq!(named(&rig, "shop.test", "/api").await, "two", "what was refused has changed nothing");
    rig.proxy.apply("a", vec![]).unwrap();
    assert_eq!(named(&rig, "shop.test", "/").await, "two");
    rig.proxy.apply("b", vec![of("b", &two, &["shop.test"], "/api")]).unwrap();
    assert_eq!(fetch(rig.listen, "/").await.code(), "no-route");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_and_nothing_has_changed() {
    let (rig, one, two) = (Rig::new(), App::named("one").await, App::named("two").await);
    rig.serve(&[("one", one.address)]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (taken_at, free) = (taken.local_addr().unwrap(), nowhere());
    let two_on = |listen| Route { listen, name: listen.to_string(), ..rig.http(&[("two", two.address)]) };
    let routes = || vec![two_on(rig.listen), two_on(free), two_on(taken_at)];
    let error = rig.proxy.apply("shop", routes()).unwrap_err();
    assert!(matches!(error, ApplyError::PortTaken { address } if address == taken_at), "{error}");
    assert!(error.to_string().starts_with(&format!("{taken_at} is taken")));
    assert_eq!(fetch(rig.listen, "/").await.body, "one");
    assert!(TcpStream::connect(free).await.is_err(), "the other port is closed again");
    assert_eq!(rig.proxy.status().routes.len(), 1);
    drop(taken);
    rig.proxy.apply("shop", routes()).unwrap();
    for listen in [rig.listen, free, taken_at] {
        assert_eq!(fetch(listen, "/").await.body, "two");
    }
}

/// Only one of the two can be had at once, so what is ours makes way; if what was wanted can't be, it is opened again.
#[tokio::test]
async fn a_port_goes_from_one_address_to_all_and_back() {
    let (rig, one, two) = (Rig::new(), App::named("one").await, App::named("two").await);
    let at = nowhere();
    let everywhere = SocketAddr::from(([0, 0, 0, 0], at.port()));
    let of = |app: &App, listen| Route { listen, name: listen.to_string(), ..rig.http(&[("c", app.address)]) };
    rig.proxy.apply("shop", vec![of(&one, at)]).unwrap();
    rig.proxy.apply("shop", vec![of(&two, everywhere)]).unwrap();
    assert_eq!(fetch(at, "/").await.body, "two");
    rig.proxy.apply("shop", vec![of(&one, at)]).unwrap();
    assert_eq!(fetch(at, "/").await.body, "one");
    // Somebody else has the port on another address, so that it can't be had on all.
    let taken = TcpListener::bind(("127.0.0.9", at.port())).unwrap();
    let error = rig.proxy.apply("shop", vec![of(&two, everywhere)]).unwrap_err();
    assert!(matches!(error, ApplyError::PortTaken { address } if address == everywhere), "{error}");
    assert_eq!(fetch(at, "/").await.body, "one");
    drop(taken);
    rig.proxy.apply("shop", vec![of(&two, everywhere)]).unwrap();
    assert_eq!(fetch(at, "/").await.body, "two");
}

#[tokio::test]
async fn a_port_no_route_needs_is_closed_and_what_is_open_ends_with_its_next_answer() {
    let (rig, app) = (Rig::new(), App::named("served").await);
    let (free, kept) = (nowhere(), reserve(&rig.sockets));
    rig.proxy.apply("shop", vec![Route { listen: free, ..rig.http(&[("c1", app.address)]) }]).unwrap();
    let mut client = Client::http1(free).await;
    assert_eq!(client.get("/").await.body, "served");
    for _ in 0..3 {
        rig.proxy.apply("shop", vec![Route { listen: kept, ..rig.http(&[("c1", app.address)]) }]).unwrap();
        assert!(TcpStream::connect(free).await.is_err());
        rig.proxy.apply("shop", vec![Route { listen: free, ..rig.http(&[("c1", app.address)]) }]).unwrap();
        assert_eq!(fetch(free, "/").await.body, "served", "it may be opened again at once");
    }
    let last = client.get("/").await;
    assert_eq!((last.body.as_str(), last.header("connection")), ("served", "close"));
}

#[tokio::test]
async fn one_port_does_not_take_the_connections_of_the_others() {
    let (rig, other) = (Rig::with(Limits { connections: 8, ..Limits::default() }), nowhere());
    let rule = ReadinessRule { path: "/ready".into(), failing: false };
    rig.proxy.set_readiness(other, Some(rule));
    let elsewhere = Route { name: "other".into(), listen: other, ..rig.http(&[]) };
    rig.proxy.apply("shop", vec![rig.http(&[]), elsewhere]).unwrap();
    let mut crowd = vec![];
    for _ in 0..20 {
        crowd.push(Raw::connect(rig.listen).await);
    }
    until("the crowd has what one port may have", || rig.proxy.status().connections == 6).await;
    for _ in 0..3 {
        assert_eq!(fetch(other, "/ready").await.body, "ready\n");
    }
    drop(crowd);
    assert_eq!(fetch(rig.listen, "/").await.code(), "nothing-serves");
}

#[tokio::test]
async fn routes_of_another_owner_and_tls_without_certificates_are_refused() {
    let rig = Rig::new();
    assert!(matches!(rig.proxy.apply("other", vec![rig.http(&[])]), Err(ApplyError::Invalid { .. })));
    let kind = Kind::Http { hosts: vec![], path: "/".into(), sticky: None, redirect_to_https: false, tls: true };
    assert!(matches!(rig.proxy.apply("shop", vec![Route { kind, ..rig.http(&[]) }]), Err(ApplyError::NoTls { .. })));
}

/// TLS as far as the proxy is concerned: bytes change hands, and a protocol was agreed on. Here the bytes stay as they are.
#[derive(Debug)]
struct Unlocked(Alpn);

impl Terminate for Unlocked {
    fn accept(&self, stream: TcpStream) -> BoxFuture<'_, io::Result<Terminated>> {
        let ended = Terminated { stream: Box::new(stream), alpn: self.0, names: Box::new(ForShop) };
        Box::pin(std::future::ready(Ok(ended)))
    }
}

/// The connection is for `shop.test` alone.
#[derive(Debug)]
struct ForShop;

impl Names for ForShop {
    fn are_for(&self, host: &str) -> bool {
        host == "shop.test"
    }
}

#[tokio::test]
async fn a_port_with_tls_is_served_through_the_one_who_ends_it() {
    let app =
        App::http1(
            |request| async move { crate::app::text(request.headers()["x-forwarded-proto"].as_bytes().to_vec()) },
        )
        .await;
    for alpn in [Alpn::H1, Alpn::H2] {
        let sockets = Arc::new(BoundSockets::default());
        let listen = reserve(&sockets);
        let proxy = Proxy::new(sockets, Limits::default(), Some(Arc::new(Unlocked(alpn))));
        let kind = Kind::Http { hosts: vec![], path: "/".into(), sticky: None, redirect_to_https: false, tls: true };
        let route = Route { kind, listen, ..Rig::new().http(&[("c1", app.address)]) };
        proxy.apply("shop", vec![route]).unwrap();
        let mut client = if alpn == Alpn::H2 { Client::http2(listen).await } else { Client::http1(listen).await };
        assert_eq!(client.get("/").await.body, "https");
    }
}

#[tokio::test]
async fn a_connection_is_not_used_for_a_host_that_its_certificate_is_not_for() {
    let (sockets, app) = (Arc::new(BoundSockets::default()), App::named("served").await);
    let listen = reserve(&sockets);
    let proxy = Proxy::new(sockets, Limits::default(), Some(Arc::new(Unlocked(Alpn::H1))));
    let kind = Kind::Http { hosts: vec![], path: "/".into(), sticky: None, redirect_to_https: false, tls: true };
    proxy.apply("shop", vec![Route { kind, listen, ..Rig::new().http(&[("c1", app.address)]) }]).unwrap();
    let mut client = Client::http1(listen).await;
    for (host, status, code) in [("SHOP.test:443", 200, ""), ("other.test", 421, "other-host"), ("shop.test", 200, "")]
    {
        let mut request = get("/");
        request.headers_mut().insert("host", host.parse().unwrap());
        let got = client.got(request).await;
        assert_eq!((got.status.as_u16(), got.code()), (status, code), "{host}");
    }
    let mut raw = Raw::connect(listen).await;
    raw.send("GET / HTTP/1.0\r\n\r\n").await;
    assert!(raw.rest().await.starts_with("HTTP/1.0 200"), "a request that names no host is for that of the connection");
}

#[tokio::test]
async fn the_last_handle_takes_its_ports_and_connections_with_it() {
    let (rig, app) = (Rig::new(), App::named("served").await);
    let free = nowhere();
    rig.proxy.apply("shop", vec![Route { listen: free, ..rig.http(&[("c1", app.address)]) }]).unwrap();
    let mut client = Client::http1(free).await;
    assert_eq!(client.get("/").await.body, "served");
    drop(rig);
    assert!(soon("an end", client.try_send(get("/"))).await.is_err());
    until("the port is free", || TcpListener::bind(free).is_ok()).await;
}

#[test]
fn routes_are_kept_as_json_that_does_not_change() {
    let text = r#"{"owner":"shop","name":"web","listen":"0.0.0.0:80","kind":{"kind":"http","hosts":["shop.test"],"path":"/","sticky":null,"redirect_to_https":false,"tls":false},"upstreams":[{"id":"c0ffee","address":"172.30.0.2:8080","weight":1}],"hold":30000,"holding":false}"#;
    let route: Route = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&route).unwrap(), text);
    let short: Route =
        serde_json::from_str(r#"{"owner":"shop","name":"db","listen":"[::]:5432","kind":{"kind":"tcp"},"hold":0}"#)
            .unwrap();
    assert_eq!((short.kind, short.upstreams.len()), (Kind::Tcp, 0));
}
