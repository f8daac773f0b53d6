//! The world with everything that can happen, at random: the invariants hold at each decision (`world/invariants.rs`), and once the
//! disasters are over it converges. Not here: the rows that name what exactly happens (beside each step).

use evenkeel_model::{CauseKind, Phase};
use proptest::prelude::*;

use crate::world::{Kill, World, assignment, release};
use crate::{Inputs, Ledger, Memory, decide};

mod blues;
mod ends;
mod shares;

use self::ends::{the_right_one_is_routed_to, the_right_set_is_left};

/// Stories of a usual run: each is a few thousand decisions.
const CASES: u32 = 192;

const RELEASES: [&str; 29] = [
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
    "web:good-1:routed",
    "web:good-2:routed",
    "web:good-3:routed:keep-stopped",
    "web:good-1:routed:stop-first",
    "web:good-2:routed:stop-first:lb",
    "web:crash-2:routed",
    "web:sick-2:routed:keep-stopped",
    "web:unready-2:routed:routed=81",
    "web:dies-1:routed:stop-first:lb",
    "web:good-1:routed worker:good-2:routed=81:stop-first keep=2",
    "web:good-2:routed=82 worker:sick-2:routed=81",
    "site:good-2:routed worker:good-2:keep-running",
    "web:good-1:direct",
    "web:slow-1:routed",
    "web:slow-2:stop-first",
];

/// What a host may have come from.
const SERVING: [&str; 8] = [
    "web:good-1",
    "web:good-2:stop-first",
    "web:good-1:routed",
    "web:good-2:routed:keep-stopped",
    "web:good-1:routed:stop-first:lb",
    "web:good-1:routed worker:good-2:routed=81:stop-first",
    "web:good-1:direct",
    "site:good-1:routed worker:good-1",
];

const FAILING: [&str; 10] =
    ["pull", "create", "start", "stop", "remove", "set-restart", "collect", "route", "cut", "forget"];

/// What may happen between two steps.
#[derive(Debug, Clone)]
enum Event {
    Deploy(usize, Phase),
    /// A release at so many percent.
    Stage(usize, u32),
    /// A release that leaves what it replaces running for so many seconds.
    Replace(usize, Phase, u32),
    Order(Phase),
    Share(u32),
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
    ProxyDown(u8),
    ProxyRestart,
    ProxyLost,
    /// What is under way lasts so many steps, or for ever.
    Lasting(Option<u8>),
    Taken(u16, bool),
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
        2 => (1..60u8).prop_map(Event::ProxyDown),
        1 => Just(Event::ProxyRestart),
        1 => Just(Event::ProxyLost),
        2 => prop::option::of(0..20u8).prop_map(Event::Lasting),
        1 => (80..83u16, any::<bool>()).prop_map(|(port, taken)| Event::Taken(port, taken)),
    ]
}

/// What may happen without anybody outside noticing.
fn disturbance() -> impl Strategy<Value = Event> {
    let kill = prop_oneof![Just(Kill::BeforeLedger), Just(Kill::BeforeAct), Just(Kill::AfterAct)];
    prop_oneof![
        4 => kill.prop_map(Event::Kill),
        1 => (1..10u8).prop_map(Event::ProxyDown),
        1 => Just(Event::ProxyRestart),
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
        Event::Stage(release, percent) => world.deploy(&format!("{} share={percent}", RELEASES[*release])),
        Event::Replace(release, phase, seconds) => {
            world.deploy_as(&format!("{} blue={seconds}", RELEASES[*release]), *phase);
        }
        Event::Share(percent) if world.ledger.accepted.is_some() => drop(world.share(*percent)),
        Event::Order(phase) if world.ledger.accepted.is_some() => drop(world.order(*phase)),
        Event::Share(_) | Event::Order(_) => {}
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
        Event::ProxyDown(seconds) => world.proxy_down(u64::from(*seconds)),
        Event::ProxyRestart => world.proxy_restart(),
        Event::ProxyLost => {
            world.proxy.plan = None;
            world.proxy_restart();
        }
        Event::Lasting(steps) => world.proxy.lasting = steps.map(u32::from),
        // The proxy has what it has.
        Event::Taken(port, true) if !world.proxy.has(*port) => drop(world.proxy.taken.insert(*port)),
        Event::Taken(port, _) => drop(world.proxy.taken.remove(port)),
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
    world.proxy.taken.clear();
    world.disaster = None;
    world.run(60);
    world.kill();
    world.run(300);
}

/// `PROPTEST_CASES` sets the number of stories.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { CASES };
    ProptestConfig { cases, ..asked }
}

fn is_ailing(ledger: &Ledger) -> bool {
    let text = ledger.base.as_ref().map(|base| String::from_utf8_lossy(&base.manifest).into_owned());
    text.is_some_and(|text| ["/sick", "/unready"].iter().any(|kind| text.contains(kind)))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_it_converges_and_no_invariant_breaks(events in prop::collection::vec(event(), 1..30)) {
        let mut world = World::new();
        for event in &events {
            happen(&mut world, event);
        }
        heal(&mut world);
        the_right_set_is_left(&world);
        the_right_one_is_routed_to(&world);
        let before = world.state();
        world.forget_the_past();
        world.run(60);
        prop_assert_eq!(before, world.state(), "what has converged stays");
        // What says no is restarted now and then, as long as it does.
        world.log.retain(|action| !(is_ailing(&world.ledger) && (action.starts_with("stop") || action.starts_with("start"))));
        prop_assert!(world.log.is_empty(), "what has converged is left alone: {:?}", world.log);
    }

    #[test]
    fn kills_and_a_proxy_that_comes_and_goes_never_change_the_end(
        from in prop::sample::select(SERVING.as_slice()),
        to in 0..RELEASES.len(),
        disturbances in prop::collection::vec((0..20u8, disturbance()), 0..8),
    ) {
        let mut undisturbed = World::serving(from);
        undisturbed.deploy(RELEASES[to]);
        undisturbed.run(300);
        let mut world = World::serving(from);
        world.deploy(RELEASES[to]);
        for (after, disturbance) in disturbances {
            steps(&mut world, after);
            happen(&mut world, &disturbance);
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
    let services = |text: &str| text.split_whitespace().filter(|word| word.contains(':')).count();
    assert!(RELEASES.iter().all(|text| release(text).services.len() == services(text)));
}
