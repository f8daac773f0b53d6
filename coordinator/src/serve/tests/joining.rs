//! Who is let in by a join token.

use evenkeel_certs::{Authority, Credentials, JoinToken, KeyAndRequest};
use evenkeel_model::Millis;
use evenkeel_proto::v1::enrolment_service_client::EnrolmentServiceClient;
use evenkeel_proto::v1::{CreateTokenRequest, JoinRequest, ListHostsRequest, ShowHostRequest};
use tonic::Code;

use super::Fleet;
use super::fleet::soon;

fn for_shop() -> CreateTokenRequest {
    CreateTokenRequest {
        labels: [("role".to_owned(), "web".to_owned())].into(),
        environment: "staging".to_owned(),
        ..CreateTokenRequest::default()
    }
}

#[tokio::test]
async fn a_token_lets_in_one_host_which_may_ask_again_with_the_same_key() {
    let fleet = Fleet::start().await;
    let (token, key) = (fleet.token(for_shop()).await, KeyAndRequest::generate().unwrap());
    let joined = fleet.join(&token, "web-1", &key).await.unwrap();
    assert_eq!((joined.fleet.as_str(), joined.environment.as_str()), ("prod", "staging"));
    assert_eq!(joined.labels["role"], "web");
    let credentials = Credentials::new(&joined.certificate, key.key_pem(), &joined.authority).unwrap();
    assert_eq!(credentials.identity().to_string(), "spiffe://prod/host/web-1");

    let again = fleet.join(&token, "web-1", &key).await.unwrap();
    assert_eq!(again.labels, joined.labels);

    let shown = soon(fleet.admin().await.show_host(ShowHostRequest { host: "web-1".to_owned() })).await.unwrap();
    assert_eq!(shown.get_ref().environment, "staging");
    assert_eq!(shown.get_ref().contact, "silent");
}

#[tokio::test]
async fn a_used_token_is_refused() {
    let fleet = Fleet::start().await;
    let (token, key) = (fleet.token(for_shop()).await, KeyAndRequest::generate().unwrap());
    fleet.join(&token, "web-1", &key).await.unwrap();
    for (host, key) in [("web-2", key), ("web-1", KeyAndRequest::generate().unwrap())] {
        let refused = fleet.join(&token, host, &key).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
        assert!(refused.message().contains("was used by web-1"), "{refused}");
    }
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let fleet = Fleet::start().await;
    let token = fleet.token(CreateTokenRequest { lifetime_ms: 60_000, ..for_shop() }).await;
    fleet.options.clock.ahead(Millis::seconds(61));
    let refused = fleet.join(&token, "web-1", &KeyAndRequest::generate().unwrap()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    assert!(refused.message().contains("expired at"), "{refused}");
}

#[tokio::test]
async fn a_foreign_token_is_refused_by_both_sides() {
    let fleet = Fleet::start().await;
    let other = Authority::create(&"prod".parse().unwrap(), fleet.time().now()).unwrap();
    let foreign = JoinToken::generate(other.fingerprint().clone()).unwrap();
    // A host with such a token does not even tell its secret.
    assert!(fleet.stranger(foreign.fingerprint.clone()).await.is_err());
    let smuggled = JoinToken { fingerprint: fleet.authority().await.fingerprint().clone(), secret: foreign.secret };
    let refused = fleet.join(&smuggled, "web-1", &KeyAndRequest::generate().unwrap()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    assert!(refused.message().contains("not known here"), "{refused}");
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_host_lets_in_no_other() {
    let fleet = Fleet::start().await;
    let token = fleet.token(CreateTokenRequest { host: Some("web-1".to_owned()), ..for_shop() }).await;
    let key = KeyAndRequest::generate().unwrap();
    let refused = fleet.join(&token, "web-2", &key).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    assert!(refused.message().contains("web-1 only"), "{refused}");
    // It is still good for whom it was made.
    fleet.join(&token, "web-1", &key).await.unwrap();
}

#[tokio::test]
async fn an_id_that_is_taken_and_a_request_that_is_none_are_refused_and_use_up_nothing() {
    let fleet = Fleet::start().await;
    fleet.host("web-1").await;
    let (token, key) = (fleet.token(for_shop()).await, KeyAndRequest::generate().unwrap());
    assert_eq!(fleet.join(&token, "web-1", &key).await.unwrap_err().code(), Code::AlreadyExists);
    let refused = fleet.join(&token, "Web 2", &key).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("host: "), "{refused}");
    fleet.join(&token, "web-2", &key).await.unwrap();
}

#[tokio::test]
async fn a_token_can_not_ask_for_odd_labels_or_a_long_life() {
    let fleet = Fleet::start().await;
    let mut admin = fleet.admin().await;
    for request in [
        CreateTokenRequest { labels: [("a b".to_owned(), "c".to_owned())].into(), ..for_shop() },
        CreateTokenRequest { labels: [(String::new(), "c".to_owned())].into(), ..for_shop() },
        CreateTokenRequest { lifetime_ms: u64::MAX, ..for_shop() },
        CreateTokenRequest { environment: "No".to_owned(), ..for_shop() },
        CreateTokenRequest { host: Some(String::new()), ..for_shop() },
    ] {
        let refused = soon(admin.create_token(request.clone())).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{request:?}: {refused}");
    }
}

#[tokio::test]
async fn a_stranger_can_not_make_the_coordinator_hold_a_long_request() {
    let fleet = Fleet::start().await;
    let token = fleet.token(for_shop()).await;
    let request = JoinRequest {
        secret: token.secret.expose(),
        host: "web-1".to_owned(),
        certificate_request: "x".repeat(20 * 1024),
    };
    let mut stranger = EnrolmentServiceClient::new(fleet.stranger(token.fingerprint.clone()).await.unwrap());
    let refused = soon(stranger.join(request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    fleet.join(&token, "web-1", &KeyAndRequest::generate().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_list_of_hosts_may_be_longer_than_an_agents_message() {
    let fleet = Fleet::start().await;
    let labels = (0..20_000).map(|number| (format!("{number:063}"), format!("{number:063}"))).collect();
    let request = CreateTokenRequest { labels, ..CreateTokenRequest::default() };
    for host in ["web-1", "web-2"] {
        let token = fleet.token(request.clone()).await;
        fleet.join(&token, host, &KeyAndRequest::generate().unwrap()).await.unwrap();
    }
    let mut admin = fleet.admin().await.max_decoding_message_size(64 << 20);
    let listed = soon(admin.list_hosts(ListHostsRequest::default())).await.unwrap();
    assert_eq!(listed.get_ref().hosts.len(), 2);
}
