//! Who is heard, by which certificate.

use evenkeel_certs::{Authority, Identity};
use evenkeel_model::Millis;
use evenkeel_proto::v1::{
    CreateTokenRequest, ListHostsRequest, RemoveHostRequest, RenewCertificateRequest, RollbackRequest,
};
use tonic::{Code, Status};

use super::fleet::{Agents, Operators, Stream, books, deploy, soon};
use super::{Fleet, Options};

async fn list(operators: &mut Operators) -> Result<usize, Status> {
    Ok(soon(operators.list_hosts(ListHostsRequest::default())).await?.into_inner().hosts.len())
}

#[tokio::test]
async fn without_a_certificate_only_enrolment_answers() {
    let fleet = Fleet::start().await;
    let fingerprint = fleet.authority().await.fingerprint().clone();
    let refused = list(&mut Operators::new(fleet.stranger(fingerprint.clone()).await.unwrap())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    assert!(refused.message().contains("a certificate of the fleet is needed"), "{refused}");
    let mut agents = Agents::new(fleet.stranger(fingerprint).await.unwrap());
    let refused = Stream::open(&mut agents, "web-1").await.err().expect("it is refused");
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_even_for_the_same_fleet() {
    let fleet = Fleet::start().await;
    fleet.admin_credentials().await;
    for name in ["prod", "other"] {
        let other = Authority::create(&name.parse().unwrap(), fleet.time().now()).unwrap();
        let identity = Identity::Operator { fleet: name.parse().unwrap(), operator: "admin".parse().unwrap() };
        let credentials = other.issue(&identity, Millis::minutes(60), fleet.time().now()).unwrap();
        let heard = match fleet.channel(credentials).await {
            Ok(channel) => list(&mut Operators::new(channel)).await.is_ok(),
            Err(_) => false,
        };
        assert!(!heard, "fleet {name}");
    }
    assert_eq!(list(&mut fleet.admin().await).await.unwrap(), 0);
}

#[tokio::test]
async fn a_certificate_that_the_books_do_not_know_is_refused() {
    let fleet = Fleet::start().await;
    let refused = list(&mut fleet.operator("mallory").await).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    assert!(refused.message().contains("mallory"), "{refused}");
}

#[tokio::test]
async fn hosts_and_operators_can_not_call_each_others_rpcs() {
    let fleet = Fleet::start().await;
    let channel = fleet.channel(fleet.host("web-1").await).await.unwrap();
    let refused = list(&mut Operators::new(channel)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    assert!(refused.message().contains("for operators alone"), "{refused}");

    let channel = fleet.channel(fleet.admin_credentials().await).await.unwrap();
    let refused = Stream::open(&mut Agents::new(channel.clone()), "web-1").await.err().expect("it is refused");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    let renewal = RenewCertificateRequest::default();
    let refused = soon(Agents::new(channel).renew_certificate(renewal)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
}

#[tokio::test]
async fn each_role_may_do_what_it_is_for_and_no_more() {
    let fleet = Fleet::start_with(Options { store: books().await, ..Options::default() }).await;
    let (mut viewer, mut deployer, mut admin) =
        (fleet.operator("viewer").await, fleet.operator("deployer").await, fleet.operator("admin2").await);
    for operators in [&mut viewer, &mut deployer, &mut admin] {
        assert_eq!(list(operators).await.unwrap(), 0);
    }
    let denied = |status: Status| {
        assert_eq!(status.code(), Code::PermissionDenied, "{status}");
        status.message().to_owned()
    };
    let words = denied(soon(viewer.deploy(deploy("r.example/shop:1"))).await.unwrap_err());
    assert_eq!(words, "operator viewer is viewer, and this needs the role deployer: ask an admin");
    denied(soon(viewer.rollback(RollbackRequest::default())).await.unwrap_err());
    denied(soon(viewer.create_token(CreateTokenRequest::default())).await.unwrap_err());
    denied(soon(deployer.create_token(CreateTokenRequest::default())).await.unwrap_err());
    denied(soon(deployer.remove_host(RemoveHostRequest { host: "web-1".to_owned() })).await.unwrap_err());
    // These are let through, and refused for what they are.
    let status = soon(deployer.deploy(deploy("r.example/shop:1"))).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    let status = soon(admin.remove_host(RemoveHostRequest { host: "web-1".to_owned() })).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status}");
}

#[tokio::test]
async fn an_rpc_that_is_not_listed_is_denied_even_to_an_admin() {
    let fleet = Fleet::start().await;
    let channel = fleet.channel(fleet.admin_credentials().await).await.unwrap();
    let request = http::Request::post("/evenkeel.v1.OperatorService/Destroy")
        .header("content-type", "application/grpc")
        .body(tonic::body::Body::empty())
        .unwrap();
    let answer = soon(tower::ServiceExt::oneshot(channel, request)).await.unwrap();
    let status = Status::from_header_map(answer.headers()).unwrap();
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
}
