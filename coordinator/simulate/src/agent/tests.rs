//! An agent's answers to orders, and its way through them.

use super::*;

const OLD: ReleaseNumber = ReleaseNumber(1);
const NEW: ReleaseNumber = ReleaseNumber(2);

fn order(generation: u64, release: Option<ReleaseNumber>, phase: Phase) -> Order {
    Order { generation: Generation(generation), release, phase, share: Share::ALL }
}

/// Ordered the new release, and gone so far with it.
fn on_the_way(to: Stage) -> Agent {
    let mut agent = Agent::with(Some(OLD));
    assert_eq!(agent.accept(order(2, Some(NEW), Phase::Trial)), Ok(true));
    while agent.stage != to {
        if agent.stage == Stage::Trial {
            assert_eq!(agent.accept(order(2, Some(NEW), Phase::Committed)), Ok(false));
        }
        let task = agent.task(NEW).expect("it has something to do");
        agent.finish(task);
    }
    agent
}

#[test]
fn a_release_is_pulled_started_and_committed() {
    let mut agent = on_the_way(Stage::Working);
    assert_eq!((agent.task(NEW), agent.serves()), (Some(Task::Pull), None));
    agent.finish(Task::Pull);
    assert_eq!(agent.task(NEW), Some(Task::Start));
    agent.finish(Task::Start);
    assert_eq!((agent.stage, agent.base, agent.task(NEW), agent.serves()), (Stage::Trial, Some(OLD), None, Some(NEW)));
    agent.accept(order(2, Some(NEW), Phase::Committed)).unwrap();
    assert_eq!(agent.task(NEW), Some(Task::Commit));
    agent.finish(Task::Commit);
    assert_eq!((agent.stage, agent.base, agent.task(NEW)), (Stage::Committed, Some(NEW), None));
}

#[test]
fn shares_rise_step_by_step_and_nothing_is_served_at_none() {
    let mut agent = Agent::with(Some(OLD));
    let staged = Order { share: Share::NONE, ..order(2, Some(NEW), Phase::Trial) };
    agent.accept(staged).unwrap();
    agent.has_image = true;
    agent.finish(Task::Start);
    assert_eq!((agent.stage, agent.serves(), agent.task(NEW)), (Stage::Trial, None, None));
    agent.accept(Order { share: Share::ALL, ..staged }).unwrap();
    assert_eq!(agent.task(NEW), Some(Task::Shift));
    agent.finish(Task::Shift);
    assert_eq!((agent.serves(), agent.task(NEW)), (Some(NEW), None));
}

#[test]
fn a_failure_and_a_withdrawal_go_back_to_the_base() {
    for stage in [Stage::Working, Stage::Trial] {
        let mut failed = on_the_way(stage);
        failed.fail(Failure::plain(CauseKind::Exited, "it ended"));
        let mut withdrawn = on_the_way(stage);
        withdrawn.accept(order(2, Some(NEW), Phase::Withdrawn)).unwrap();
        for mut agent in [failed, withdrawn] {
            assert_eq!((agent.stage, agent.task(NEW)), (Stage::Reverting, Some(Task::GoBack)));
            agent.finish(Task::GoBack);
            assert_eq!((agent.stage, agent.base, agent.serves()), (Stage::Reverted, Some(OLD), None));
        }
    }
}

#[test]
fn what_comes_too_late_is_refused() {
    let mut committed = on_the_way(Stage::Committed);
    assert_eq!(committed.accept(order(2, Some(NEW), Phase::Withdrawn)), Err(Refusal::AlreadyCommitted));
    assert!(matches!(committed.accept(order(1, Some(OLD), Phase::Trial)), Err(Refusal::Stale { .. })));
    let mut reverted = on_the_way(Stage::Trial);
    reverted.fail(Failure::plain(CauseKind::Unhealthy, "it turned"));
    assert_eq!(reverted.accept(order(2, Some(NEW), Phase::Committed)), Err(Refusal::AlreadyReverted));
    let mut untouched = Agent::with(Some(OLD));
    assert_eq!(untouched.accept(order(2, Some(NEW), Phase::Withdrawn)), Ok(true));
    assert_eq!((untouched.stage, untouched.base), (Stage::Reverted, Some(OLD)));
}

#[test]
fn what_is_committed_stays_and_may_be_unwell() {
    let mut agent = on_the_way(Stage::Committed);
    agent.fail(Failure::plain(CauseKind::Unhealthy, "it turned"));
    assert_eq!((agent.stage, agent.well), (Stage::Committed, false));
    agent.accept(order(3, Some(OLD), Phase::Trial)).unwrap();
    assert_eq!((agent.well, agent.task(NEW)), (true, Some(Task::Start)), "the release before is still there");
    agent.accept(order(4, None, Phase::Committed)).unwrap();
    agent.finish(agent.task(NEW).unwrap());
    assert_eq!((agent.stage, agent.base), (Stage::Committed, None));
}
