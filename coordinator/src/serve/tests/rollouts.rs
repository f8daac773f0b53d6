//! Deploys over the wire. What the planner does with them is tested beside it.

use evenkeel_model::Digest;
use evenkeel_proto::v1::{
    AbortRolloutRequest, DeployRequest, ListReleasesRequest, ListRolloutsRequest, RollbackRequest, ShowRolloutRequest,
    StatusRequest,
};
use tonic::Code;

use super::Fleet;
use super::fleet::{Operators, deploy, soon};

async fn nothing_was_begun(operators: &mut Operators) {
    let rollouts = soon(operators.list_rollouts(ListRolloutsRequest::default())).await.unwrap().into_inner().rollouts;
    let releases = soon(operators.list_releases(ListReleasesRequest::default())).await.unwrap().into_inner().releases;
    assert_eq!((rollouts.len(), releases.len()), (0, 0));
}

#[tokio::test]
async fn images_that_can_not_be_pinned_refuse_the_deploy_and_nothing_is_begun() {
    let fleet = Fleet::start().await;
    fleet.host("web-1").await;
    let mut admin = fleet.admin().await;
    for (image, code) in [
        ("r.example/missing:1", Code::NotFound),
        ("r.example/secret:1", Code::PermissionDenied),
        ("r.example/down:1", Code::Unavailable),
    ] {
        for refused in
            [soon(admin.deploy(deploy(image))).await.unwrap_err(), soon(admin.plan(deploy(image))).await.unwrap_err()]
        {
            assert_eq!(refused.code(), code, "{refused}");
            assert!(refused.message().contains(image), "{refused}");
        }
    }
    nothing_was_begun(&mut admin).await;
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused_by_its_field() {
    let fleet = Fleet::start().await;
    let mut admin = fleet.admin().await;
    let id = Digest::of(b"image").to_string();
    for (request, field) in [
        (DeployRequest { specification: b"{}".to_vec(), ..deploy("a") }, "specification: "),
        (DeployRequest { environment: "NO".to_owned(), ..deploy("a") }, "environment: "),
        (DeployRequest { local_images: [("db".to_owned(), id.clone())].into(), ..deploy("a") }, "local_images: "),
        (DeployRequest { local_images: [("web".to_owned(), id)].into(), ..deploy("a") }, "local_images: "),
    ] {
        let refused = soon(admin.deploy(request)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().starts_with(field), "{refused}");
    }
    nothing_was_begun(&mut admin).await;
}

#[tokio::test]
async fn a_deploy_that_matches_no_host_is_refused() {
    let fleet = Fleet::start().await;
    let mut admin = fleet.admin().await;
    let refused = soon(admin.deploy(deploy("r.example/shop:1"))).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    assert!(refused.message().contains("no host of environment default matches"), "{refused}");
    nothing_was_begun(&mut admin).await;
}

#[tokio::test]
async fn a_second_deploy_of_an_app_is_refused_while_the_first_goes_on() {
    let fleet = Fleet::start().await;
    fleet.host("web-1").await;
    let mut admin = fleet.admin().await;
    let planned = soon(admin.plan(deploy("r.example/shop:1"))).await.unwrap().into_inner();
    assert_eq!((planned.to, planned.waves.len()), (1, 1));
    let begun = soon(admin.deploy(deploy("r.example/shop:1"))).await.unwrap().into_inner();
    assert_eq!(begun.notes, ["a note"]);
    let begun = begun.rollout.unwrap();
    assert_eq!((begun.rollout, begun.by.as_str(), begun.hosts.len()), (1, "admin", 1));
    let refused = soon(admin.deploy(deploy("r.example/shop:2"))).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    assert!(refused.message().contains("rollout 1 of default/shop, begun by admin, goes on"), "{refused}");
    let status = soon(admin.status(StatusRequest::default())).await.unwrap().into_inner();
    assert_eq!(status.apps[0].rollout, Some(1));
}

#[tokio::test]
async fn a_watch_shows_the_present_state_then_each_change_and_ends_with_the_outcome() {
    let fleet = Fleet::start().await;
    fleet.host("web-1").await;
    let mut admin = fleet.admin().await;
    let begun = soon(admin.deploy(deploy("r.example/shop:1"))).await.unwrap().into_inner().rollout.unwrap();
    let mut watched = soon(admin.watch_rollout(ShowRolloutRequest::default())).await.unwrap().into_inner();
    let first = soon(watched.message()).await.unwrap().unwrap();
    assert_eq!((first.rollout, first.outcome.as_str()), (begun.rollout, ""));
    let abort = AbortRolloutRequest { app: "shop".to_owned(), ..AbortRolloutRequest::default() };
    soon(admin.abort_rollout(abort)).await.unwrap();
    let mut last = first;
    while let Some(next) = soon(watched.message()).await.unwrap() {
        last = next;
    }
    assert_eq!((last.state.as_str(), last.outcome.as_str()), ("ended", "aborted"));
    // One that has ended already is shown once.
    let request = ShowRolloutRequest { rollout: begun.rollout, ..ShowRolloutRequest::default() };
    let mut again = soon(admin.watch_rollout(request)).await.unwrap().into_inner();
    assert_eq!(soon(again.message()).await.unwrap().unwrap().outcome, "aborted");
    assert!(soon(again.message()).await.unwrap().is_none());
}

#[tokio::test]
async fn the_newest_rollout_is_found_by_app_by_environment_and_in_the_whole_fleet() {
    let fleet = Fleet::start().await;
    fleet.host("web-1").await;
    let mut admin = fleet.admin().await;
    let show = |environment: &str, app: &str| ShowRolloutRequest {
        rollout: 0,
        environment: environment.to_owned(),
        app: app.to_owned(),
    };
    assert_eq!(soon(admin.show_rollout(show("", ""))).await.unwrap_err().code(), Code::NotFound);
    soon(admin.deploy(deploy("r.example/shop:1"))).await.unwrap();
    for request in [show("", ""), show("default", ""), show("", "shop"), show("default", "shop")] {
        assert_eq!(soon(admin.show_rollout(request)).await.unwrap().into_inner().rollout, 1);
    }
    for request in [show("staging", ""), show("", "other"), show("staging", "shop")] {
        assert_eq!(soon(admin.show_rollout(request)).await.unwrap_err().code(), Code::NotFound);
    }
}

#[tokio::test]
async fn a_rollback_of_what_was_never_deployed_is_refused() {
    let fleet = Fleet::start().await;
    let mut admin = fleet.admin().await;
    let request = RollbackRequest { app: "shop".to_owned(), ..RollbackRequest::default() };
    let refused = soon(admin.rollback(request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
}
