//! The planner's invariants: what each asks of one step. They see the truth on the hosts, which the planner does not.
//! Not here: how stories come about (`properties.rs`).

use std::collections::BTreeSet;

use evenkeel_model::gate::Check;
use evenkeel_model::{Gate, GatePoint, Generation, HostId, Opening, Phase, Promote, Share, Stage, Strategy};
use evenkeel_rollout::{
    Contact, Duty, HostState, Kind, MOST_PREFETCHING, Order, Outcome, Plan, Rollout, State, Verdict as Finding,
    WaitingOn,
};

use crate::world::releases::matches;
use crate::world::{Host, World};

/// One event, planned on.
pub(crate) struct Step<'s> {
    /// After the event, before the plan.
    pub(crate) before: &'s World,
    /// The plan stored, and not sent yet.
    pub(crate) after: &'s World,
    pub(crate) plan: &'s Plan,
    /// Generations that were ordered as a way back.
    pub(crate) ways_back: &'s BTreeSet<(HostId, Generation)>,
}

pub(crate) type Verdict = Result<(), String>;

pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

pub(crate) fn is_new(host: &Host, order: &Order) -> bool {
    host.ordered.is_none_or(|ordered| ordered.version.generation != order.generation)
}

fn is_live(host: &Host) -> bool {
    host.contact == Contact::Live && !host.conflict
}

fn covered<'r>(world: &'r World, id: &HostId) -> Option<&'r Rollout> {
    world.going().filter(|rollout| rollout.hosts.contains_key(id))
}

/// Whether a host is down, by what is true there: it has something to lose, and does not serve, or may stop to at any moment because of what it was
/// ordered. One that can't be heard is.
fn is_down(world: &World, id: &HostId, host: &Host) -> bool {
    let was_given = host.ordered.is_some_and(|ordered| ordered.release.is_some());
    let concerned = covered(world, id).is_some() || was_given || host.agent.base.is_some();
    let serves = host.agent.well && matches!(host.agent.stage, Some(Stage::Trial | Stage::Committed | Stage::Reverted));
    let under_way = host.refused.is_none()
        && host.ordered.is_some_and(|ordered| {
            let accepted =
                host.agent.accepted.is_some_and(|accepted| accepted.generation == ordered.version.generation);
            let is_out = matches!(host.agent.stage, Some(Stage::Reverted | Stage::Committed));
            !accepted || (ordered.phase == Phase::Withdrawn && !is_out)
        });
    concerned && (!is_live(host) || (host.agent.base.is_some() && (!serves || under_way)))
}

fn budget(world: &World) -> usize {
    match (world.going(), world.current) {
        (Some(rollout), _) => rollout.budget(),
        (None, Some(current)) => {
            let matching = world.hosts.values().filter(|host| matches(&world.releases[&current], host)).count();
            world.current_policy.budget(matching, None)
        }
        (None, None) => 0,
    }
}

/// Whether a silent host may be ordered back whatever the budget: it was never heard healthy in this trial, or the way back's deadline is due.
fn is_told_for_later(world: &World, id: &HostId, host: &Host) -> bool {
    let Some(rollout) = covered(world, id).filter(|_| !is_live(host)) else { return false };
    let progress = &rollout.hosts[id];
    let is_due = world.now.since(rollout.progressed) >= rollout.policy.progress_deadline;
    is_due || (progress.state == HostState::Ordered && !progress.proven)
}

pub(crate) fn check_budget(step: &Step<'_>) -> Verdict {
    let down = |world: &World| world.hosts.iter().filter(|(id, host)| is_down(world, id, host)).count();
    let takes_down = |(id, order): &&(HostId, Order)| {
        let host = &step.before.hosts[id];
        // A withdrawal that comes too late is refused, and moves nothing.
        let is_withdrawal = order.phase == Phase::Withdrawn && host.agent.stage != Some(Stage::Committed);
        let is_act = is_new(host, order) || is_withdrawal;
        // A silent host may serve, too.
        let heard = Host { contact: Contact::Live, conflict: false, ..host.clone() };
        is_act
            && host.agent.base.is_some()
            && !is_down(step.before, id, &heard)
            && !is_told_for_later(step.before, id, host)
    };
    let taken: Vec<_> = step.plan.orders.iter().filter(takes_down).map(|(id, _)| id).collect();
    let live = taken.iter().filter(|id| is_live(&step.before.hosts[id])).count();
    let going_back = |rollout: &Rollout| {
        let down_there =
            |id: &HostId| step.before.hosts.get(id).is_some_and(|host| is_live(host) && is_down(step.before, id, host));
        // What has just said that it is back is on its way no more, whatever else it said; nor is what is ordered anew.
        let ordered: BTreeSet<&HostId> = step.plan.orders.iter().map(|(id, _)| id).collect();
        let is_returning = |world: &World, id: &HostId| {
            covered(world, id).is_some_and(|rollout| rollout.hosts[id].state == HostState::Returning)
        };
        rollout.hosts.keys().any(|id| {
            !ordered.contains(id) && is_returning(step.before, id) && is_returning(step.after, id) && down_there(id)
        })
    };
    let back = step.before.going().is_some()
        && step
            .after
            .rollout
            .as_ref()
            .is_some_and(|rollout| !matches!(rollout.state, State::Advancing | State::Paused));
    // On the way back one live host may always go, whoever else is unavailable. Silent ones go inside the budget even then.
    let always = usize::from(back && live == 1 && !step.before.going().is_some_and(going_back));
    // A rollout may end in the plan that orders its last.
    let (down, budget) = (down(step.after), budget(step.before).max(budget(step.after)));
    let is_inside = taken.len() == always || down <= budget + always;
    ensure(taken.is_empty() || is_inside, || {
        format!("{taken:?} taken, {down} down, budget {budget}: {:?}", step.plan.orders)
    })
}

pub(crate) fn check_gate(step: &Step<'_>) -> Verdict {
    let is_there = |rollout: &Rollout| rollout.wave < rollout.waves && rollout.step < rollout.shares.len();
    ensure(step.after.rollout.as_ref().is_none_or(is_there), || "there is no such wave, or no such step".to_owned())?;
    let Some(rollout) = step.after.going().filter(|rollout| rollout.state == State::Advancing) else { return Ok(()) };
    for (id, progress) in &rollout.hosts {
        let decided = matches!(progress.state, HostState::Committed | HostState::Failed) || step.after.was_resumed;
        ensure(progress.wave >= rollout.wave || decided, || format!("{id} is undecided in a wave that was passed"))?;
        ensure(progress.wave <= rollout.wave || progress.state == HostState::Waiting, || format!("{id} is ahead"))?;
    }
    for (id, order) in step.plan.orders.iter().filter(|(id, _)| rollout.hosts.contains_key(id)) {
        let since = step.before.hosts[id].healthy_since;
        let rule = rollout.rules[rollout.hosts[id].wave].map(|rule| rollout.policy.waves.list()[rule]);
        let bake = rule.and_then(|rule| rule.bake).unwrap_or(rollout.policy.bake);
        let baked = since.is_some_and(|since| step.after.now.since(since) >= bake);
        ensure(order.phase != Phase::Committed || baked, || format!("{id} is committed without its bake"))?;
        let whole = order.share == Share::ALL && step.before.hosts[id].agent.share == Share::ALL;
        ensure(order.phase != Phase::Committed || whole, || format!("{id} is committed with {}", order.share))?;
        let is_shift = !is_new(&step.before.hosts[id], order) && order.phase == Phase::Trial;
        let settled = since.is_some() && (baked || step.before.hosts[id].agent.share == Share::NONE);
        ensure(!is_shift || settled, || format!("{id} gets {} without the bake of what it had", order.share))?;
    }
    Ok(())
}

/// Whether a gate is open by what is known of it, worked out apart from the planner.
fn is_open(step: &Step<'_>, rollout: &Rollout, gate: usize, wave: usize, at_step: usize) -> bool {
    let records =
        rollout.gates.iter().filter(|record| (record.id.gate, record.id.wave, record.id.step) == (gate, wave, at_step));
    let mut records = records.peekable();
    match &rollout.policy.gates[gate].check {
        Check::Window(window) => matches!(window.opening(step.after.now), Opening::Open { .. }),
        Check::Approval(asked) => records.any(|record| {
            let others = record.approvals.iter().filter(|approved| asked.persons < 2 || approved.by != rollout.by);
            let people: BTreeSet<_> = others.map(|approved| &approved.by).collect();
            people.len() >= usize::from(asked.persons.max(2) - 1)
        }),
        Check::Analysis(analysis) => records.any(|record| {
            let good = record.readings.iter().filter(|reading| reading.verdict == Finding::Good).count();
            good + (analysis.max_bad + analysis.max_inconclusive) as usize >= analysis.samples as usize
        }),
    }
}

/// The points that a rollout has gone past in this plan, with the wave and the step where they stood.
pub(crate) fn passed(step: &Step<'_>) -> Vec<(GatePoint, usize, usize)> {
    let (Some(before), Some(after)) = (step.before.going(), step.after.rollout.as_ref()) else { return Vec::new() };
    if before.id != after.id || before.state != State::Advancing {
        return Vec::new();
    }
    let covers = |id: &HostId| before.hosts.contains_key(id) && after.hosts.contains_key(id);
    let mine = || step.plan.orders.iter().filter(|(id, _)| covers(id)).map(|(_, order)| order);
    let commits = after.state == State::Advancing && mine().any(|order| order.phase == Phase::Committed);
    let mut passed = Vec::new();
    if commits {
        passed.push((GatePoint::Commit, before.wave, before.step));
    }
    if after.wave == before.wave && after.step > before.step {
        passed.push((GatePoint::Switch, before.wave, before.step));
    }
    let moved = |wave| {
        before
            .hosts
            .values()
            .chain(after.hosts.values())
            .any(|host| host.wave == wave && host.state == HostState::Committed)
    };
    if (after.wave > before.wave || after.outcome() == Some(Outcome::Succeeded)) && moved(before.wave) {
        passed.push((GatePoint::After, before.wave, before.step));
    }
    if after.begun && (!before.begun || after.wave > before.wave) {
        passed.push((GatePoint::Before, after.wave, 0));
    }
    passed
}

/// The gates that stand at such a point.
pub(crate) fn gates_at(rollout: &Rollout, point: GatePoint, wave: usize) -> impl Iterator<Item = (usize, &Gate)> {
    let gates = rollout.policy.gates.iter().enumerate();
    gates.filter(move |(_, gate)| gate.at == point && gate.waves.has(wave, rollout.waves))
}

/// Nothing goes past a gate that is closed, nor past a promotion that nobody has said.
pub(crate) fn check_gates(step: &Step<'_>) -> Verdict {
    let Some(after) = step.after.rollout.as_ref() else { return Ok(()) };
    for (point, wave, at_step) in passed(step) {
        for (number, _) in gates_at(after, point, wave) {
            ensure(is_open(step, after, number, wave, at_step), || {
                format!("past gate {number} ({point}) of wave {wave}: {:#?}", after.gates)
            })?;
        }
        let by_hand = after.policy.promote == Promote::Manual;
        let needs = match (after.policy.strategy, point) {
            (Strategy::Canary, GatePoint::Commit) => by_hand && wave == 0,
            (Strategy::BlueGreen, GatePoint::Switch) => by_hand,
            _ => false,
        };
        ensure(!needs || after.promoted == Some(wave), || format!("nobody has promoted wave {wave}"))?;
    }
    Ok(())
}

/// Whether the rollout rested before the plan, and has not been given up.
pub(crate) fn rests(world: &World) -> bool {
    world.going().is_some_and(|rollout| {
        let frozen = world.frozen.is_some() && rollout.kind == Kind::Deploy && rollout.freeze_override.is_none();
        rollout.state == State::Advancing && rollout.abort.is_none() && (rollout.hold.is_some() || frozen)
    })
}

pub(crate) fn check_stopped(step: &Step<'_>) -> Verdict {
    let goes_on = |rollout: &Rollout| matches!(rollout.state, State::Advancing | State::Paused);
    let is_aborted = step.before.going().is_some_and(|rollout| rollout.abort.is_some());
    ensure(!is_aborted || !step.after.going().is_some_and(goes_on), || "it goes on though it was aborted".to_owned())?;
    for (id, order) in &step.plan.orders {
        if rests(step.before) && covered(step.after, id).is_some() {
            return Err(format!("{id} is ordered {order:?} though it rests"));
        }
        if step.before.hosts[id].duty == Duty::Drained && covered(step.before, id).is_none() {
            ensure(order.release.is_none(), || format!("{id} is ordered {order:?} though it is to be empty"))?;
            continue;
        }
        let allowed = match covered(step.after, id) {
            // A host that is emptied leaves the rollout.
            None if step.before.hosts[id].duty == Duty::Drained => {
                order.release.is_none() || order.phase == Phase::Withdrawn
            }
            // The last orders of a rollout that ends in the same plan are withdrawals.
            None if covered(step.before, id).is_some() && order.phase == Phase::Withdrawn => true,
            None => order.release == step.after.current,
            Some(rollout) => match rollout.state {
                State::Advancing => order.phase != Phase::Withdrawn,
                State::Withdrawing => order.phase == Phase::Withdrawn,
                State::RollingBack => {
                    order.phase == Phase::Withdrawn || order.release.is_none() || order.release == rollout.from
                }
                State::Queued | State::Paused | State::Ended { .. } => false,
            },
        };
        ensure(allowed, || format!("{id} is ordered {order:?}"))?;
    }
    let ended = step.before.rollout.as_ref().filter(|rollout| rollout.outcome().is_some());
    ensure(ended.is_none_or(|rollout| step.after.rollout.as_ref() == Some(rollout)), || {
        "an ended rollout changed".to_owned()
    })
}

pub(crate) fn check_idempotence(step: &Step<'_>) -> Verdict {
    let mut again = step.after.clone();
    let second = again.plan();
    ensure(second.orders.is_empty(), || format!("then it orders {:?}", second.orders))?;
    ensure(again.rollout == step.after.rollout, || format!("then the rollout is {:#?}", again.rollout))
}

pub(crate) fn check_generations(step: &Step<'_>) -> Verdict {
    for (id, order) in &step.plan.orders {
        let Some(last) = step.before.hosts[id].ordered else { continue };
        let rises = order.generation > last.version.generation;
        let next_phase = matches!(
            (last.phase, order.phase),
            (Phase::Trial, Phase::Committed | Phase::Withdrawn) | (Phase::Committed, Phase::Withdrawn)
        );
        let next_share = (last.phase, order.phase) == (Phase::Trial, Phase::Trial) && order.share > last.share;
        let same =
            order.generation == last.version.generation && order.release == last.release && (next_phase || next_share);
        ensure(rises || same, || format!("{id}: {order:?} after {last:?}"))?;
        ensure(!rises || order.phase != Phase::Withdrawn, || format!("{id}: nothing there to withdraw"))?;
    }
    Ok(())
}

pub(crate) fn check_revert_target(step: &Step<'_>) -> Verdict {
    for (id, order) in &step.plan.orders {
        let Some(rollout) = covered(step.after, id).filter(|rollout| rollout.state == State::RollingBack) else {
            continue;
        };
        let Some(release) = order.release.filter(|_| order.phase != Phase::Withdrawn) else { continue };
        let covered_then = step.after.succeeded.get(&release);
        let known = covered_then
            .is_some_and(|hosts| !hosts.contains(id) || step.after.seen_healthy.contains(&(id.clone(), release)));
        ensure(Some(release) == rollout.from && known, || {
            format!("{id} is sent to {release}, never seen healthy there")
        })?;
    }
    Ok(())
}

pub(crate) fn check_no_revert_of_a_revert(step: &Step<'_>) -> Verdict {
    for (id, order) in &step.plan.orders {
        let is_way_back = step.ways_back.contains(&(id.clone(), order.generation));
        let ours = covered(step.after, id).is_some();
        ensure(!(is_way_back && ours && order.phase == Phase::Withdrawn), || {
            format!("{id}: the way back is withdrawn")
        })?;
    }
    let Some(rollout) = &step.after.rollout else { return Ok(()) };
    let by_itself = rollout.kind == Kind::Rollback && rollout.abort.is_none();
    let back = matches!(rollout.state, State::RollingBack | State::Withdrawing);
    ensure(!(by_itself && back), || "a rollback is rolled back".to_owned())
}

pub(crate) fn check_silence(step: &Step<'_>) -> Verdict {
    let Some(rollout) = step.after.going() else { return Ok(()) };
    for (id, progress) in &rollout.hosts {
        let Some(host) = step.after.hosts.get(id).filter(|host| !is_live(host)) else { continue };
        let before =
            step.before.rollout.as_ref().and_then(|rollout| rollout.hosts.get(id)).map(|progress| progress.state);
        let got_better = before != Some(progress.state)
            && (progress.state == HostState::Committed
                || (progress.state == HostState::Returned && before != Some(HostState::Waiting)));
        ensure(progress.state != HostState::Healthy && !got_better, || {
            format!("{id} is {:?} from {before:?}, and {:?}", progress.state, host.contact)
        })?;
    }
    Ok(())
}

pub(crate) fn check_waiting(step: &Step<'_>) -> Verdict {
    let Some(rollout) = step.after.going() else { return Ok(()) };
    ensure(!step.plan.waiting.is_empty() || !step.plan.orders.is_empty(), || "no reason".to_owned())?;
    if rollout.state == State::Paused {
        return ensure(step.plan.waiting.contains(&WaitingOn::Person), || {
            "paused, and no person is waited for".to_owned()
        });
    }
    // What a person or a measurement ends needs no wake-up.
    let is_open_ended = |waiting: &WaitingOn| match waiting {
        WaitingOn::Paused { .. } | WaitingOn::Approval { .. } | WaitingOn::Promotion => true,
        WaitingOn::Frozen { until, .. } => until.is_none(),
        _ => false,
    };
    if step.plan.waiting.iter().any(is_open_ended) || !step.plan.measures.is_empty() {
        return Ok(());
    }
    ensure(step.plan.wake_at.is_some_and(|wake_at| wake_at > step.after.now), || {
        format!("wakes at {:?}", step.plan.wake_at)
    })
}

pub(crate) fn check_success(step: &Step<'_>) -> Verdict {
    let Some(rollout) = &step.after.rollout else { return Ok(()) };
    if rollout.outcome() != Some(Outcome::Succeeded) || step.before.going().is_none() {
        return Ok(());
    }
    for id in rollout.hosts.keys() {
        let host = &step.after.hosts[id];
        let release = host.ordered.and_then(|ordered| ordered.release);
        let given = host.agent.accepted.is_some_and(|accepted| accepted.release == release);
        let whole = is_live(host) && given && host.agent.stage == Some(Stage::Committed) && host.agent.well;
        let right = release == Some(rollout.to)
            || !matches(&step.after.releases[&rollout.to], host)
            || host.labels.get("role").is_some_and(|role| role == "web");
        ensure(whole && right, || format!("{id} is {:?}", host.agent))?;
    }
    ensure(!rollout.hosts.is_empty(), || "of nobody".to_owned())
}

/// What hosts say of what they fetch ahead changes nothing that is ordered or waited for.
pub(crate) fn check_prefetch_decides_nothing(step: &Step<'_>) -> Verdict {
    let mut deaf_to_it = step.before.clone();
    deaf_to_it.hosts.values_mut().for_each(|host| host.prefetch = None);
    let plan = deaf_to_it.plan();
    let rest = |plan: &Plan| (plan.orders.clone(), plan.rollout.clone(), plan.waiting.clone(), plan.wake_at);
    ensure(rest(&plan) == rest(step.plan), || format!("without it: {plan:#?}"))
}

/// Who fetches ahead will be ordered that release, soon, and not in this plan; never more at once than may.
pub(crate) fn check_prefetch(step: &Step<'_>) -> Verdict {
    let going = step.after.going().filter(|rollout| rollout.state == State::Advancing);
    ensure(going.is_some() || step.plan.prefetch.is_empty(), || format!("{:?}", step.plan.prefetch))?;
    let Some(rollout) = going else { return Ok(()) };
    let mut fetching = 0;
    for (id, release) in &step.plan.prefetch {
        let (host, progress) = (&step.before.hosts[id], rollout.hosts.get(id));
        let is_next =
            progress.is_some_and(|progress| progress.state == HostState::Waiting && progress.wave <= rollout.wave + 1);
        let has_it = matches(&step.after.releases[release], host);
        ensure(is_next && is_live(host) && has_it && *release == rollout.to, || format!("{id} fetches {release}"))?;
        let said = host.prefetch.as_ref().filter(|report| report.release == *release);
        fetching += usize::from(!said.is_some_and(|report| report.state.is_settled()));
    }
    ensure(fetching <= MOST_PREFETCHING, || format!("{fetching} fetch at once"))?;
    let again = step.after.clone().plan();
    ensure(again.prefetch == step.plan.prefetch, || format!("then {:?}", again.prefetch))
}
