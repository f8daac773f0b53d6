//! Starting, being disturbed, and ending.

use evenkeel_model::Millis;
use evenkeel_proto::v1::{ListHostsRequest, ShowRolloutRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;

use super::fleet::{Stream, deploy, soon};
use super::{Fleet, Options};
use crate::serve::{ADMIN_LIFETIME, AdminFile as _, ServeError};
use crate::store::Store as _;

async fn ask(fleet: &Fleet) -> usize {
    soon(fleet.admin().await.list_hosts(ListHostsRequest::default())).await.unwrap().into_inner().hosts.len()
}

#[tokio::test]
async fn plain_text_and_silent_clients_get_nothing_and_disturb_nobody() {
    let fleet = Fleet::start().await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(fleet.address).await.unwrap());
    }
    let mut plain = TcpStream::connect(fleet.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: coordinator\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // Closed, or reset; and not one byte of HTTP.
    let _ = soon(plain.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(ask(&fleet).await, 0);
    drop(silent);
}

#[tokio::test]
async fn at_the_end_streams_are_told_and_all_is_over_in_time() {
    let fleet = Fleet::start().await;
    let mut agents = fleet.agent("web-1").await;
    let stream = Stream::open(&mut agents, "web-1").await.unwrap();
    let mut admin = fleet.admin().await;
    soon(admin.deploy(deploy("r.example/shop:1"))).await.unwrap();
    let mut watched = soon(admin.watch_rollout(ShowRolloutRequest::default())).await.unwrap().into_inner();
    let (stopped, end) = tokio::join!(fleet.stop(), stream.end());
    stopped.0.unwrap();
    let end = end.expect("it says why");
    assert_eq!(end.code(), Code::Unavailable, "{end}");
    // A watch is not ended as if the rollout had.
    let watched = soon(async {
        loop {
            match watched.message().await {
                Ok(Some(_)) => {}
                other => return other,
            }
        }
    });
    assert_eq!(watched.await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn healthz_says_whether_the_store_answers() {
    let fleet = Fleet::start().await;
    fleet.admin_credentials().await;
    let get = async |path: &str| {
        let mut connection = TcpStream::connect(fleet.health).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(connection.read_to_string(&mut answer)).await.unwrap();
        answer
    };
    let answer = get("/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
    assert!(get("/").await.starts_with("HTTP/1.1 404"));
    fleet.options.store.fail(true);
    let answer = get("/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("the store does not answer\n"), "{answer}");
}

#[tokio::test]
async fn a_fleet_is_founded_once_and_goes_on_after_a_restart() {
    let fleet = Fleet::start().await;
    let credentials = fleet.host("web-1").await;
    let written = fleet.options.admin.read().unwrap();
    let (stopped, options) = fleet.stop().await;
    stopped.unwrap();
    let fleet = Fleet::start_with(options).await;
    assert_eq!(ask(&fleet).await, 1);
    let channel = fleet.channel(credentials).await.unwrap();
    Stream::open(&mut super::fleet::Agents::new(channel), "web-1").await.unwrap();
    // The address differs; certificate and key are the same.
    let again = fleet.options.admin.read().unwrap();
    let pem = |text: &Option<String>| text.as_ref().unwrap().split_once("certificate = ").unwrap().1.to_owned();
    assert_eq!(pem(&written), pem(&again));
}

#[tokio::test]
async fn the_first_operators_file_is_made_anew_past_half_of_its_life_and_the_old_certificate_still_works() {
    let fleet = Fleet::start().await;
    let old = fleet.admin_credentials().await;
    let (stopped, options) = fleet.stop().await;
    stopped.unwrap();
    options.clock.ahead(Millis(ADMIN_LIFETIME.0 / 2 + 1000));
    let fleet = Fleet::start_with(options).await;
    let new = soon(async {
        loop {
            let now = fleet.admin_credentials().await;
            if now.public_key() != old.public_key() {
                return now;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(new.not_after() > old.not_after());
    for credentials in [old, new] {
        let channel = fleet.channel(credentials).await.unwrap();
        soon(super::fleet::Operators::new(channel).list_hosts(ListHostsRequest::default())).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_of_another_fleet_is_refused() {
    let fleet = Fleet::start().await;
    fleet.admin_credentials().await;
    let (stopped, options) = fleet.stop().await;
    stopped.unwrap();
    let before = options.store.load().await.unwrap();
    let fleet = Fleet::start_with(Options { fleet: "other", ..options.clone() }).await;
    let refused = fleet.ended().await.unwrap_err();
    assert!(matches!(refused, ServeError::OtherFleet { .. }), "{refused}");
    assert_eq!(options.store.load().await.unwrap(), before);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_told_and_nothing_is_founded() {
    let options = Options::default();
    options.store.fail(true);
    let refused = Fleet::start_with(options.clone()).await.ended().await.unwrap_err();
    assert!(matches!(refused, ServeError::Store(_)), "{refused}");
    assert!(options.admin.read().unwrap().is_none());
}
