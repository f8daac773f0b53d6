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
