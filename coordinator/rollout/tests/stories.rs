//! Random fleets, policies and events, over all strategies and gates. Not here: what an event does (`properties.rs`), what must hold (`invariants.rs`).

use std::collections::BTreeSet;

use evenkeel_model::analysis::Source;
use evenkeel_model::gate::{Approval, Check, GateWaves, Window};
use evenkeel_model::{
    Analysis, CauseKind, Count, Failure, Gate, GatePoint, Millis, OnFailure, Policy, PrefetchState, Promote,
    ReleaseNumber, Share, Strategy as Moved, Wave, Waves,
};
use evenkeel_rollout::{Duty, Kind, Measured, approve, pause, promote, resume};
use proptest::prelude::*;

use crate::world::{self, Word, World};

/// What happens next. Hosts are meant modulo their number.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Say(&'static str, Word),
    Measured(Measured),
    Freeze(bool),
    Duty(usize, Duty),
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
    Abort {
        rollback: bool,
    },
    Begin {
        to: u64,
        kind: Kind,
    },
    /// Another rollout takes over.
    Supersede,
}

#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) hosts: usize,
    pub(crate) fresh: bool,
    pub(crate) policy: Policy,
    pub(crate) constrained: bool,
    pub(crate) events: Vec<Event>,
}

fn count() -> impl Strategy<Value = Count> {
    prop_oneof![(1..6u32).prop_map(Count::Hosts), (0..=100u8).prop_map(Count::Percent)]
}

fn wave() -> impl Strategy<Value = Wave> {
    let own = proptest::option::weighted(0.1, Just(Millis::seconds(60)));
    (count(), own).prop_map(|(hosts, bake)| Wave { bake, ..Wave::from(hosts) })
}

fn waves() -> impl Strategy<Value = Waves> {
    prop_oneof![
        4 => proptest::collection::vec(wave(), 0..3).prop_map(Waves::List),
        1 => (1..3u32, 2..4u32).prop_map(|(first, times)| Waves::Exponential { first, times }),
    ]
}

fn gate() -> impl Strategy<Value = Gate> {
    let at =
        prop_oneof![Just(GatePoint::Before), Just(GatePoint::Switch), Just(GatePoint::Commit), Just(GatePoint::After),];
    let waves = prop_oneof![3 => Just(GateWaves::Every), 1 => Just(GateWaves::First), 1 => Just(GateWaves::Last), 1 => Just(GateWaves::Only(1))];
    // The stories begin at midnight, 1970-01-01 (a Thursday), and last hours.
    let window = |start, length| {
        let length = Millis::minutes(length);
        Check::Window(Window { days: BTreeSet::new(), start, length, zone: "UTC".to_owned() })
    };
    let analysis = Analysis {
        name: "errors".to_owned(),
        source: Source::Http { url: "http://shop/".to_owned(), status: (200, 299), body: None },
        samples: 2,
        interval: Millis::seconds(30),
        max_bad: 0,
        max_inconclusive: 0,
    };
    let check = prop_oneof![
        (1..4u8).prop_map(|persons| Check::Approval(Approval { persons })),
        // One that closes soon, and one that opens soon.
        Just(window(0, 30)),
        Just(window(20, 600)),
        Just(Check::Analysis(analysis)),
    ];
    (at, waves, check).prop_map(|(at, waves, check)| Gate { at, waves, check })
}

/// Strategy, promotion, weights.
fn moved() -> impl Strategy<Value = (Moved, Promote, Vec<Share>)> {
    let weights = [vec![], vec![5, 25]].map(|weights: Vec<u32>| {
        weights.into_iter().map(|percent| Share::try_from(percent).unwrap()).collect::<Vec<_>>()
    });
    let moved = prop_oneof![3 => Just(Moved::Rolling), 2 => Just(Moved::Canary), 2 => Just(Moved::BlueGreen)];
    let promote = prop_oneof![3 => Just(Promote::Auto), 1 => Just(Promote::Manual)];
    (moved, promote, proptest::sample::select(weights.to_vec()))
}

pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    let gates = prop_oneof![Just(Vec::new()), proptest::collection::vec(gate(), 1..3)];
    let by = proptest::option::weighted(0.2, Just("zone".to_owned()));
    let floor = proptest::option::weighted(0.2, (0..70u8).prop_map(Count::Percent));
    (plain_policy(), moved(), gates, by, floor).prop_map(|(policy, moved, gates, by, min_healthy)| {
        let (strategy, promote, weights) = moved;
        Policy { strategy, promote, weights, gates, by, min_healthy, ..policy }
    })
}

fn plain_policy() -> impl Strategy<Value = Policy> {
    (
        waves(),
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

pub(crate) fn prefetch_state() -> impl Strategy<Value = PrefetchState> {
    let failure = || Failure::plain(CauseKind::RegistryUnreachable, "no answer");
    prop_oneof![
        2 => Just(PrefetchState::Present),
        1 => Just(PrefetchState::Fetching { failure: Some(failure()) }),
        1 => Just(PrefetchState::GivenUp { failure: failure() }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let host = 0..8usize;
    let word = prop_oneof![
        1 => Just(pause as Word),
        3 => Just(resume as Word),
        3 => Just(promote as Word),
        6 => Just(approve as Word),
    ];
    let duty = prop_oneof![Just(Duty::Active), Just(Duty::Cordoned), Just(Duty::Drained)];
    let measured = prop_oneof![
        6 => Just(Measured::Answer { good: true, said: "200".to_owned() }),
        1 => Just(Measured::Answer { good: false, said: "503".to_owned() }),
        1 => Just(Measured::Nothing("no answer".to_owned())),
    ];
    prop_oneof![
        4 => (proptest::sample::select(vec!["ann", "bob", "eve"]), word).prop_map(|(by, word)| Event::Say(by, word)),
        3 => measured.prop_map(Event::Measured),
        1 => any::<bool>().prop_map(Event::Freeze),
        1 => (host.clone(), duty).prop_map(|(host, duty)| Event::Duty(host, duty)),
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
    ]
}

fn begin() -> impl Strategy<Value = Vec<Event>> {
    let kind = prop_oneof![4 => Just(Kind::Deploy), 1 => Just(Kind::Rollback)];
    (1..4u64, kind, proptest::bool::weighted(0.3)).prop_map(|(to, kind, supersede)| {
        let before = supersede.then_some(Event::Supersede);
        before.into_iter().chain([Event::Begin { to, kind }]).collect()
    })
}

/// All goes well for a while: else hardly a story would come past a gate, because so much has to be said and done in its order before that.
fn goes_well() -> impl Strategy<Value = Vec<Event>> {
    let good = || Event::Measured(Measured::Answer { good: true, said: "200".to_owned() });
    let words = |word: Word| ["ann", "bob", "eve"].map(|by| Event::Say(by, word));
    let round = move |seconds: u64| {
        let mut round = vec![Event::AllHealthy, Event::Pass(seconds), Event::AllHealthy];
        round.extend(words(approve));
        round.extend([good(), Event::Pass(31), good(), Event::Say("ann", promote), Event::AllHealthy]);
        round
    };
    (1..5usize, prop_oneof![4 => Just(31), 1 => Just(1201)])
        .prop_map(move |(times, seconds)| (0..times).flat_map(|_| round(seconds)).collect())
}

/// A host of a healthy wave is not healthy for a moment, in the midst of its bake.
fn relapses() -> impl Strategy<Value = Vec<Event>> {
    let pass = || Event::Pass(20);
    (0..8usize).prop_map(move |host| vec![Event::AllHealthy, pass(), Event::Sick(host), Event::AllHealthy, pass()])
}

/// What hinders one host, or fails it, or keeps all of them.
fn trouble() -> impl Strategy<Value = Vec<Event>> {
    let events = |host: usize| {
        [
            vec![Event::Silent(host)],
            vec![Event::Sick(host)],
            vec![Event::Fails(host)],
            vec![Event::AllHealthy, Event::Fails(host), Event::Fails(host + 1), Event::Fails(host + 2)],
            vec![Event::Say("eve", pause)],
            vec![Event::Freeze(true)],
        ]
    };
    (0..8usize, 0..6usize).prop_map(move |(host, which)| events(host)[which].clone())
}

/// What happens: one thing after the other, whatever it is; or a rollout for which all goes well but for a thing or two.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = || event().prop_map(|event| vec![event]);
    let whatever = prop_oneof![40 => one(), 2 => begin(), 1 => goes_well()];
    let mostly_well = prop_oneof![2 => one(), 2 => goes_well(), 1 => trouble(), 1 => relapses()];
    prop_oneof![
        2 => proptest::collection::vec(whatever, 1..60),
        1 => (begin(), proptest::collection::vec(mostly_well, 1..12)).prop_map(|(first, then)| [vec![first], then].concat()),
    ]
    .prop_map(|events| events.concat())
}

pub(crate) fn story() -> impl Strategy<Value = Story> {
    (1..8usize, proptest::bool::weighted(0.2), policy(), proptest::bool::weighted(0.2), events())
        .prop_map(|(hosts, fresh, policy, constrained, events)| Story { hosts, fresh, policy, constrained, events })
}

pub(crate) fn web(is: bool) -> std::collections::BTreeMap<String, String> {
    [("role".to_owned(), if is { "web" } else { "db" }.to_owned())].into()
}

impl Story {
    pub(crate) fn world(&self) -> World {
        let mut world = World::new();
        world.policy = self.policy.clone();
        for number in 1..=3 {
            let asked = if self.constrained { vec![("role".to_owned(), "web".to_owned())] } else { Vec::new() };
            let number = ReleaseNumber(number);
            world.releases.insert(number, world::manifest(number, &[("app".to_owned(), asked)]));
        }
        for number in 1..=self.hosts {
            let mut labels = web(number != 3);
            labels.insert("zone".to_owned(), format!("z{}", number % 2));
            world.join(format!("h{number}").parse().unwrap(), labels);
        }
        if !self.fresh {
            world.run(ReleaseNumber(1));
        }
        world
    }
}
