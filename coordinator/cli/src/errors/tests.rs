//! What is said when it does not go as asked, and what comes next.

use tonic::Code;

use super::*;

fn of(code: Code, message: &str, asked: Asked) -> CliError {
    CliError::of_status(&Status::new(code, message), None, asked)
}

#[test]
fn the_coordinators_words_come_with_what_to_do_next() {
    for (code, asked, next) in [
        (Code::NotFound, Asked::Deploy, "push the image"),
        (Code::FailedPrecondition, Asked::Deploy, "evenkeel rollouts"),
        (Code::NotFound, Asked::Host, "evenkeel hosts"),
        (Code::NotFound, Asked::Rollback, "evenkeel releases"),
        (Code::NotFound, Asked::Rollout, "evenkeel rollouts"),
        (Code::FailedPrecondition, Asked::Word, "rollout show"),
        (Code::NotFound, Asked::Approve, "evenkeel rollouts"),
        (Code::PermissionDenied, Asked::Approve, "somebody else"),
        (Code::Aborted, Asked::Deploy, "evenkeel plan"),
        (Code::FailedPrecondition, Asked::Deploy, "--supersede"),
        (Code::NotFound, Asked::Freeze, "freeze ls"),
        (Code::NotFound, Asked::Operator, "operator ls"),
        (Code::PermissionDenied, Asked::Token, "role"),
        (Code::PermissionDenied, Asked::Deploy, "registry_config"),
        (Code::Unauthenticated, Asked::Status, "config check --client"),
        (Code::InvalidArgument, Asked::Token, "--help"),
        (Code::Internal, Asked::Status, "log"),
    ] {
        let error = of(code, "image app:2 is not in the registry", asked);
        assert_eq!(error.to_string(), "image app:2 is not in the registry");
        assert!(error.next_step().contains(next), "{code:?} {asked:?}: {}", error.next_step());
    }
}

#[test]
fn a_deploy_without_an_answer_may_have_begun() {
    let mut status = Status::new(Code::Unavailable, "broken pipe");
    status.set_source(std::sync::Arc::new(std::io::Error::from(std::io::ErrorKind::BrokenPipe)));
    let error = CliError::of_status(&status, None, Asked::Deploy);
    assert_eq!(error.to_string(), "the coordinator did not answer: broken pipe");
    assert!(error.next_step().contains("not known"), "{}", error.next_step());
    assert_eq!(error.exit(), Exit::NeedsPerson);
}

#[test]
fn what_was_refused_or_only_asked_has_started_nothing() {
    for (code, asked) in [
        (Code::NotFound, Asked::Deploy),
        (Code::Internal, Asked::Rollback),
        (Code::Cancelled, Asked::Plan),
        (Code::Cancelled, Asked::Status),
    ] {
        assert_eq!(of(code, "x", asked).exit(), Exit::Error, "{code:?} {asked:?}");
    }
}

#[test]
fn a_coordinator_that_says_it_can_not_now_has_answered() {
    let error = of(Code::Unavailable, "nothing was begun: image app:2 can't be looked up", Asked::Deploy);
    assert_eq!(error.to_string(), "nothing was begun: image app:2 can't be looked up");
    assert!(error.next_step().starts_with("try again later"), "{}", error.next_step());
    assert!(error.may_pass());
}

#[test]
fn only_trouble_that_may_pass_is_waited_out() {
    for (code, passes) in [
        (Code::Unavailable, true),
        (Code::Unknown, true),
        (Code::Cancelled, true),
        (Code::Internal, true),
        (Code::NotFound, false),
        (Code::PermissionDenied, false),
        (Code::Unauthenticated, false),
        (Code::Unimplemented, false),
    ] {
        assert_eq!(of(code, "x", Asked::Rollout).may_pass(), passes, "{code:?}");
    }
}

#[test]
fn a_silent_status_still_says_something() {
    assert!(of(Code::Internal, "", Asked::Status).to_string().contains("without a reason"));
    assert_eq!(of(Code::Unavailable, " ", Asked::Status).to_string(), "the coordinator did not answer");
}
