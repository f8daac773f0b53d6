//! What goes over the wire comes back as it was; what can't be is refused by its field's name.

use std::collections::BTreeMap;

use evenkeel_model::*;

use super::*;

fn key() -> AppKey {
    AppKey { environment: EnvironmentName::default(), app: "shop".parse().unwrap() }
}

fn version() -> Version {
    Version { epoch: Epoch(7), generation: Generation(3) }
}

fn assignment() -> Assignment {
    Assignment {
        key: key(),
        version: version(),
        content: Some(Content {
            release: ReleaseNumber(2),
            digest: Digest::of(b"{}"),
            manifest: b"{}".to_vec(),
            services: ["web".parse().unwrap()].into(),
        }),
        phase: Phase::Committed,
        share: Share::try_from(25).unwrap(),
        terms: Terms {
            health_deadline: Millis(1_500),
            pull_deadline: Millis::minutes(10),
            orphan_after: Millis::seconds(90),
            keep_blue: Millis::minutes(30),
        },
    }
}

fn failure() -> Failure {
    Failure {
        kind: CauseKind::OutOfMemory,
        service: Some("web".parse().unwrap()),
        message: "it was killed".to_owned(),
        evidence: Evidence {
            exit_code: Some(137),
            oom_killed: true,
            log: vec!["one".to_owned(), "two".to_owned()],
            probe: Some(ProbeEvidence { request: "GET /".to_owned(), answer: "503".to_owned() }),
            pressure: Some(Pressure { load_hundredths: 1, memory_available: 2, memory_total: 3, disk_available: 4 }),
        },
    }
}

#[test]
fn assignments_survive_the_wire() {
    let there = v1::Assignment::from(&assignment());
    assert_eq!(Assignment::try_from(&there), Ok(assignment()));
}

#[test]
fn reports_survive_the_wire() {
    let service = ServiceReport {
        release: ReleaseNumber(2),
        pin: Digest::of(b"image"),
        image_id: "sha256:1".to_owned(),
        running: true,
        healthy: false,
        restarts: 4,
    };
    let report = AppReport {
        key: key(),
        version: version(),
        release: Some(ReleaseNumber(2)),
        stage: Stage::Reverting,
        share: Share::NONE,
        base: Some(ReleaseNumber(1)),
        healthy: false,
        failure: Some(failure()),
        services: BTreeMap::from([("web".parse().unwrap(), service)]),
        why: "going back".to_owned(),
    };
    let there = v1::AppReport::from(&report);
    let older = v1::AppReport { share: None, ..there.clone() };
    assert_eq!(AppReport::try_from(&older).unwrap().share, Share::ALL);
    assert_eq!(AppReport::try_from(&there), Ok(report));
}

#[test]
fn every_cause_and_refusal_survives_the_wire() {
    for kind in CauseKind::ALL {
        let failure = Failure { kind, ..failure() };
        assert_eq!(Failure::try_from(&v1::Failure::from(&failure)), Ok(failure));
    }
    let refusals = [
        Refusal::Stale { accepted: version() },
        Refusal::Changed,
        Refusal::AlreadyReverted,
        Refusal::AlreadyCommitted,
        Refusal::Malformed { message: "no".to_owned() },
    ];
    for refusal in refusals {
        let refused = RefusedAssignment { key: key(), version: version(), refusal };
        assert_eq!(RefusedAssignment::try_from(&v1::RefusedAssignment::from(&refused)), Ok(refused));
    }
}

#[test]
fn a_newer_agents_cause_is_taken_for_the_releases() {
    let wire = v1::Failure { kind: "eaten_by_a_dog".to_owned(), ..v1::Failure::from(&failure()) };
    assert_eq!(Failure::try_from(&wire).unwrap().kind, CauseKind::Unstartable);
}

#[test]
fn a_field_of_a_newer_version_is_passed_over() {
    use prost::Message as _;
    let wire = v1::Assignment::from(&assignment());
    let mut bytes = wire.encode_to_vec();
    // Field 99, a text: what an assignment may have one minor version from now.
    bytes.extend([0x9a, 0x06, 0x03, b'n', b'e', b'w']);
    assert_eq!(v1::Assignment::decode(bytes.as_slice()), Ok(wire));
}

#[test]
fn who_knows_of_no_share_gives_all_and_keeps_nothing() {
    let wire = v1::Assignment { share: None, keep_blue: None, ..v1::Assignment::from(&assignment()) };
    let read = Assignment::try_from(&wire).unwrap();
    assert_eq!((read.share, read.terms.keep_blue), (Share::ALL, Millis(0)));
}

#[test]
fn a_bad_field_is_named() {
    let good = v1::Assignment::from(&assignment());
    let check = |wire: v1::Assignment, field: &str| assert_eq!(Assignment::try_from(&wire).unwrap_err().field, field);
    check(v1::Assignment { key: None, ..good.clone() }, "key");
    check(v1::Assignment { version: None, ..good.clone() }, "version");
    check(v1::Assignment { phase: 99, ..good.clone() }, "phase");
    check(v1::Assignment { pull_deadline: None, ..good.clone() }, "pull_deadline");
    let negative = prost_types::Duration { seconds: -1, nanos: 0 };
    check(v1::Assignment { orphan_after: Some(negative), ..good.clone() }, "orphan_after");
    check(v1::Assignment { share: Some(101), ..good.clone() }, "share");
    let content = v1::Content { digest: "latest".to_owned(), ..good.content.clone().unwrap() };
    check(v1::Assignment { content: Some(content), ..good }, "content.digest");
}
