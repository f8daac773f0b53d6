//! TCP routes.

use std::net::SocketAddr;

use evenkeel_model::Millis;
use evenkeel_proxy::{Route, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::App;
use crate::client::Raw;
use crate::conversation;
use crate::rig::{Rig, nowhere, rebind, until};

/// Says its name, then sends back what it gets; at the end of that it says goodbye.
async fn talk(mut stream: TcpStream, name: &'static str) {
    let _ = stream.write_all(name.as_bytes()).await;
    let mut bytes = [0; 64];
    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
        let _ = stream.write_all(&bytes[..count]).await;
    }
    let _ = stream.write_all(b"bye.").await;
}

async fn app(name: &'static str) -> App {
    App::raw(move |stream| talk(stream, name)).await
}

async fn open(rig: &Rig) -> Raw {
    Raw::connect(rig.listen).await
}

#[tokio::test]
async fn connections_live_on_across_a_switch_and_new_ones_go_to_the_new() {
    let rig = Rig::new();
    let serve = |upstreams: &[(&'static str, SocketAddr)]| rig.apply(rig.tcp(upstreams));
    conversation::lives_on_across_a_switch(&rig, app("old.").await, app("new.").await, serve, open).await;
}

#[tokio::test]
async fn connections_are_shared_by_weight_and_live_on_when_that_changes() {
    let (rig, old, new) = (Rig::new(), app("old.").await, app("new.").await);
    let serve = |rest, share| {
        let weights = [("old", &old, rest), ("new", &new, share)];
        let upstream = |(id, app, weight): (&str, &App, u32)| Upstream { id: id.into(), address: app.address, weight };
        rig.apply(Route { upstreams: weights.map(upstream).to_vec(), ..rig.tcp(&[]) });
    };
    let mut kept = vec![];
    for (rest, share) in [(75, 25), (98, 2), (50, 50), (100, 0)] {
        serve(rest, share);
        let mut got = 0_u32;
        for number in 0..100 {
            let mut raw = open(&rig).await;
            let greeting = raw.read_until(".").await;
            got += u32::from(greeting.ends_with("new."));
            if number < 5 {
                kept.push(raw);
            }
        }
        assert!(got.abs_diff(share) <= 3 && (share > 0 || got == 0), "{got} of 100 at {share}%");
    }
    for raw in &mut kept {
        raw.send("still here.").await;
        raw.read_until("still here.").await;
    }
}

#[tokio::test]
async fn one_side_may_end_before_the_other() {
    let (rig, app) = (Rig::new(), app("app.").await);
    rig.apply(rig.tcp(&[("c1", app.address)]));
    conversation::may_end_on_one_side_first(&rig, open(&rig).await).await;
}

#[tokio::test]
async fn a_connection_waits_for_an_upstream_that_refuses_and_for_one_to_appear() {
    let (rig, address) = (Rig::new(), nowhere());
    rig.apply(Route { hold: Millis::seconds(30), ..rig.tcp(&[("c1", address)]) });
    let mut first = Raw::connect(rig.listen).await;
    until("it waits", || rig.route().waiting == 1).await;
    let back = App::on(rebind(address).await, |stream| talk(stream, "back."));
    first.read_until("back.").await;
    rig.apply(Route { hold: Millis::seconds(30), ..rig.tcp(&[]) });
    let mut second = Raw::connect(rig.listen).await;
    until("it waits", || rig.route().waiting == 1).await;
    rig.apply(rig.tcp(&[("c2", back.address)]));
    second.read_until("back.").await;
    assert_eq!(rig.route().waiting, 0);
}

#[tokio::test]
async fn another_upstream_is_tried_when_one_refuses() {
    let (rig, app) = (Rig::new(), app("app.").await);
    rig.apply(rig.tcp(&[("gone", nowhere()), ("c1", app.address)]));
    for _ in 0..4 {
        Raw::connect(rig.listen).await.read_until("app.").await;
    }
}

#[tokio::test]
async fn without_an_upstream_and_without_hold_the_connection_is_closed() {
    let rig = Rig::new();
    rig.apply(rig.tcp(&[("gone", nowhere())]));
    assert_eq!(Raw::connect(rig.listen).await.rest().await, "");
    until("it is counted as failed", || rig.upstream("gone").unwrap().failed == 1).await;
}
