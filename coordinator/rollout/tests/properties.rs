//! The planner's invariants, each a test of its own name, on random fleets, policies and events. After every event the coordinator plans and
//! stores, every invariant's check sees the world before and after, and the orders are sent.
//! Not here: stories that are meant to be read (`scripts.rs`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly anywhere")]

mod invariants;
#[allow(dead_code, reason = "the scripts use the rest")]
mod world;

use std::collections::BTreeSet;

use evenkeel_model::{
    CauseKind, Count, Failure, Generation, HostId, Millis, OnFailure, Policy, PrefetchState, ReleaseNumber, Stage,
};
use evenkeel_rollout::{Kind, State};
use invariants::{
    Step, Verdict, check_budget, check_gate, check_generations, check_idempotence, check_no_revert_of_a_revert,
    check_prefetch, check_prefetch_decides_nothing, check_revert_target, check_silence, check_stopped, check_success,
    check_waiting, is_new,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use world::{Host, World};

/// What happens next. Hosts are meant modulo their number.
#[derive(Debug, Clone)]
enum Event {
    Healthy(usize),
    AllHealthy,
    Sick(usize),
    Obstacle(usize),
    Fails(usize),
    Fetches(usize, PrefetchState),
    Silent(usize),
    Returns(usize),
    RefusesNext(usize),
    Deaf(usize),
    Conflict(usize, bool),
    Joins,
    Leaves(usize),
    Relabelled(usize, bool),
    Pass(u64),
    Nothing,
    Restart,
    Abort { rollback: bool },
    Begin { to: u64, kind: Kind, supersede: bool },
}

#[derive(Debug, Clone)]
struct Story {
    hosts: usize,
    fresh: bool,
    policy: Policy,
    constrained: bool,
    events: Vec<Event>,
}

fn count() -> impl Strategy<Value = Count> {
    prop_oneof![(1..6u32).prop_map(Count::Hosts), (0..=100u8).prop_map(Count::Percent)]
}

fn policy() -> impl Strategy<Value = Policy> {
    (
        proptest::collection::vec(count(), 0..3),
        proptest::option::of(count()),
        proptest::option::of(prop_oneof![(0..3u32).prop_map(Count::Hosts), (0..=50u8).prop_map(Count::Percent)]),
        prop_oneof![Just(0), Just(30), Just(1200)],
        prop_oneof![Just(OnFailure::Pause), Just(OnFailure::RevertFailed), Just(OnFailure::Rollback)],
    )
        .prop_map(|(waves, max_unavailable, max_failures, bake, on_failure)| Policy {
            waves,
            max_unavailable,
            max_failures,
            bake: Millis::seconds(bake),
            on_failure,
            ..Policy::default()
        })
}

fn prefetch_state() -> impl Strategy<Value = PrefetchState> {
    let failure = || Failure::plain(CauseKind::RegistryUnreachable, "no answer");
    prop_oneof![
        2 => Just(PrefetchState::Present),
        1 => Just(PrefetchState::Fetching { failure: Some(failure()) }),
        1 => Just(PrefetchState::GivenUp { failure: failure() }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let host = 0..8usize;
    let kind = prop_oneof![4 => Just(Kind::Deploy), 1 => Just(Kind::Rollback)];
    prop_oneof![
        12 => host.clone().prop_map(Event::Healthy),
        8 => Just(Event::AllHealthy),
        2 => host.clone().prop_map(Event::Sick),
        2 => host.clone().prop_map(Event::Obstacle),
        3 => host.clone().prop_map(Event::Fails),
        4 => (host.clone(), prefetch_state()).prop_map(|(host, state)| Event::Fetches(host, state)),
        3 => host.clone().prop_map(Event::Silent),
        5 => host.clone().prop_map(Event::Returns),
        1 => host.clone().prop_map(Event::RefusesNext),
        1 => host.clone().prop_map(Event::Deaf),
        1 => (host.clone(), any::<bool>()).prop_map(|(host, is)| Event::Conflict(host, is)),
        1 => Just(Event::Joins),
        1 => host.clone().prop_map(Event::Leaves),
        1 => (host, any::<bool>()).prop_map(|(host, is)| Event::Relabelled(host, is)),
        8 => prop_oneof![Just(1), Just(30), Just(31), Just(300), Just(900), Just(1200)].prop_map(Event::Pass),
        2 => Just(Event::Nothing),
        1 => Just(Event::Restart),
        1 => any::<bool>().prop_map(|rollback| Event::Abort { rollback }),
        3 => (1..4u64, kind, proptest::bool::weighted(0.3)).prop_map(|(to, kind, supersede)| Event::Begin { to, kind, supersede }),
    ]
}

fn story() -> impl Strategy<Value = Story> {
    (
        1..8usize,
        proptest::bool::weighted(0.2),
        policy(),
        proptest::bool::weighted(0.2),
        proptest::collection::vec(event(), 1..60),
    )
        .prop_map(|(hosts, fresh, policy, constrained, events)| Story {
            hosts,
            fresh,
            policy,
            constrained,
            events,
        })
}

fn web(is: bool) -> std::collections::BTreeMap<String, String> {
    [("role".to_owned(), if is { "web" } else { "db" }.to_owned())].into()
}

impl Story {
    fn world(&self) -> World {
        let mut world = World::new();
        world.policy = self.policy.clone();
        for number in 1..=3 {
            let asked = if self.constrained { vec![("role".to_owned(), "web".to_owned())] } else { Vec::new() };
            let number = ReleaseNumber(number);
            world.releases.insert(number, world::manifest(number, &[("app".to_owned(), asked)]));
        }
        for number in 1..=self.hosts {
            world.join(format!("h{number}").parse().unwrap(), web(number != 3));
        }
        if !self.fresh {
            world.run(ReleaseNumber(1));
        }
        world
    }
}

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
        Event::Relabelled(host, is) => pick(host).into_iter().for_each(|id| world.host(&id).labels = web(*is)),
        Event::Pass(seconds) => world.now = world.now + Millis::seconds(*seconds),
        Event::Nothing => {}
        Event::Restart => world.restart_coordinator(),
        Event::Abort { rollback } => drop(world.abort(*rollback, false)),
        Event::Begin { to, kind, supersede } => happen_begin(world, ReleaseNumber(*to), *kind, *supersede),
    }
}

fn happen_begin(world: &mut World, to: ReleaseNumber, kind: Kind, supersede: bool) {
    if world.going().is_some() && supersede {
        world.abort(false, true).expect("a superseding abort is refused only after the end");
        let plan = world.plan();
        world.send(&plan);
    }
    if world.going().is_none() {
        // No host may match: then there is no rollout, and that is the answer.
        drop(world.begin(kind, to));
    }
}

/// Runs a story and checks one invariant after every event.
fn run(story: &Story, check: fn(&Step<'_>) -> Verdict) -> Result<World, TestCaseError> {
    let mut world = story.world();
    let mut ways_back = BTreeSet::new();
    for (number, event) in story.events.iter().enumerate() {
        happen(&mut world, event);
        step(&mut world, &mut ways_back, check).map_err(|fault| {
            TestCaseError::fail(format!("after event {number}, {event:?}: {fault}\n{:#?}", world.rollout))
        })?;
    }
    Ok(world)
}

fn step(world: &mut World, ways_back: &mut BTreeSet<(HostId, Generation)>, check: fn(&Step<'_>) -> Verdict) -> Verdict {
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

/// Every host is heard, obeys and is healthy from now on.
fn heal(world: &mut World) {
    for id in world.hosts.keys().cloned().collect::<Vec<_>>() {
        let host = world.host(&id);
        (host.conflict, host.deaf, host.agent.refuses_next) = (false, false, false);
        world.reconnect(&id);
        world.host(&id).agent.obey(true);
        world.hear(&id);
    }
}

fn ends(mut world: World) -> Verdict {
    // Each host needs a few rounds for its way there and back; each wave one for its bake.
    for _ in 0..20 + 12 * world.hosts.len() {
        let plan = world.plan();
        world.send(&plan);
        if world.going().is_none() {
            return Ok(());
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

/// Failing seeds are kept beside this file, and are run first from then on. `PROPTEST_CASES` sets the number of stories.
fn config() -> ProptestConfig {
    let kept = FileFailurePersistence::Direct("tests/properties.proptest-regressions");
    ProptestConfig { failure_persistence: Some(Box::new(kept)), ..ProptestConfig::default() }
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
    paused_or_aborted_orders_nothing_new: check_stopped;
    planning_twice_changes_nothing: check_idempotence;
    generations_rise: check_generations;
    a_revert_target_was_seen_healthy_there: check_revert_target;
    a_revert_is_never_reverted: check_no_revert_of_a_revert;
    silence_is_never_health: check_silence;
    waiting_has_a_reason_and_a_wake_up: check_waiting;
    success_means_every_host: check_success;
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
        let begin = Event::Begin { to: 2, kind: Kind::Deploy, supersede: false };
        let events = std::iter::once(begin).chain(events).collect();
        run(&Story { hosts, fresh: false, policy, constrained: false, events }, check_prefetch)?;
    }

    #[test]
    fn it_ends_if_hosts_keep_reporting_healthy(story in story()) {
        let world = run(&story, |_| Ok(()))?;
        ends(world).map_err(TestCaseError::fail)?;
    }
}
