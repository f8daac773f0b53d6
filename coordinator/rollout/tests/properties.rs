//! The planner's invariants, each a test of its own name, on random fleets, policies and events. After every event the coordinator plans and
//! stores, every invariant's check sees the world before and after, and the orders are sent.
//! Not here: stories that are meant to be read (`scripts.rs`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly anywhere")]

mod decided;
mod invariants;
mod reach;
mod stories;
#[allow(dead_code, reason = "the scripts use the rest")]
mod world;

use std::collections::BTreeSet;

use decided::{check_decided, check_failures, check_rolled_back};
use evenkeel_model::{CauseKind, Failure, Generation, HostId, Millis, ReleaseNumber, Stage};
use evenkeel_rollout::{Duty, Frozen, Kind, Measured, Outcome, State, WaitingOn, approve, promote, resume};
use invariants::{
    Step, Verdict, check_budget, check_gate, check_gates, check_generations, check_idempotence,
    check_no_revert_of_a_revert, check_prefetch, check_prefetch_decides_nothing, check_revert_target, check_silence,
    check_stopped, check_success, check_waiting, is_new,
};
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};
use stories::{Event, Story, policy, prefetch_state, story, web};
use world::{Host, Word, World};

fn happen(world: &mut World, event: &Event) {
    let ids: Vec<HostId> = world.hosts.keys().cloned().collect();
    let pick = |number: &usize| ids.get(number % ids.len().max(1)).cloned();
    let agent_says = |world: &mut World, number: &usize, change: &dyn Fn(&mut Host)| {
        if let Some(id) = pick(number) {
            change(world.host(&id));
            world.hear(&id);
        }
    };
    match event {
        Event::Say(by, what) => drop(world.say(by, *what)),
        Event::Measured(measured) => world.measured(measured),
        Event::Freeze(is) => world.frozen = is.then(freeze),
        Event::Duty(host, duty) => pick(host).into_iter().for_each(|id| world.host(&id).duty = *duty),
        Event::Healthy(host) => agent_says(world, host, &|host| host.agent.obey(true)),
        Event::AllHealthy => {
            for host in 0..ids.len() {
                agent_says(world, &host, &|host| host.agent.obey(true));
            }
        }
        Event::Sick(host) => agent_says(world, host, &|host| host.agent.obey(false)),
        Event::Obstacle(host) => agent_says(world, host, &|host| {
            if host.agent.stage == Some(Stage::Working) {
                host.agent.failure = Some(Failure::plain(CauseKind::RegistryUnreachable, "no answer"));
            }
        }),
        Event::Fails(host) => {
            agent_says(world, host, &|host| host.agent.fail(Failure::plain(CauseKind::Exited, "exited with 1")));
        }
        Event::Fetches(host, state) => agent_says(world, host, &|host| {
            if let Some((_, said)) = &mut host.agent.prefetch {
                said.clone_from(state);
            }
        }),
        Event::Silent(host) => pick(host).into_iter().for_each(|id| world.cut_off(&id)),
        Event::Returns(host) => pick(host).into_iter().for_each(|id| {
            world.host(&id).deaf = false;
            world.reconnect(&id);
        }),
        Event::RefusesNext(host) => pick(host).into_iter().for_each(|id| world.host(&id).agent.refuses_next = true),
        Event::Deaf(host) => pick(host).into_iter().for_each(|id| world.host(&id).deaf = true),
        Event::Conflict(host, is) => pick(host).into_iter().for_each(|id| {
            if std::mem::replace(&mut world.host(&id).conflict, *is) != *is {
                world.host(&id).healthy_since = None;
            }
            world.hear(&id);
        }),
        Event::Joins => world.join(format!("j{}", world.hosts.len()).parse().unwrap(), web(true)),
        Event::Leaves(host) => pick(host).into_iter().for_each(|id| drop(world.hosts.remove(&id))),
        Event::Relabelled(host, is) => pick(host).into_iter().for_each(|id| {
            world.host(&id).labels = web(*is);
            world.relabelled.insert(id);
        }),
        Event::Pass(seconds) => world.now = world.now + Millis::seconds(*seconds),
        Event::Restart => world.restart_coordinator(),
        Event::Abort { rollback } => drop(world.abort(*rollback, false)),
        // No host may match: then there is no rollout, and that is the answer.
        Event::Begin { to, kind } if world.going().is_none() => drop(world.begin(*kind, ReleaseNumber(*to))),
        Event::Supersede if world.going().is_some() => {
            world.abort(false, true).expect("a superseding abort is refused only after the end");
        }
        // One goes on already, or none does.
        Event::Nothing | Event::Begin { .. } | Event::Supersede => {}
    }
}

fn freeze() -> Frozen {
    Frozen { until: None, by: "ops".parse().unwrap(), why: "the fair".to_owned() }
}

/// Runs a story and checks one invariant after every event.
fn run(story: &Story, mut check: impl FnMut(&Step<'_>) -> Verdict) -> Result<World, TestCaseError> {
    let mut world = story.world();
    let mut ways_back = BTreeSet::new();
    for (number, event) in story.events.iter().enumerate() {
        happen(&mut world, event);
        step(&mut world, &mut ways_back, &mut check).map_err(|fault| {
            TestCaseError::fail(format!("after event {number}, {event:?}: {fault}\n{:#?}", world.rollout))
        })?;
    }
    Ok(world)
}

fn step(
    world: &mut World,
    ways_back: &mut BTreeSet<(HostId, Generation)>,
    check: &mut impl FnMut(&Step<'_>) -> Verdict,
) -> Verdict {
    let before = world.clone();
    let plan = world.plan();
    let verdict = check(&Step { before: &before, after: world, plan: &plan, ways_back });
    for (host, order) in &plan.orders {
        if is_rolling_back(world) && is_new(&before.hosts[host], order) {
            ways_back.insert((host.clone(), order.generation));
        }
    }
    world.send(&plan);
    verdict
}

fn is_rolling_back(world: &World) -> bool {
    world.rollout.as_ref().is_some_and(|rollout| rollout.state == State::RollingBack)
}

/// Every host is heard, obeys and is healthy from now on; people consent, and what is measured is good.
fn heal(world: &mut World) {
    world.frozen = None;
    let words: [(&str, Word); 5] =
        [("ann", resume), ("ann", promote), ("ann", approve), ("bob", approve), ("eve", approve)];
    for (by, word) in words {
        drop(world.say(by, word));
    }
    world.measured(&Measured::Answer { good: true, said: "200".to_owned() });
    for id in world.hosts.keys().cloned().collect::<Vec<_>>() {
        let host = world.host(&id);
        (host.conflict, host.deaf, host.agent.refuses_next) = (false, false, false);
        host.duty = Duty::Active;
        world.reconnect(&id);
        world.host(&id).agent.obey(true);
        world.hear(&id);
    }
}

fn ends(mut world: World) -> Result<World, String> {
    // Each host needs a few rounds for its way there and back; each wave one for its bake.
    for _ in 0..40 + 30 * world.hosts.len() {
        let plan = world.plan();
        world.send(&plan);
        if world.going().is_none() {
            return Ok(world);
        }
        if world.going().is_some_and(|rollout| rollout.state == State::Paused) {
            world.abort(false, false).map_err(|error| error.to_string())?;
        }
        heal(&mut world);
        let plan = world.plan();
        world.send(&plan);
        world.now = world.now + Millis::seconds(1);
        if let Some(wake_at) = plan.wake_at.filter(|_| plan.orders.is_empty()) {
            world.now = world.now.max(wake_at);
        }
    }
    Err(format!("it goes on: {:#?}", world.rollout))
}

/// Nobody is heard any more, and time passes: it fails or rests, unless it waits for what is none of the hosts' business.
fn stops(mut world: World) -> Verdict {
    for id in world.hosts.keys().cloned().collect::<Vec<_>>() {
        world.cut_off(&id);
    }
    for _ in 0..50 {
        let plan = world.plan();
        world.send(&plan);
        let waits_for_others = |waiting: &WaitingOn| {
            use WaitingOn::{Analysis, Approval, Frozen, Paused, Promotion, Window};
            let held = matches!(waiting, Paused { .. } | Frozen { .. });
            held || matches!(waiting, Approval { .. } | Promotion | Window { .. } | Analysis { .. })
        };
        let goes_on = world.going().is_some_and(|rollout| rollout.state != State::Paused);
        if !goes_on || plan.waiting.iter().any(waits_for_others) {
            return Ok(());
        }
        world.now = plan.wake_at.ok_or("it goes on, and does not wake up")?;
    }
    Err(format!("it goes on: {:#?}", world.rollout))
}

/// Failing seeds are kept beside this file, and are run first from then on. `PROPTEST_CASES` sets the number of stories. Where the planner is broken
/// on purpose, `PROPTEST_DISABLE_FAILURE_PERSISTENCE` has none kept.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    let kept = usual.failure_persistence.is_some().then(|| -> Box<dyn FailurePersistence> {
        Box::new(FileFailurePersistence::Direct("tests/properties.proptest-regressions"))
    });
    ProptestConfig { failure_persistence: kept, ..usual }
}

macro_rules! invariants {
    ($($name:ident: $check:expr;)*) => {
        proptest! {
            #![proptest_config(config())]
            $(#[test]
            fn $name(story in story()) {
                run(&story, $check)?;
            })*
        }
    };
}

invariants! {
    unavailable_by_our_hand_stays_in_the_budget: check_budget;
    no_host_beyond_its_gate: check_gate;
    no_wave_past_a_closed_gate: check_gates;
    paused_frozen_or_aborted_orders_nothing_new: check_stopped;
    planning_twice_changes_nothing: check_idempotence;
    generations_rise: check_generations;
    a_revert_target_was_seen_healthy_there: check_revert_target;
    a_revert_is_never_reverted: check_no_revert_of_a_revert;
    silence_is_never_health: check_silence;
    waiting_has_a_reason_and_a_wake_up: check_waiting;
    success_means_every_host: check_success;
    rolled_back_means_every_host: check_rolled_back;
    what_was_decided_stays_decided: check_decided;
    it_goes_on_only_while_no_more_have_failed_than_may: check_failures;
    prefetch_decides_nothing: check_prefetch_decides_nothing;
    who_fetches_ahead_is_next_and_not_too_many_do: check_prefetch;
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn in_a_large_fleet_too_not_too_many_fetch_at_once(
        words in proptest::collection::vec((0..60usize, prefetch_state()), 0..30),
        hosts in 2..60usize,
        policy in policy(),
    ) {
        let events = words.into_iter().flat_map(|(host, state)| [Event::Fetches(host, state), Event::Healthy(host)]);
        let begin = Event::Begin { to: 2, kind: Kind::Deploy };
        let events = std::iter::once(begin).chain(events).collect();
        run(&Story { hosts, fresh: false, policy, constrained: false, events }, check_prefetch)?;
    }

    #[test]
    fn it_ends_if_hosts_keep_reporting_healthy(story in story()) {
        let world = run(&story, |_| Ok(()))?;
        ends(world).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn a_rollout_that_hears_nobody_does_not_go_on_for_ever(story in story()) {
        let world = run(&story, |_| Ok(()))?;
        stops(world).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn a_rollout_for_which_all_goes_well_succeeds(hosts in 1..8usize, fresh in any::<bool>(), policy in policy()) {
        let events = vec![Event::Begin { to: 2, kind: Kind::Deploy }];
        let world = run(&Story { hosts, fresh, policy, constrained: false, events }, |_| Ok(()))?;
        let world = ends(world).map_err(TestCaseError::fail)?;
        // A policy may leave no budget at all: then nothing was begun.
        let outcome = world.rollout.as_ref().map(evenkeel_rollout::Rollout::outcome);
        prop_assert!(matches!(outcome, None | Some(Some(Outcome::Succeeded))), "{:#?}", world.rollout);
    }
}
