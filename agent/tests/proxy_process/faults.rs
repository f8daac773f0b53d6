//! Workers and parents that die.

use nix::sys::signal::Signal;

use super::flood::Flood;
use super::rig::{Rig, SHOP, free_port, http_route, loop_until, runs, send};
use super::upstream::{Upstream, get};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_under_a_flood_costs_what_was_under_way_and_refuses_nobody() {
    let (mut rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let port = free_port();
    rig.route(SHOP, "m", &[http_route(port, &[("c1", web.address)])]).await;
    let flood = Flood::start(port);
    for _ in 0..4 {
        flood.goes_on(200).await;
        let [worker] = rig.workers()[..] else { panic!("not one worker") };
        send(worker, Signal::SIGKILL);
        loop_until("the worker is gone", || !runs(worker)).await;
    }
    flood.goes_on(200).await;
    let toll = flood.end().await;
    assert_eq!(toll.refused, 0, "{toll:?}");
    assert!(toll.answered >= 1000, "{toll:?}");
    rig.answers().await;
    assert_eq!(rig.owner(SHOP).await.unwrap().mark.as_deref(), Some("m"), "the new worker has the routes by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_that_is_killed_leaves_no_worker_and_no_port_behind() {
    let (mut rig, web) = (Rig::start("drain_on_upgrade = \"1s\"").await, Upstream::http("web").await);
    let port = free_port();
    rig.route(SHOP, "m", &[http_route(port, &[("c1", web.address)])]).await;
    rig.signal(Signal::SIGKILL);
    rig.ended().await;
    loop_until("the worker ends", || !rig.any_worker_runs()).await;
    get(port, "/").await.expect_err("nobody listens");
    rig.restart().await;
    assert_eq!(get(port, "/").await.unwrap().body, "web");
}

/// The shop's file in the state directory.
const PAGE: &str = "routes/default@shop.json";

#[tokio::test(flavor = "multi_thread")]
async fn routes_whose_files_went_missing_are_handed_over_all_the_same() {
    let (mut rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let port = free_port();
    rig.route(SHOP, "m", &[http_route(port, &[("c1", web.address)])]).await;
    std::fs::remove_dir_all(rig.state().join("routes")).unwrap();
    rig.hand_over().await;
    assert_eq!(get(port, "/").await.unwrap().body, "web");
    assert_eq!(rig.owner(SHOP).await.unwrap().mark.as_deref(), Some("m"));
    assert!(rig.state().join(PAGE).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_kept_aside_and_the_proxy_starts_empty() {
    let (mut rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let port = free_port();
    let routes = [http_route(port, &[("c1", web.address)])];
    rig.route(SHOP, "m", &routes).await;
    rig.stop().await;
    let file = rig.state().join(PAGE);
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    rig.restart().await;
    assert_eq!(rig.owner(SHOP).await, None);
    assert_eq!(std::fs::read(file.with_extension("damaged")).unwrap(), &whole[..whole.len() / 2]);
    rig.route(SHOP, "m", &routes).await;
    assert_eq!(get(port, "/").await.unwrap().body, "web");
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_that_cannot_be_stored_are_in_force_without_their_mark_until_they_can() {
    use evenkeel_proto::v1::set_routes_response::Problem;
    let (mut rig, old, new) = (Rig::start("").await, Upstream::http("old").await, Upstream::http("new").await);
    let port = free_port();
    rig.route(SHOP, "old", &[http_route(port, &[("old", old.address)])]).await;
    // A directory in the way of the new file, because root may write everywhere.
    let leader = rig.workers();
    let in_the_way = rig.state().join(format!("{PAGE}.{}.new", leader[0]));
    std::fs::create_dir(&in_the_way).unwrap();
    let routes = [http_route(port, &[("new", new.address)])];
    let problem = rig.set(SHOP, "new", &routes).await.problem;
    assert!(matches!(problem, Some(Problem::NotDurable(_))), "{problem:?}");
    assert_eq!(rig.owner(SHOP).await.unwrap().mark, None);
    assert_eq!(get(port, "/").await.unwrap().body, "new");
    // A hand-over would bring the old routes back: there is none.
    rig.hand_over().await;
    loop_until("the new worker is gone", || rig.workers() == leader).await;
    assert_eq!(get(port, "/").await.unwrap().body, "new");
    std::fs::remove_dir(&in_the_way).unwrap();
    rig.route(SHOP, "new", &routes).await;
    assert_eq!(rig.owner(SHOP).await.unwrap().mark.as_deref(), Some("new"));
    rig.hand_over().await;
    assert_eq!(get(port, "/").await.unwrap().body, "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_lost_over_a_restart_keeps_no_other_closed() {
    let (mut rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let (port, other) = (free_port(), free_port());
    let routes = [port, other].map(|listen| http_route(listen, &[("c1", web.address)]));
    rig.route(SHOP, "m", &routes).await;
    rig.stop().await;
    let holder = std::net::TcpListener::bind(other).unwrap();
    rig.restart().await;
    assert_eq!(get(port, "/").await.unwrap().body, "web");
    assert_eq!(rig.owner(SHOP).await.unwrap().mark, None, "not all of it is in force");
    drop(holder);
    rig.route(SHOP, "m", &routes).await;
    assert_eq!(get(other, "/").await.unwrap().body, "web");
}
