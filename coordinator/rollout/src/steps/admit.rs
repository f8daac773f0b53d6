//! First step: what the covered hosts have said since. Only a live host's own word on its newest order counts.
//! Not here: what follows for the rollout (the later steps).

use evenkeel_model::{CauseKind, Failure, Phase, Refusal, ReleaseNumber, Stage};

use crate::fleet::{Fleet, release_before, release_matches};
use crate::row::{Row, is_healthy, named};
use crate::{Duty, HostProgress, HostState, Rollout, State};

/// What a host's word makes of it.
struct Word {
    state: HostState,
    failure: Option<Failure>,
    obstacle: Option<Failure>,
}

impl Word {
    fn is(state: HostState) -> Self {
        Self { state, failure: None, obstacle: None }
    }

    fn failed(failure: Failure) -> Self {
        Self { state: HostState::Failed, failure: Some(failure), obstacle: None }
    }
}

/// Takes in what was heard of the covered hosts.
pub(crate) fn admit(fleet: &mut Fleet<'_>, rollout: &mut Rollout) {
    let input = fleet.input;
    for row in &mut fleet.rows {
        let Some(mut progress) = row.progress.take() else { continue };
        let word = match progress.state {
            HostState::Waiting | HostState::Returned => None,
            HostState::Failed => refined(row),
            HostState::Returning => {
                let rolling_back = rollout.state == State::RollingBack;
                Some(on_its_way_back(row, release_before(input, rollout, row), rolling_back))
            }
            _ => Some(on_its_way(row, &progress)),
        };
        if let Some(word) = word {
            if progress.state == HostState::Returning && word.state == HostState::Failed && fleet.lost.is_none() {
                fleet.lost = word.failure.as_ref().map(|failure| named(&row.view.host, failure));
            }
            take_in(&mut progress, word, rollout, input.now);
        }
        if leaves(input, rollout, row, progress.state) {
            rollout.dropped.insert(row.view.host.clone());
            row.covered = false;
            continue;
        }
        row.progress = Some(progress);
    }
}

/// Whether a host is the rollout's no longer: one that was not touched and is not matched any more, or is to get nothing new; one that is to be
/// emptied, as soon as nothing is in trial there.
fn leaves(input: &crate::Input<'_>, rollout: &Rollout, row: &Row<'_>, state: HostState) -> bool {
    let is_matched = release_matches(input, rollout.to, row) || release_before(input, rollout, row).is_some();
    match row.view.duty {
        Duty::Active => state == HostState::Waiting && !is_matched,
        Duty::Cordoned => state == HostState::Waiting,
        Duty::Drained => {
            matches!(state, HostState::Waiting | HostState::Committed | HostState::Failed | HostState::Returned)
        }
    }
}

/// A host that was ordered the new release, or told to commit it.
fn on_its_way(row: &Row<'_>, progress: &HostProgress) -> Word {
    if let Some(failure) = refused(row) {
        return Word::failed(failure);
    }
    let is_final = matches!(progress.state, HostState::Committing | HostState::Committed);
    let Some(report) = row.heard().filter(|report| Some(report.version.generation) == progress.generation) else {
        // Not heard is never healthy; what was acknowledged stays acknowledged.
        return Word::is(if is_final { progress.state } else { HostState::Ordered });
    };
    let obstacle = report.failure.clone().filter(|_| !is_healthy(report));
    let state = match report.stage {
        Stage::Reverting | Stage::Reverted => return Word::failed(reason(report.failure.as_ref())),
        Stage::Committed => HostState::Committed,
        Stage::Working | Stage::Trial if is_final => progress.state,
        Stage::Trial if is_healthy(report) && row.has_its_share(report) => HostState::Healthy,
        Stage::Working | Stage::Trial => HostState::Ordered,
    };
    Word { state, failure: None, obstacle }
}

/// A host that was ordered back: by a withdrawal, or by a new order.
fn on_its_way_back(row: &Row<'_>, before: Option<ReleaseNumber>, rolling_back: bool) -> Word {
    let withdrawn = row.last().is_some_and(|last| last.phase == Phase::Withdrawn);
    let report = row.heard();
    // What stood in the way of a trial does not stand in the way of its withdrawal.
    let working = report.filter(|report| report.stage == Stage::Working && !withdrawn);
    let obstacle = working.and_then(|report| report.failure.clone());
    let going_on = Word { state: HostState::Returning, failure: None, obstacle };
    if row.never_accepted() {
        return refused(row).map_or(going_on, Word::failed);
    }
    if withdrawn && row.refusal() == Some(&Refusal::AlreadyCommitted) {
        return Word::is(HostState::Committed);
    }
    match report.map(|report| report.stage) {
        Some(Stage::Committed) if withdrawn => Word::is(HostState::Committed),
        Some(Stage::Committed) if report.is_some_and(is_healthy) => Word::is(HostState::Returned),
        Some(Stage::Reverted) if withdrawn && (!rolling_back || is_where_it_was(row, before)) => {
            Word::is(HostState::Returned)
        }
        Some(Stage::Reverting | Stage::Reverted) if !withdrawn => {
            Word::failed(reason(report.and_then(|report| report.failure.as_ref())))
        }
        _ => going_on,
    }
}

/// Whether a revert has brought a host where the rollout found the fleet. Where that is nothing, whatever the host still had is left to it.
pub(crate) fn is_where_it_was(row: &Row<'_>, before: Option<ReleaseNumber>) -> bool {
    row.reverted().is_some_and(|report| before.is_none() || report.base == before)
}

/// A host that failed may tell its reason later than the fact.
fn refined(row: &Row<'_>) -> Option<Word> {
    let report = row.heard().filter(|report| matches!(report.stage, Stage::Reverting | Stage::Reverted))?;
    let failure = report.failure.clone().filter(|failure| failure.kind != CauseKind::Withdrawn)?;
    Some(Word::failed(failure))
}

fn refused(row: &Row<'_>) -> Option<Failure> {
    match row.refusal()? {
        Refusal::AlreadyCommitted => None,
        Refusal::AlreadyReverted => Some(reason(row.heard().and_then(|report| report.failure.as_ref()))),
        refusal => Some(Failure::plain(CauseKind::Forbidden, format!("the host refuses the order: {refusal}"))),
    }
}

fn reason(failure: Option<&Failure>) -> Failure {
    let unknown = || Failure::plain(CauseKind::Unhealthy, "it went back and has not said why");
    failure.cloned().unwrap_or_else(unknown)
}

fn take_in(progress: &mut HostProgress, word: Word, rollout: &mut Rollout, now: evenkeel_model::UnixMillis) {
    let is_new = progress.state != word.state;
    let is_progress = match word.state {
        HostState::Healthy => !progress.proven,
        HostState::Committed | HostState::Returned => is_new,
        _ => false,
    };
    if is_progress {
        rollout.progressed = now;
    }
    if is_new {
        progress.state = word.state;
        progress.since = now;
    }
    progress.proven |= matches!(word.state, HostState::Healthy | HostState::Committed);
    progress.obstacle = word.obstacle;
    if word.failure.is_some() {
        progress.failure = word.failure;
    }
}

#[cfg(test)]
mod tests;
