//! Tokens, joins, removals, labels, operators.

use std::collections::BTreeSet;

use evenkeel_certs::Identity;
use evenkeel_model::{Digest, EnvironmentName};

use super::*;
use crate::store::{Operator, Role, Token};

/// When the certificates of these tests end.
const EXPIRES: UnixMillis = UnixMillis(1_800_000_000_000);

pub(super) fn token(secret: &str) -> Token {
    Token {
        digest: Digest::of(secret.as_bytes()),
        labels: [("role".to_owned(), "web".to_owned())].into(),
        environment: EnvironmentName::default(),
        host: None,
        expires: UnixMillis(1_700_003_600_000),
        used: None,
    }
}

pub(super) fn join(secret: &str, number: u32) -> Join {
    let key = Digest::of(format!("key of {number}").as_bytes());
    Join { secret: Digest::of(secret.as_bytes()), host: host_id(number), key, certificate_expires: EXPIRES }
}

fn identity(number: u32) -> Identity {
    format!("spiffe://prod/host/h{number}").parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_token_lets_one_host_in_once_and_the_same_host_may_ask_again() {
    let mut world = World::with_hosts(0).await;
    world.handle().create_token(token("a")).await.unwrap();
    let grant = world.handle().join(join("a", 1)).await.unwrap();
    assert_eq!((grant.environment.as_str(), grant.labels["role"].as_str()), ("default", "web"));
    // The answer was lost, and the coordinator started again: the same host with the same key gets it once more.
    world.restart().await;
    assert_eq!(world.handle().join(join("a", 1)).await, Ok(grant));
    let other_key = Join { key: Digest::of(b"other"), ..join("a", 1) };
    for used in [other_key, join("a", 2)] {
        let error = world.handle().join(used).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the join token was used by h1 at 2023-11-14 22:13:20 UTC; each is good once, make a new one"
        );
    }
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(matches!(world.handle().join(join("a", 1)).await, Err(JoinError::Used { .. })));
    assert_eq!(world.stored().await.hosts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn unknown_expired_and_bound_tokens_and_taken_ids_are_refused() {
    let world = World::with_hosts(1).await;
    let handle = world.handle();
    handle.create_token(Token { host: Some(host_id(7)), ..token("bound") }).await.unwrap();
    handle.create_token(token("free")).await.unwrap();
    assert_eq!(handle.join(join("unknown", 2)).await, Err(JoinError::Unknown));
    assert_eq!(handle.join(join("bound", 2)).await, Err(JoinError::Bound { to: host_id(7) }));
    assert_eq!(handle.join(join("free", 1)).await, Err(JoinError::Taken { host: host_id(1) }));
    tokio::time::sleep(Duration::from_hours(1)).await;
    let expired = handle.join(join("free", 2)).await.unwrap_err();
    assert_eq!(expired.to_string(), "the join token expired at 2023-11-14 23:13:20 UTC; make a new one");
    // Long after its end it is forgotten, when the next one is made.
    tokio::time::sleep(Duration::from_hours(8 * 24)).await;
    handle.create_token(token("next")).await.unwrap();
    assert_eq!(handle.join(join("free", 2)).await, Err(JoinError::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_not_used_up_by_a_join_that_could_not_be_stored() {
    let world = World::with_hosts(0).await;
    world.handle().create_token(token("a")).await.unwrap();
    world.store.fail(true);
    assert_eq!(world.handle().join(join("a", 1)).await, Err(JoinError::Unavailable(Unavailable)));
    assert!(world.handle().hosts(None).await.unwrap().is_empty());
    world.store.fail(false);
    assert!(world.handle().join(join("a", 2)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_removed_host_is_refused_its_stream_ends_and_its_id_is_free_again() {
    let world = World::with_hosts(2).await;
    let agents = world.agents(1..=2);
    world.deployed(1).await;
    let handle = world.handle();
    let old_certificate = UnixMillis(7_000);
    assert_eq!(handle.identify(&identity(1), old_certificate).await, Ok(Some(Known::Host(host_id(1)))));
    handle.remove_host(host_id(1)).await.unwrap();
    let told = agents[0].assignments().len();
    let refused = handle.identify(&identity(1), old_certificate).await.unwrap_err();
    assert!(matches!(refused, MemberError::Removed { .. }), "{refused}");
    assert!(handle.connect(host_id(1), Epoch(0), HostFacts::default()).await.is_err());
    assert!(matches!(handle.remove_host(host_id(1)).await, Err(MemberError::Removed { .. })));

    // The machine joins again with its old ledger: what it is ordered now outranks all that it has accepted.
    let before = agents[0].last().version;
    handle.create_token(token("again")).await.unwrap();
    handle.join(join("again", 1)).await.unwrap();
    until("it is ordered anew", async || (agents[0].assignments().len() > told).then_some(())).await;
    assert!(agents[0].last().version > before);
    assert_eq!(handle.identify(&identity(1), EXPIRES).await, Ok(Some(Known::Host(host_id(1)))));
    let earlier = handle.identify(&identity(1), old_certificate).await.unwrap_err();
    assert_eq!(earlier.to_string(), "the certificate was made for an earlier host h1");
}

#[tokio::test(start_paused = true)]
async fn the_certificate_of_a_removed_host_is_told_apart_however_soon_and_under_whatever_lifetime_it_joins_again() {
    let world = World::with_hosts(1).await;
    let handle = world.handle();
    // Renewed under a longer lifetime than is configured when the next one joins.
    let old_certificate = EXPIRES + Millis::minutes(60 * 24);
    handle.renewed(host_id(1), old_certificate).await.unwrap();
    handle.renewed(host_id(1), EXPIRES).await.unwrap();
    handle.remove_host(host_id(1)).await.unwrap();
    handle.create_token(token("again")).await.unwrap();
    let grant = handle.join(join("again", 1)).await.unwrap();
    let earlier = handle.identify(&identity(1), old_certificate).await;
    assert!(matches!(earlier, Err(MemberError::Earlier(_))), "{earlier:?}");
    assert_eq!(handle.identify(&identity(1), grant.certificate_expires).await, Ok(Some(Known::Host(host_id(1)))));
    // So is one that was handed out to somebody who asked again.
    assert_eq!(handle.join(join("again", 1)).await, Ok(grant));
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_could_not_be_stored_leaves_the_host_in_the_fleet() {
    let world = World::with_hosts(1).await;
    let _agents = world.agents(1..=1);
    world.deployed(1).await;
    world.store.fail(true);
    assert!(world.handle().remove_host(host_id(1)).await.is_err());
    world.store.fail(false);
    until("it has reported again", async || {
        let host = world.handle().host(host_id(1)).await.unwrap();
        (host.contact == "live" && host.apps.iter().any(|app| app.healthy)).then_some(())
    })
    .await;
    assert_eq!(world.deployed(2).await.outcome(), Some(Outcome::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn labels_are_set_and_taken_away() {
    let world = World::with_hosts(1).await;
    let set = [("zone".to_owned(), "a".to_owned())].into();
    let host = world.handle().label_host(host_id(1), set, BTreeSet::from(["role".to_owned()])).await.unwrap();
    assert_eq!(host.labels.into_iter().collect::<Vec<_>>(), [("zone".to_owned(), "a".to_owned())]);
    let unknown = world.handle().label_host(host_id(9), BTreeMap::new(), BTreeSet::new()).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no host h9");
}

#[tokio::test(start_paused = true)]
async fn an_operator_is_known_by_role_until_it_is_removed() {
    let world = World::with_hosts(0).await;
    let (handle, ada) = (world.handle(), "spiffe://prod/operator/ada".parse().unwrap());
    let operator = Operator { name: "ada".parse().unwrap(), role: Role::Deployer, certificate_expires: EXPIRES };
    assert!(matches!(handle.identify(&ada, EXPIRES).await, Err(MemberError::Unknown(_))));
    handle.put_operator(operator.clone()).await.unwrap();
    let known = Known::Operator { name: operator.name.clone(), role: Role::Deployer };
    assert_eq!(handle.identify(&ada, EXPIRES).await, Ok(Some(known)));
    handle.remove_operator(operator.name.clone()).await.unwrap();
    assert!(matches!(handle.identify(&ada, EXPIRES).await, Err(MemberError::Removed { .. })));
}
