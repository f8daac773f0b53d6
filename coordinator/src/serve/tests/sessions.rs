//! Agents' streams.

use std::time::Duration;

use evenkeel_certs::{Credentials, KeyAndRequest};
use evenkeel_model::Millis;
use evenkeel_proto::v1::{
    AppKey, AppReport, Assignment, HostView, RemoveHostRequest, RenewCertificateRequest, Report, ShowHostRequest,
    Stage, Version, session_down, session_up,
};
use tonic::Code;

use super::fleet::{Agents, Stream, deploy, soon};
use super::{Fleet, Options};

fn desired(message: session_down::Message) -> Option<Vec<Assignment>> {
    match message {
        session_down::Message::Desired(desired) => Some(desired.assignments),
        _ => None,
    }
}

async fn shown(fleet: &Fleet, host: &str) -> HostView {
    let request = ShowHostRequest { host: host.to_owned() };
    soon(fleet.admin().await.show_host(request)).await.unwrap().into_inner()
}

/// Asks until it is so.
async fn until(fleet: &Fleet, host: &str, is_so: impl Fn(&HostView) -> bool) -> HostView {
    soon(async {
        loop {
            let view = shown(fleet, host).await;
            if is_so(&view) {
                return view;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_stream_begins_with_a_welcome_and_all_that_is_desired_and_goes_on_with_beats() {
    let fleet = Fleet::start().await;
    let mut stream = Stream::open(&mut fleet.agent("web-1").await, "web-1").await.unwrap();
    let Ok(Some(session_down::Message::Welcome(welcome))) = stream.next().await else { panic!("no welcome") };
    assert!(welcome.epoch > 1_700_000_000, "{welcome:?}");
    assert_eq!(welcome.lease.unwrap().seconds, 5);
    assert_eq!(welcome.stats_interval.unwrap().seconds, 10);
    let Ok(Some(session_down::Message::Desired(first))) = stream.next().await else { panic!("no desired state") };
    assert!(first.assignments.is_empty());
    for _ in 0..3 {
        assert!(matches!(stream.next().await, Ok(Some(session_down::Message::Beat(_)))));
    }
    assert_eq!(shown(&fleet, "web-1").await.contact, "live");
}

#[tokio::test]
async fn a_host_that_closes_its_stream_is_silent_at_once() {
    let fleet = Fleet::start().await;
    let mut agents = fleet.agent("web-1").await;
    let stream = Stream::open(&mut agents, "web-1").await.unwrap();
    until(&fleet, "web-1", |view| view.contact == "live").await;
    drop(stream);
    until(&fleet, "web-1", |view| view.contact == "silent").await;
}

#[tokio::test]
async fn an_agent_that_speaks_for_another_host_is_refused() {
    let fleet = Fleet::start().await;
    fleet.host("web-2").await;
    let mut agents = fleet.agent("web-1").await;
    let refused = Stream::open(&mut agents, "web-2").await.err().expect("it is refused");
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("an agent speaks for its own host alone"), "{refused}");
    assert_eq!(shown(&fleet, "web-2").await.contact, "silent");
}

#[tokio::test]
async fn a_stream_that_does_not_begin_with_hello_is_refused() {
    let fleet = Fleet::start().await;
    let mut agents = fleet.agent("web-1").await;
    let beat = evenkeel_proto::v1::SessionUp { message: Some(session_up::Message::Beat(evenkeel_proto::v1::Beat {})) };
    let refused = soon(agents.session(tokio_stream::iter([beat]))).await.expect_err("it is refused");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("a session begins with hello"), "{refused}");
}

#[tokio::test]
async fn a_second_stream_of_a_host_ends_the_first() {
    let fleet = Fleet::start().await;
    let mut agents = fleet.agent("web-1").await;
    let first = Stream::open(&mut agents, "web-1").await.unwrap();
    let mut second = Stream::open(&mut agents, "web-1").await.unwrap();
    let end = first.end().await.expect("it says why");
    assert_eq!(end.code(), Code::Aborted, "{end}");
    assert!(second.find(desired).await.is_empty());
    assert_eq!(shown(&fleet, "web-1").await.contact, "live");
}

#[tokio::test]
async fn a_removed_hosts_stream_ends_and_its_certificate_is_refused() {
    let fleet = Fleet::start().await;
    let credentials = fleet.host("web-1").await;
    let mut agents = Agents::new(fleet.channel(credentials.clone()).await.unwrap());
    let stream = Stream::open(&mut agents, "web-1").await.unwrap();
    soon(fleet.admin().await.remove_host(RemoveHostRequest { host: "web-1".to_owned() })).await.unwrap();
    let end = stream.end().await.expect("it says why");
    assert_eq!(end.code(), Code::PermissionDenied, "{end}");
    assert!(end.message().contains("was removed"), "{end}");

    let mut again = Agents::new(fleet.channel(credentials).await.unwrap());
    for agents in [&mut agents, &mut again] {
        let refused = Stream::open(agents, "web-1").await.err().expect("it is refused");
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
        assert!(refused.message().contains("was removed"), "{refused}");
    }
    // One that joins under the same id is another one: the certificate of the first is still refused.
    fleet.options.clock.ahead(Millis::minutes(1));
    fleet.host("web-1").await;
    let refused = Stream::open(&mut again, "web-1").await.err().expect("it is refused");
    assert!(refused.message().contains("an earlier host web-1"), "{refused}");
}

#[tokio::test]
async fn what_is_desired_comes_when_it_changes_and_reports_count_for_their_own_host_alone() {
    let fleet = Fleet::start().await;
    let (mut one, mut two) = (fleet.agent("web-1").await, fleet.agent("web-2").await);
    let mut first = Stream::open(&mut one, "web-1").await.unwrap();
    let second = Stream::open(&mut two, "web-2").await.unwrap();
    assert!(first.find(desired).await.is_empty());
    until(&fleet, "web-2", |view| view.contact == "live").await;
    soon(fleet.admin().await.deploy(deploy("r.example/shop:1"))).await.unwrap();
    let assignments = first.find(|message| desired(message).filter(|all| !all.is_empty())).await;
    let key = AppKey { environment: "default".to_owned(), app: "shop".to_owned() };
    assert_eq!(assignments[0].key.as_ref(), Some(&key));

    let good = AppReport {
        key: Some(key),
        version: assignments[0].version,
        release: Some(1),
        stage: Stage::Working.into(),
        why: "pulling".to_owned(),
        ..AppReport::default()
    };
    // A newer agent's word, and nonsense: they are left out, and the rest counts.
    let unknown_stage = AppReport { stage: 77, version: Some(Version::default()), ..good.clone() };
    let nameless = AppReport { key: None, ..good.clone() };
    first
        .say(session_up::Message::Report(Report {
            apps: vec![nameless, unknown_stage, good],
            refused: Vec::new(),
            prefetch: vec![evenkeel_proto::v1::PrefetchReport::default()],
        }))
        .await;
    let view = until(&fleet, "web-1", |view| view.apps.iter().any(|app| !app.stage.is_empty())).await;
    assert_eq!((view.apps[0].stage.as_str(), view.apps[0].why.as_str()), ("working", "pulling"));
    assert!(shown(&fleet, "web-2").await.apps.iter().all(|app| app.stage.is_empty()));
    drop(second);
}

/// Hosts' certificates live as long as this in the tests below, that wait for their end.
const SHORT: Millis = Millis::seconds(3);

async fn short_lived() -> Fleet {
    let options = Options::default();
    let terms = crate::config::SessionTerms { certificate: SHORT, ..options.terms };
    Fleet::start_with(Options { terms, ..options }).await
}

#[tokio::test]
async fn a_stream_ends_with_the_hosts_certificate() {
    let fleet = short_lived().await;
    let credentials = fleet.host("web-1").await;
    let ends = credentials.not_after();
    let mut agents = Agents::new(fleet.channel(credentials).await.unwrap());
    let stream = Stream::open(&mut agents, "web-1").await.unwrap();
    let end = stream.end().await.expect("it says why");
    assert!(fleet.time().now() > ends);
    assert_eq!(end.code(), Code::Unauthenticated, "{end}");
    assert!(end.message().contains("the certificate expired at"), "{end}");
    let refused = soon(agents.renew_certificate(RenewCertificateRequest::default())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
}

#[tokio::test]
async fn a_stream_outlives_a_certificate_that_was_renewed_over_its_connection() {
    let fleet = short_lived().await;
    let credentials = fleet.host("web-1").await;
    let mut agents = Agents::new(fleet.channel(credentials.clone()).await.unwrap());
    let mut stream = Stream::open(&mut agents, "web-1").await.unwrap();
    let half = credentials.not_after().since(fleet.time().now()).0 / 2;
    let waited = tokio::time::timeout(Duration::from_millis(half), stream.find(|_| None::<()>)).await;
    assert!(waited.is_err());
    let fresh = KeyAndRequest::generate().unwrap();
    let request = RenewCertificateRequest { certificate_request: fresh.request_pem().to_owned() };
    let renewed = soon(agents.renew_certificate(request)).await.unwrap().into_inner().certificate;
    let renewed = Credentials::new(&renewed, fresh.key_pem(), credentials.authority_pem()).unwrap();
    assert!(renewed.not_after() > credentials.not_after());
    assert_eq!(renewed.identity(), credentials.identity());
    assert_eq!(shown(&fleet, "web-1").await.certificate_expires, renewed.not_after().0);
    // Beats go on when the first certificate has ended, until the second has.
    let first_ends = credentials.not_after();
    let time = fleet.time();
    stream.find(|_| (time.now() > first_ends).then_some(())).await;
    let end = stream.end().await.expect("it says why");
    assert!(fleet.time().now() > renewed.not_after());
    assert_eq!(end.code(), Code::Unauthenticated, "{end}");
}

#[tokio::test]
async fn a_request_for_a_certificate_that_is_none_is_refused() {
    let fleet = Fleet::start().await;
    let mut agents = fleet.agent("web-1").await;
    let refused = soon(agents.renew_certificate(RenewCertificateRequest::default())).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("certificate_request: "), "{refused}");
}
