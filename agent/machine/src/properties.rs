//! The world with everything that can happen, at random: the invariants hold at each decision (`world/invariants.rs`), and once the
//! disasters are over it converges. Not here: the rows that name what exactly happens (beside each step).

use evenkeel_model::{CauseKind, Digest, Phase, Stage};
use proptest::prelude::*;

use crate::world::{Kill, World, assignment, release};
use crate::{End, Inputs, Ledger, Memory, decide};

const RELEASES: [&str; 14] = [
    "web:good-1",
    "web:good-2",
    "web:good-1:stop-first",
    "web:good-2:stop-first",
    "web:crash-1",
    "web:sick-1",
    "web:dies-1:stop-first",
    "web:unready-1",
    "web:gone-1",
    "web:taken-1:stop-first",
    "web:good-1 worker:good-2",
    "web:good-3 worker:good-2:stop-first",
    "web:good-4 worker:crash-2",
    "",
];

const FAILING: [&str; 7] = ["pull", "create", "start", "stop", "remove", "set-restart", "collect"];

/// What may happen between two steps.
#[derive(Debug, Clone)]
enum Event {
    Deploy(usize, Phase),
    Order(Phase),
    Late(u64, usize, Phase),
    Steps(u8),
    Run(u8),
    Kill(Kill),
    EngineRestart,
    Reboot,
    EngineDown(u8),
    Fault(usize, bool, u8),
    RemoveByHand(u8),
    Crash(u8),
    LoseImages,
}

fn phase() -> impl Strategy<Value = Phase> {
    prop_oneof![3 => Just(Phase::Trial), 1 => Just(Phase::Committed), 1 => Just(Phase::Withdrawn)]
}

fn event() -> impl Strategy<Value = Event> {
    let kill = prop_oneof![Just(Kill::BeforeLedger), Just(Kill::BeforeAct), Just(Kill::AfterAct)];
    prop_oneof![
        4 => (0..RELEASES.len(), phase()).prop_map(|(release, phase)| Event::Deploy(release, phase)),
        3 => phase().prop_map(Event::Order),
        1 => (0..4u64, 0..RELEASES.len(), phase()).prop_map(|(back, release, phase)| Event::Late(back, release, phase)),
        8 => (1..12u8).prop_map(Event::Steps),
        3 => (1..40u8).prop_map(Event::Run),
        3 => kill.prop_map(Event::Kill),
        1 => Just(Event::EngineRestart),
        1 => Just(Event::Reboot),
        1 => (1..60u8).prop_map(Event::EngineDown),
        3 => (0..FAILING.len(), any::<bool>(), 1..4u8).prop_map(|(name, passing, times)| Event::Fault(name, passing, times)),
        1 => any::<u8>().prop_map(Event::RemoveByHand),
        1 => any::<u8>().prop_map(Event::Crash),
        1 => Just(Event::LoseImages),
    ]
}

fn steps(world: &mut World, steps: u8) {
    for _ in 0..steps {
        world.step(evenkeel_model::Monotonic(world.now.0 + 60_000));
    }
}

fn happen(world: &mut World, event: &Event) {
    match event {
        Event::Deploy(release, phase) => world.deploy_as(RELEASES[*release], *phase),
        Event::Order(phase) if world.ledger.accepted.is_some() => drop(world.order(*phase)),
        Event::Order(_) => {}
        Event::Late(back, release, phase) => {
            let late = assignment(world.generation.saturating_sub(*back), RELEASES[*release], *phase);
            refused_or_known(world, &late);
        }
        Event::Steps(count) => steps(world, *count),
        Event::Run(seconds) => world.run(u64::from(*seconds)),
        Event::Kill(kill) => {
            world.disaster = Some((world.steps, crate::world::Disaster::Kill(*kill)));
            steps(world, 1);
        }
        Event::EngineRestart => world.engine_restart(),
        Event::Reboot => world.reboot(),
        Event::EngineDown(seconds) => world.engine_down(u64::from(*seconds)),
        Event::Fault(name, passing, times) => {
            let kind = if *passing { CauseKind::EngineUnavailable } else { CauseKind::Unstartable };
            world.fault(FAILING[*name], kind, u32::from(*times));
        }
        Event::RemoveByHand(which) => {
            let places: Vec<_> = world.bodies.keys().cloned().collect();
            if !places.is_empty() {
                world.bodies.remove(&places[usize::from(*which) % places.len()]);
            }
        }
        Event::Crash(which) => {
            let count = world.bodies.len().max(1);
            if let Some(body) = world.bodies.values_mut().nth(usize::from(*which) % count)
                && body.container.is_running()
            {
                body.crash(9, false);
            }
        }
        Event::LoseImages => world.images.clear(),
    }
}

/// What is older or other than what was accepted changes nothing.
fn refused_or_known(world: &mut World, late: &evenkeel_model::Assignment) {
    let Some(accepted) = world.ledger.accepted.clone() else { return };
    let before = world.ledger.clone();
    let answer = world.accept(late);
    if late.version < accepted.assignment.version || late.content != accepted.assignment.content {
        assert!(answer.is_err(), "{answer:?}");
    }
    if answer != Ok(true) {
        assert_eq!(world.ledger, before, "refused input changes nothing");
    }
}

/// The disasters are over: the engine answers, nothing fails that need not, and the agent starts once more, so that a container removed by
/// hand after it had been made once is made again.
fn heal(world: &mut World) {
    world.faults.clear();
    world.disaster = None;
    world.run(60);
    world.kill();
    world.run(240);
}

fn fingerprints(content: Option<&evenkeel_model::Content>) -> Vec<(String, Digest)> {
    let Some(content) = content else { return Vec::new() };
    let manifest = evenkeel_model::Manifest::decode(&content.manifest).unwrap();
    manifest.services.iter().map(|(name, service)| (name.to_string(), service.fingerprint())).collect()
}

fn bodies(world: &World, running: bool) -> Vec<(String, Digest)> {
    let bodies = world.bodies.values().filter(|body| body.container.is_running() == running);
    let mut bodies: Vec<_> =
        bodies.map(|body| (body.container.place.service.to_string(), body.container.fingerprint.clone())).collect();
    bodies.sort();
    bodies
}

/// Exactly the right containers run, and nothing else is left but, before the commit, the base's.
fn the_right_set_is_left(world: &World) {
    let Some(accepted) = &world.ledger.accepted else {
        assert!(world.bodies.is_empty());
        return;
    };
    let base = fingerprints(world.ledger.base.as_ref());
    let wanted = fingerprints(accepted.assignment.content.as_ref());
    let (running, stopped) = (bodies(world, true), bodies(world, false));
    match &accepted.end {
        Some(End::Committed) => assert_eq!((&running, stopped.len()), (&wanted, 0), "{:#?}", world.log),
        Some(End::Reverted { .. }) => assert_eq!((&running, stopped.len()), (&base, 0), "{:#?}", world.log),
        Some(End::Reverting { .. }) => {
            panic!("a revert that nothing stands in the way of has not ended: {:#?}", world.log)
        }
        None => {
            assert_eq!(running, wanted, "{:#?}", world.log);
            assert!(stopped.iter().all(|body| base.contains(body)), "{:#?}", world.log);
            let report = world.report.as_ref().unwrap();
            assert_eq!((report.stage, report.healthy), (Stage::Trial, true), "{report:#?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_it_converges_and_no_invariant_breaks(events in prop::collection::vec(event(), 1..30)) {
        let mut world = World::new();
        for event in &events {
            happen(&mut world, event);
        }
        heal(&mut world);
        the_right_set_is_left(&world);
        let before = world.state();
        world.forget_the_past();
        world.run(60);
        prop_assert_eq!(before, world.state(), "what has converged stays");
        prop_assert!(world.log.is_empty(), "what has converged is left alone: {:?}", world.log);
    }

    #[test]
    fn kills_alone_never_change_the_end(
        from in 0..4usize,
        to in 0..RELEASES.len(),
        kills in prop::collection::vec((0..20u8, prop_oneof![Just(Kill::BeforeLedger), Just(Kill::BeforeAct), Just(Kill::AfterAct)]), 0..8),
    ) {
        let mut undisturbed = World::serving(RELEASES[from]);
        undisturbed.deploy(RELEASES[to]);
        undisturbed.run(300);
        let mut world = World::serving(RELEASES[from]);
        world.deploy(RELEASES[to]);
        for (after, kill) in kills {
            steps(&mut world, after);
            happen(&mut world, &Event::Kill(kill));
        }
        world.run(300);
        prop_assert_eq!(undisturbed.state(), world.state());
    }

    #[test]
    fn a_memory_of_another_life_makes_no_decision_panic(
        events in prop::collection::vec(event(), 1..12),
        others in prop::collection::vec(event(), 1..12),
    ) {
        let (mut one, mut other) = (World::new(), World::new());
        for event in &events {
            happen(&mut one, event);
        }
        for event in &others {
            happen(&mut other, event);
        }
        let observed = other.observed();
        for ledger in [&one.ledger, &other.ledger, &Ledger::default()] {
            for memory in [&one.memory, &other.memory, &Memory::default()] {
                for now in [0, one.now.0, other.now.0, u64::MAX] {
                    decide(&Inputs { ledger, observed: &observed, memory, now: evenkeel_model::Monotonic(now) });
                }
            }
        }
    }
}

#[test]
fn every_release_of_the_properties_can_be_read() {
    assert!(RELEASES.iter().all(|text| release(text).services.len() == text.split_whitespace().count()));
}
