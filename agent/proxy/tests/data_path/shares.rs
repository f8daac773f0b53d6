//! Weights and cookies, as clients see them.

use std::collections::BTreeMap;

use evenkeel_proxy::{Kind, Route, Upstream};

use crate::app::App;
use crate::client::{Client, get};
use crate::rig::Rig;

fn weighted(rig: &Rig, upstreams: &[(&str, &App, u32)]) -> Route {
    let upstreams =
        upstreams.iter().map(|(id, app, weight)| Upstream { id: (*id).into(), address: app.address, weight: *weight });
    Route { upstreams: upstreams.collect(), ..rig.http(&[]) }
}

fn sticky(route: Route) -> Route {
    let kind = Kind::Http {
        hosts: vec![],
        path: "/".into(),
        sticky: Some("keel".into()),
        redirect_to_https: false,
        tls: false,
    };
    Route { kind, ..route }
}

#[tokio::test]
async fn ten_thousand_requests_on_one_connection_are_shared_by_weight() {
    let (rig, blue, green) = (Rig::new(), App::named("blue").await, App::named("green").await);
    rig.apply(weighted(&rig, &[("blue", &blue, 95), ("green", &green, 5)]));
    let mut client = Client::http1(rig.listen).await;
    let mut counts = BTreeMap::<String, u32>::new();
    for _ in 0..10_000 {
        *counts.entry(client.get("/").await.body).or_default() += 1;
    }
    assert!(counts["green"].abs_diff(500) <= 100, "{counts:?}");
    let said =
        rig.route().upstreams.into_iter().map(|upstream| (upstream.id, upstream.requests)).collect::<BTreeMap<_, _>>();
    assert_eq!(said, counts.into_iter().map(|(name, count)| (name, u64::from(count))).collect());
}

#[tokio::test]
async fn new_weights_hold_from_the_next_request_on_and_end_nothing() {
    let (rig, blue, green) = (Rig::new(), App::named("blue").await, App::named("green").await);
    for client in [Client::http1(rig.listen).await, Client::http2(rig.listen).await] {
        let mut client = client;
        for (rest, share) in [(99, 1), (75, 25), (1, 99), (90, 10), (100, 0), (0, 100)] {
            rig.apply(weighted(&rig, &[("blue", &blue, rest), ("green", &green, share)]));
            let mut got = 0;
            for _ in 0..500 {
                got += u32::from(client.get("/").await.body == "green");
            }
            assert!(got.abs_diff(share * 5) <= 5 && (share > 0 || got == 0), "{got} of 500 at {share}%");
        }
    }
    assert!(rig.route().upstreams.iter().all(|upstream| upstream.failed == 0));
}

#[tokio::test]
async fn clients_without_a_cookie_are_shared_by_weight_and_those_with_one_stay_while_it_has_any() {
    let (rig, blue, green) = (Rig::new(), App::named("blue").await, App::named("green").await);
    let serve = |rest, share| rig.apply(sticky(weighted(&rig, &[("blue", &blue, rest), ("green", &green, share)])));
    serve(75, 25);
    let mut client = Client::http1(rig.listen).await;
    let (mut share, mut cookie) = (0_u32, String::new());
    for _ in 0..400 {
        let got = client.get("/").await;
        let set = got.header("set-cookie").split(';').next().unwrap().to_owned();
        assert!(set.starts_with("keel="), "each is told where it belongs");
        if got.body == "green" {
            (share, cookie) = (share + 1, set);
        }
    }
    assert!(share.abs_diff(100) <= 5, "{share} of 400");
    let mut again = async || {
        let mut request = get("/");
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        client.got(request).await.body
    };
    for (rest, share, expected) in [(99, 1, "green"), (50, 50, "green"), (100, 0, "blue")] {
        serve(rest, share);
        for _ in 0..20 {
            assert_eq!(again().await, expected, "at {share}%");
        }
    }
}

#[tokio::test]
async fn a_cookie_keeps_a_client_on_its_upstream_until_that_no_longer_serves() {
    let (rig, blue, green) = (Rig::new(), App::named("blue").await, App::named("green").await);
    rig.apply(sticky(weighted(&rig, &[("blue", &blue, 1), ("green", &green, 1)])));
    let mut client = Client::http1(rig.listen).await;
    let first = client.get("/").await;
    let set = first.header("set-cookie").to_owned();
    let cookie = set.strip_suffix("; Path=/; HttpOnly").unwrap().to_owned();
    assert!(cookie.starts_with("keel="), "{set}");
    assert!(!set.contains("blue") && !set.contains("green"), "it does not say which container");
    let mut again = async |cookie: &str| {
        let mut request = get("/");
        request.headers_mut().insert("cookie", format!("x=1; {cookie}").parse().unwrap());
        client.got(request).await
    };
    for _ in 0..10 {
        let got = again(&cookie).await;
        assert_eq!((got.body.as_str(), got.header("set-cookie")), (first.body.as_str(), ""));
    }
    let (blue_weight, green_weight) = if first.body == "blue" { (0, 1) } else { (1, 0) };
    rig.apply(sticky(weighted(&rig, &[("blue", &blue, blue_weight), ("green", &green, green_weight)])));
    let moved = again(&cookie).await;
    assert_ne!(moved.body, first.body);
    assert!(moved.header("set-cookie").starts_with("keel=") && moved.header("set-cookie") != set);
}
